//! Refusals that both servers share, before a request reaches a service, and the one place where
//! they become answers.

use std::collections::HashMap;
use std::time::Duration;

use aftercall_identity::{Denied, Roles};
use aftercall_proto::access::v1::Role;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use thiserror::Error;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of every reason.
const DOMAIN: &str = "aftercall";
/// When to ask again where a limit may have room soon.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Characters of what the client sent that are repeated to it.
const ECHO_CHARS_MAX: usize = 100;

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("this server does not answer to the host {:?}: use its address, or start it with --allowed-host NAME", short(.host))]
    Host { host: String },
    #[error("web pages of {:?} may not use this server: start it with --web-origin ORIGIN if they should", short(.origin))]
    Origin { origin: String },
    #[error(
        "gRPC-Web is off: start the server with --web-origin ORIGIN, the origin of the web pages that may use it"
    )]
    WebIsOff,
    #[error("a gRPC request is a POST over HTTP/2 with content-type application/grpc")]
    NotGrpc,
    #[error("there is nothing at {:?}: this port answers gRPC, and /livez, /readyz and /metrics over plain HTTP", short(.path))]
    NoSuchPath { path: String },
    #[error(
        "this server answers gRPC and gRPC-Web, not the Connect protocol: give your client a gRPC or gRPC-Web transport"
    )]
    Connect,
    #[error(
        "this server has no such method: its reflection lists the services and methods that it has"
    )]
    NoSuchMethod,
    #[error("the request is larger than this method allows: {}", short(.found))]
    RequestBytes { found: String },
    #[error("the compression of the request is not supported, gzip and zstd are: {}", short(.found))]
    Compression { found: String },
    #[error(
        "all connections of this server are taken: this one is only for /livez, /readyz and /metrics"
    )]
    ProbesOnly,
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(
        "{method} needs another role than yours: one of {roles}; ask the operator of this server for it"
    )]
    Role { method: &'static str, roles: Roles },
    #[error(
        "your roles or your scope have changed since this stream began: open it again to see what you may see now"
    )]
    RightsChanged,
    #[error(
        "the connection of this stream has reached its age: open the stream again on a new one, and it continues"
    )]
    ConnectionAge,
    #[error(
        "this server does not accept the CA of your client certificate any more: connect again with a certificate of a CA that it accepts"
    )]
    CertificateUntrusted,
    #[error("you are {name:?} and cannot act as {:?}: leave `actor` empty", short(.actor))]
    Actor { name: String, actor: String },
    #[error("the time that the client gave in grpc-timeout is over")]
    Deadline,
    #[error(
        "the request was not answered within {seconds} s: ask for less, or send it again with the same request id, which does nothing twice"
    )]
    RequestTime { seconds: u64 },
    #[error(
        "{limit} of your requests are under way already: wait for one of them, and send this one again"
    )]
    InFlight { limit: u32 },
    #[error("you send more than {limit} requests in a second: wait, and send this one again")]
    Rate { limit: u32 },
    #[error("the headers of the request have {bytes} bytes, and the limit is {limit}")]
    HeaderBytes { bytes: usize, limit: u32 },
    #[error("the request was not complete within {seconds} s: send it again")]
    SlowRequest { seconds: u64 },
    #[error("unfinished requests hold too many bytes: finish some of them first")]
    UnfinishedRequests,
    #[error("unread answers hold too many bytes: read those of this connection first")]
    UnreadAnswers,
}

/// Every stable name, for the metrics.
pub(crate) const REASONS: &[&str] = &[
    "ACTOR_NOT_ALLOWED",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_UNTRUSTED",
    "COMPRESSION_NOT_SUPPORTED",
    "CONNECTION_AGE",
    "CONNECT_NOT_SUPPORTED",
    "DEADLINE_EXCEEDED",
    "GRPC_WEB_IS_OFF",
    "HEADER_BYTES",
    "HOST_NOT_ALLOWED",
    "ISSUER_KEYS_MISSING",
    "NOT_GRPC",
    "NO_SUCH_METHOD",
    "NO_SUCH_PATH",
    "ORIGIN_NOT_ALLOWED",
    "PROOF_REQUIRED",
    "REQUEST_BYTES",
    "REQUEST_RATE",
    "REQUEST_TIME",
    "REQUEST_TOO_SLOW",
    "RIGHTS_CHANGED",
    "ROLE_MISSING",
    "TOKEN_EXPIRED",
    "TOKEN_INVALID",
    "TOKEN_NOT_YET_VALID",
    "TOKEN_REVOKED",
    "TOO_MANY_CONNECTIONS",
    "TOO_MANY_REQUESTS_IN_FLIGHT",
    "TOO_MANY_UNFINISHED_BYTES",
    "TOO_MANY_UNREAD_BYTES",
];

impl Refusal {
    /// The refusal of a method whose rule names other roles.
    pub(crate) fn role(method: &'static str, roles: &[Role]) -> Self {
        let roles = roles.iter().copied().collect();
        Self::Role { method, roles }
    }

    /// Its stable name, for programs, metrics and the audit log.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Host { .. } => "HOST_NOT_ALLOWED",
            Self::Origin { .. } => "ORIGIN_NOT_ALLOWED",
            Self::WebIsOff => "GRPC_WEB_IS_OFF",
            Self::NotGrpc => "NOT_GRPC",
            Self::NoSuchPath { .. } => "NO_SUCH_PATH",
            Self::Connect => "CONNECT_NOT_SUPPORTED",
            Self::NoSuchMethod => "NO_SUCH_METHOD",
            Self::RequestBytes { .. } => "REQUEST_BYTES",
            Self::Compression { .. } => "COMPRESSION_NOT_SUPPORTED",
            Self::ProbesOnly => "TOO_MANY_CONNECTIONS",
            Self::Denied(denied) => denied.reason(),
            Self::Role { .. } => "ROLE_MISSING",
            Self::RightsChanged => "RIGHTS_CHANGED",
            Self::CertificateUntrusted => "CERTIFICATE_UNTRUSTED",
            Self::ConnectionAge => "CONNECTION_AGE",
            Self::Actor { .. } => "ACTOR_NOT_ALLOWED",
            Self::Deadline => "DEADLINE_EXCEEDED",
            Self::RequestTime { .. } => "REQUEST_TIME",
            Self::InFlight { .. } => "TOO_MANY_REQUESTS_IN_FLIGHT",
            Self::Rate { .. } => "REQUEST_RATE",
            Self::HeaderBytes { .. } => "HEADER_BYTES",
            Self::SlowRequest { .. } => "REQUEST_TOO_SLOW",
            Self::UnfinishedRequests => "TOO_MANY_UNFINISHED_BYTES",
            Self::UnreadAnswers => "TOO_MANY_UNREAD_BYTES",
        }
    }

    /// Its code in gRPC.
    pub(crate) fn code(&self) -> Code {
        self.codes().0
    }

    fn codes(&self) -> (Code, StatusCode) {
        match self {
            Self::Host { .. } => (Code::PermissionDenied, StatusCode::MISDIRECTED_REQUEST),
            Self::Origin { .. } => (Code::PermissionDenied, StatusCode::FORBIDDEN),
            Self::WebIsOff | Self::NotGrpc => {
                (Code::InvalidArgument, StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::Connect | Self::Compression { .. } => {
                (Code::Unimplemented, StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::NoSuchPath { .. } | Self::NoSuchMethod => {
                (Code::Unimplemented, StatusCode::NOT_FOUND)
            }
            Self::RequestBytes { .. } => (Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE),
            Self::ProbesOnly | Self::ConnectionAge => {
                (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Denied(Denied::NoKeys) => (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
            Self::Denied(_) | Self::RightsChanged | Self::CertificateUntrusted => {
                (Code::Unauthenticated, StatusCode::UNAUTHORIZED)
            }
            Self::Role { .. } | Self::Actor { .. } => {
                (Code::PermissionDenied, StatusCode::FORBIDDEN)
            }
            Self::HeaderBytes { .. } => (
                Code::ResourceExhausted,
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ),
            Self::Deadline | Self::RequestTime { .. } | Self::SlowRequest { .. } => {
                (Code::DeadlineExceeded, StatusCode::REQUEST_TIMEOUT)
            }
            Self::InFlight { .. }
            | Self::Rate { .. }
            | Self::UnfinishedRequests
            | Self::UnreadAnswers => (Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS),
        }
    }

    /// What a gRPC client is answered. The refusal is counted.
    pub(crate) fn status(&self) -> Status {
        metrics::counter!("aftercall_requests_refused_total", "reason" => self.reason())
            .increment(1);
        let (code, _) = self.codes();
        let mut details = ErrorDetails::new();
        details.set_error_info(self.reason(), DOMAIN, HashMap::new());
        match self {
            // Sent again it is as large.
            Self::RequestBytes { .. } | Self::HeaderBytes { .. } => {
                details.add_quota_failure_violation(self.reason(), self.to_string());
            }
            _ if code == Code::ResourceExhausted => {
                details.set_retry_info(Some(RETRY_AFTER));
            }
            _ => {}
        }
        Status::with_error_details(code, self.to_string(), details)
    }

    /// The answer, in the form that the client understands.
    pub(crate) fn response(&self, is_grpc: bool) -> Response<Body> {
        if is_grpc {
            return self.status().into_http();
        }
        metrics::counter!("aftercall_requests_refused_total", "reason" => self.reason())
            .increment(1);
        let body = match self {
            // Clients of that protocol read an error in this form only.
            Self::Connect => format!(r#"{{"code":"unimplemented","message":"{self}"}}"#),
            _ => format!("{self}\n"),
        };
        let mut response = Response::new(Body::new(axum::body::Body::from(body)));
        *response.status_mut() = self.codes().1;
        let form = if *self == Self::Connect {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
        if matches!(self, Self::Denied(_)) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn short(text: &str) -> &str {
    text.char_indices()
        .nth(ECHO_CHARS_MAX)
        .map_or(text, |(end, _)| &text[..end])
}
