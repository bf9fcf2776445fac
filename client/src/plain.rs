//! A connection in plain text that recognizes a server which speaks TLS.
//!
//! Such a server answers with an alert of TLS and closes the connection, often before this side has
//! written all. The failed write would hide the alert.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::error::Error;

/// The first byte of an alert of TLS. A frame of HTTP/2 that begins so would be longer than any that
/// is allowed at the beginning.
const ALERT: u8 = 0x15;

/// A stream that has not read anything yet, or has read no alert.
#[derive(Debug)]
pub(crate) struct Plain {
    stream: TcpStream,
    has_read: bool,
}

impl Plain {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            has_read: false,
        }
    }

    /// Before the first read, a failed write is left to the read: it finds the alert, or the same
    /// end of the connection.
    fn written(&self, result: io::Result<usize>, bytes: usize) -> io::Result<usize> {
        match result {
            Err(_) if !self.has_read => Ok(bytes),
            other => other,
        }
    }
}

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if !self.has_read {
            self.has_read = true;
            if buffer.filled().get(before) == Some(&ALERT) {
                return Poll::Ready(Err(io::Error::other(Error::OnlyTls)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        Poll::Ready(self.written(result, bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices));
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        Poll::Ready(self.written(result, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
