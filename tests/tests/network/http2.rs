//! Frames of HTTP/2, written by hand.

use std::net::SocketAddr;

use aftercall_tests::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The path of the health check.
pub(crate) const CHECK: &str = "/grpc.health.v1.Health/Check";

/// An empty gRPC message.
pub(crate) const EMPTY: [u8; 5] = [0; 5];

/// A frame as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
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
pub(crate) fn header_block(headers: &[(&str, &str)]) -> Vec<u8> {
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
pub(crate) fn grpc_headers(path: &str) -> Vec<u8> {
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
pub(crate) fn request(stream: u32, path: &str) -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, stream, &grpc_headers(path));
    [head, frame(DATA, END_STREAM, stream, &EMPTY)].concat()
}

/// A connection that has sent its preface and these settings.
pub(crate) async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let settings: Vec<u8> = settings
        .iter()
        .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    stream
        .write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat())
        .await
        .expect("it is sent");
    stream
}

/// A frame that was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// The next frame; nothing where the connection has ended.
pub(crate) async fn next(stream: &mut TcpStream) -> Option<Read> {
    let reading = async {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, s, t, u, v] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await.ok()?;
        Some(Read {
            kind,
            flags,
            stream: u32::from_be_bytes([s, t, u, v]),
            payload,
        })
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("a frame in time, or the end")
}

/// Reads until a stream ends; the bytes of its header blocks, in which literals can be found.
pub(crate) async fn answer(stream: &mut TcpStream, of: u32) -> Vec<u8> {
    let mut blocks = Vec::new();
    while let Some(read) = next(stream).await {
        if read.stream == of && read.kind == HEADERS {
            blocks.extend_from_slice(&read.payload);
        }
        if read.stream == of
            && (read.kind == RST_STREAM || read.flags & END_STREAM != 0 && read.kind <= HEADERS)
        {
            return blocks;
        }
    }
    panic!("the connection ended before stream {of} did");
}
