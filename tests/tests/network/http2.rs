//! Connections whose frames of HTTP/2 are written by hand.

use std::net::SocketAddr;

use aftercall_tests::PATIENCE;
pub(crate) use aftercall_tests::http2::{
    CHECK, CONTINUATION, DATA, EMPTY, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, grpc_headers, header_block, request,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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
