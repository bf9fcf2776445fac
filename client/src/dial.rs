//! Opens connections to a server: TCP, and TLS where the address is of `https://`.
//!
//! Promise: an address of `https://` never gets plain text. Must not: know what is sent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::error::Error;
use crate::tls::{Files, handshake_error};

/// An open connection: plain text, or TLS.
pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A server that is there answers within this, its handshake included.
const CONNECT: Duration = Duration::from_secs(5);
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2, which gRPC needs.
    Http2,
    /// HTTP/1.1, for `/metrics` and the probes.
    Http1,
}

impl Protocol {
    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http2 => b"h2",
            Self::Http1 => b"http/1.1",
        }
    }
}

/// Whether an address requires TLS.
pub(crate) fn has_tls(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// Opens a connection within [`CONNECT`].
pub(crate) async fn dial(uri: &Uri, files: &Files, protocol: Protocol) -> Result<Stream, Error> {
    let opened = timeout(CONNECT, open(uri, files, protocol)).await;
    opened.unwrap_or_else(|_| {
        let seconds = CONNECT.as_secs();
        let why = format!("nothing came within {seconds} s");
        Err(Error::Unreachable(io::Error::new(
            io::ErrorKind::TimedOut,
            why,
        )))
    })
}

async fn open(uri: &Uri, files: &Files, protocol: Protocol) -> Result<Stream, Error> {
    let host = uri.host().unwrap_or_default();
    // An IPv6 address has brackets in a URI, and none elsewhere.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if !has_tls(uri) {
        return Ok(Either::Left(tcp(host, uri, HTTP_PORT).await?));
    }
    let config = Arc::new(files.config(protocol.alpn())?);
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Address {
        address: uri.to_string(),
    })?;
    let stream = tcp(host, uri, HTTPS_PORT).await?;
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(handshake_error)?;
    let agreed = stream.get_ref().1.alpn_protocol();
    if protocol == Protocol::Http2 && agreed != Some(protocol.alpn()) {
        return Err(Error::NoHttp2);
    }
    Ok(Either::Right(Box::new(stream)))
}

async fn tcp(host: &str, uri: &Uri, usual_port: u16) -> Result<TcpStream, Error> {
    let port = uri.port_u16().unwrap_or(usual_port);
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(Error::Unreachable)?;
    stream.set_nodelay(true).map_err(Error::Unreachable)?;
    Ok(stream)
}
