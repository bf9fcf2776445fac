//! What a client without TLS reads from a port with TLS: a sentence that says so, in its own
//! protocol. Without it such a client reports bytes that it cannot read.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::limits::PLAIN_REQUEST_BYTES_MAX;

const SENTENCE: &str = "this port uses TLS: give the client an https:// address";

/// `INADEQUATE_SECURITY` (RFC 9113, section 7).
const INADEQUATE_SECURITY: u8 = 0xc;

/// Whether the client begins a TLS handshake (RFC 8446, section 5.1); `None` if it has closed the
/// connection.
pub(crate) async fn is_tls(socket: &TcpStream) -> io::Result<Option<bool>> {
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    let read = socket.peek(&mut first).await?;
    Ok((read > 0).then_some(first[0] == HANDSHAKE))
}

/// Answers a client that sent plain text, and waits until it has read that.
pub(crate) async fn explain(mut socket: TcpStream) -> io::Result<()> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await?;
    socket.write_all(&answer(head)).await?;
    socket.shutdown().await?;
    // A socket with unread bytes is reset when it is closed, and the answer would be lost.
    let mut rest = socket.take(PLAIN_REQUEST_BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink())
        .await
        .map(|_| ())
}

/// The answer to a client that begins like this.
fn answer(head: [u8; 4]) -> Vec<u8> {
    if &head == b"PRI " {
        let length = u8::try_from(8 + SENTENCE.len()).unwrap_or(u8::MAX);
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let go_away = [0, 0, length, 7, 0, 0, 0, 0, 0];
        let no_stream = [0; 4];
        let code = [0, 0, 0, INADEQUATE_SECURITY];
        return [
            &settings[..],
            &go_away,
            &no_stream,
            &code,
            SENTENCE.as_bytes(),
        ]
        .concat();
    }
    let length = SENTENCE.len() + 1;
    format!("HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{SENTENCE}\n").into_bytes()
}
