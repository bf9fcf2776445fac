//! Why following ended, or no connection could be made.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::token::TokenError;

/// Why following ended, or no connection could be made.
#[derive(Debug, Error)]
pub enum Error {
    /// The address is none.
    #[error("{address} is not an address such as 127.0.0.1:7402 or https://calls.example.com:7402")]
    Address {
        /// As it was given.
        address: String,
    },
    /// A file of TLS cannot be used.
    #[error("the {what} {} cannot be used: {reason}", path.display())]
    File {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// There is no token to send.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token would be sent in plain text to another machine.
    #[error(
        "{address} is plain text on a network, where others could read the token: nothing was sent"
    )]
    PlainTextToken {
        /// The address of the server.
        address: String,
    },
    /// No server answers, and the first connection was not to be waited for.
    #[error("no server answers: {0}")]
    Unreachable(#[source] io::Error),
    /// The certificate of the server is not trusted.
    #[error("the server's certificate is not trusted: {reason}")]
    Untrusted {
        /// Why.
        reason: String,
    },
    /// The address asks for TLS, and the server answers in something else.
    #[error("the server does not speak TLS at this port; plain text is http://")]
    NoTls,
    /// The address asks for plain text, and the server seems to speak TLS.
    #[error("the server does not speak plain text at this port; TLS is https://")]
    OnlyTls,
    /// The server requires a client certificate, and got none.
    #[error("the server requires a client certificate")]
    CertificateRequired,
    /// The handshake of TLS failed otherwise.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] io::Error),
    /// The server speaks TLS, but not HTTP/2.
    #[error("the server does not offer HTTP/2, which gRPC needs; is it an Aftercall server?")]
    NoHttp2,
    /// HTTP/2 failed on a new connection.
    #[error("the connection failed: {0}")]
    Transport(#[source] tonic::transport::Error),
    /// The server refuses the request: the same again would be refused again.
    #[error("the server refuses: {}", .0.message())]
    Refused(#[source] Box<Status>),
}

/// The error of a request that a server refused, or that a connection did not carry.
impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let mut cause = std::error::Error::source(&status);
        // HTTP/2 keeps the text of an error, not its type.
        while let Some(error) = cause {
            let text = error.to_string();
            // An Aftercall server with TLS says this to a client without.
            let http2 = error.downcast_ref().and_then(h2::Error::reason);
            if http2 == Some(h2::Reason::INADEQUATE_SECURITY) {
                return Self::OnlyTls;
            }
            if text.contains(&Self::OnlyTls.to_string()) {
                return Self::OnlyTls;
            }
            if text.contains(&certificate_required()) {
                return Self::CertificateRequired;
            }
            cause = error.source();
        }
        Self::Refused(Box::new(status))
    }
}

impl Error {
    /// Whether the same may succeed later, without anybody changing this program's settings.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Address { .. } | Self::PlainTextToken { .. } => false,
            Self::Refused(status) => is_passing(status),
            // Files, certificates and tokens are replaced while this program runs.
            Self::File { .. }
            | Self::Token(_)
            | Self::Unreachable(_)
            | Self::Untrusted { .. }
            | Self::NoTls
            | Self::OnlyTls
            | Self::CertificateRequired
            | Self::Handshake(_)
            | Self::NoHttp2
            | Self::Transport(_) => true,
        }
    }
}

/// The text of the end of a connection whose server requires a client certificate. In TLS 1.3 it
/// comes only after the handshake.
fn certificate_required() -> String {
    rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired).to_string()
}

/// Whether a broken stream may be opened again with the same request.
pub(crate) fn is_passing(status: &Status) -> bool {
    use Code::{Cancelled, DeadlineExceeded, Internal, ResourceExhausted, Unavailable, Unknown};
    matches!(
        status.code(),
        Unavailable | Unknown | Cancelled | Internal | ResourceExhausted | DeadlineExceeded
    )
}

/// Reason of the server: the connection has reached its age, and the stream continues on a new one.
const CONNECTION_AGE: &str = "CONNECTION_AGE";

/// Whether the server ended a stream only because its connection has reached its age.
pub(crate) fn is_connection_age(status: &Status) -> bool {
    let info = status.get_details_error_info();
    info.is_some_and(|info| info.reason == CONNECTION_AGE)
}

/// An error in the words of its innermost cause, which say most.
pub(crate) fn innermost(error: &Error) -> String {
    let Error::Transport(transport) = error else {
        return error.to_string();
    };
    let mut cause: &dyn std::error::Error = transport;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_request_is_not_repeated() {
        assert!(is_passing(&Status::unavailable("draining")));
        assert!(!is_passing(&Status::invalid_argument("filter")));
        assert!(!is_passing(&Status::out_of_range("token")));
    }
}
