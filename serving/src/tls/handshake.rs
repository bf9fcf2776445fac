//! The TLS handshake with a client, in the task of its connection and within a time limit.
//!
//! Promise: a handshake that fails is counted by its reason and logged, at most once a minute. The
//! audit log has each one that failed for the certificate of the client.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{Error as RustlsError, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::audit::{AuditLog, Event};
use crate::limits::TLS_UNSENT_BYTES_MAX;
use crate::seldom::Seldom;
use crate::tls::explain::{explain, is_tls};

static SLOW: Seldom = Seldom::new();
static PLAIN: Seldom = Seldom::new();
static CERTIFICATES: Seldom = Seldom::new();
static REFUSED: Seldom = Seldom::new();
static PROTOCOL: Seldom = Seldom::new();

/// Why a handshake failed.
#[derive(Debug)]
enum Failure {
    /// It took too long.
    Slow,
    /// The client closed the connection: a check of a load balancer does so.
    Closed,
    /// The client does not use TLS.
    PlainText,
    /// The client has no certificate, or none that is accepted.
    Certificate(RustlsError),
    /// The client refused, mostly the certificate of the server.
    Refused(RustlsError),
    /// Anything else: no common version, or bytes that are not TLS.
    Protocol(RustlsError),
}

/// Begins TLS on a connection; `None` if that failed.
pub(crate) async fn handshake(
    (socket, peer): (TcpStream, SocketAddr),
    config: Arc<ServerConfig>,
    time_max: Duration,
    audit: &AuditLog,
) -> Option<TlsStream<TcpStream>> {
    let begun = tokio::time::timeout(time_max, begin(socket, config)).await;
    match begun.unwrap_or(Err(Failure::Slow)) {
        Ok(stream) => Some(stream),
        Err(failure) => {
            note(&failure, peer);
            if let Failure::Certificate(_) = failure {
                audit.write(Event::Connection {
                    peer,
                    reason: "CLIENT_CERTIFICATE_REFUSED",
                    count: 1,
                });
            }
            None
        }
    }
}

async fn begin(
    socket: TcpStream,
    config: Arc<ServerConfig>,
) -> Result<TlsStream<TcpStream>, Failure> {
    if !is_tls(&socket).await?.ok_or(Failure::Closed)? {
        // What the client does with the answer changes nothing.
        let _ = explain(socket).await;
        return Err(Failure::PlainText);
    }
    let accepting = TlsAcceptor::from(config).accept_with(socket, |session| {
        session.set_buffer_limit(Some(TLS_UNSENT_BYTES_MAX));
    });
    Ok(accepting.await?)
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let inner = error.into_inner();
        let tls = inner.and_then(|inner| inner.downcast::<RustlsError>().ok());
        match tls.map(|error| *error) {
            None => Self::Closed,
            Some(
                error @ (RustlsError::NoCertificatesPresented | RustlsError::InvalidCertificate(_)),
            ) => Self::Certificate(error),
            Some(error @ RustlsError::AlertReceived(_)) => Self::Refused(error),
            Some(error) => Self::Protocol(error),
        }
    }
}

/// The names of the reasons in the metrics.
pub(crate) const REASONS: &[&str] = &[
    "client_certificate",
    "closed",
    "plain_text",
    "protocol",
    "refused_by_client",
    "slow",
];

fn note(failure: &Failure, peer: SocketAddr) {
    let (reason, seldom) = match failure {
        Failure::Slow => ("slow", Some(&SLOW)),
        Failure::Closed => ("closed", None),
        Failure::PlainText => ("plain_text", Some(&PLAIN)),
        Failure::Certificate(_) => ("client_certificate", Some(&CERTIFICATES)),
        Failure::Refused(_) => ("refused_by_client", Some(&REFUSED)),
        Failure::Protocol(_) => ("protocol", Some(&PROTOCOL)),
    };
    metrics::counter!("aftercall_tls_handshakes_failed_total", "reason" => reason).increment(1);
    let Some(count) = seldom.and_then(Seldom::is_due) else {
        return;
    };
    match failure {
        Failure::Closed => {}
        Failure::Slow => {
            tracing::warn!(%peer, count, "a client did not finish the TLS handshake in time: its connection is closed");
        }
        Failure::PlainText => {
            tracing::warn!(%peer, count, "a client sent plain text to a port with TLS: its connection is closed; give the client an https:// address");
        }
        Failure::Certificate(error) => {
            tracing::warn!(%peer, count, %error, "the certificate of a client is missing or not accepted: its connection is closed; see tls_client_ca");
        }
        Failure::Refused(error) => {
            tracing::warn!(%peer, count, %error, "a client refused the TLS handshake: its CA, or the name by which it calls the server, does not fit the certificate");
        }
        Failure::Protocol(error) => {
            tracing::warn!(%peer, count, %error, "the TLS handshake with a client failed: its connection is closed");
        }
    }
}
