//! Frames of HTTP/2, written by hand.

/// Type of a frame with content.
pub const DATA: u8 = 0;
/// Type of a frame that begins headers.
pub const HEADERS: u8 = 1;
/// Type of a frame that nobody needs any more.
pub const PRIORITY: u8 = 2;
/// Type of a frame that resets a stream.
pub const RST_STREAM: u8 = 3;
/// Type of a frame with settings.
pub const SETTINGS: u8 = 4;
/// Type of a frame that wants an answer.
pub const PING: u8 = 6;
/// Type of a frame that lets the peer send more.
pub const WINDOW_UPDATE: u8 = 8;
/// Type of a frame that continues headers.
pub const CONTINUATION: u8 = 9;

/// Flag of the last frame of a stream.
pub const END_STREAM: u8 = 1;
/// Flag of the last frame of headers.
pub const END_HEADERS: u8 = 4;

/// What a client sends first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The path of the health check.
pub const CHECK: &str = "/grpc.health.v1.Health/Check";

/// An empty gRPC message.
pub const EMPTY: [u8; 5] = [0; 5];

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short frame")
        .to_be_bytes();
    [
        &length[1..],
        &[kind, flags],
        &stream.to_be_bytes()[..],
        payload,
    ]
    .concat()
}

/// Headers, each as a literal that no table keeps (RFC 7541, 6.2.2).
pub fn header_block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            block.push(
                u8::try_from(text.len())
                    .ok()
                    .filter(|length| *length < 127)
                    .expect("a short text"),
            );
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// The headers of a gRPC request.
pub fn grpc_headers(path: &str) -> Vec<u8> {
    header_block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ])
}

/// A whole request for an empty message.
pub fn request(stream: u32, path: &str) -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, stream, &grpc_headers(path));
    [head, frame(DATA, END_STREAM, stream, &EMPTY)].concat()
}
