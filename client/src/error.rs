//! Why following ended.

use thiserror::Error;
use tonic::Status;

/// Why following ended.
#[derive(Debug, Error)]
pub enum Error {
    /// The address is none.
    #[error("{address} is not an address such as 127.0.0.1:7402")]
    Address {
        /// As it was given.
        address: String,
    },
    /// The address asks for TLS, which the servers do not have yet.
    #[error(
        "{address} asks for TLS, which Aftercall does not have yet: everything would be sent as plain text"
    )]
    NoTls {
        /// As it was given.
        address: String,
    },
    /// No server answers, and the first connection was not to be waited for.
    #[error("no alerter-server answers")]
    Unreachable(#[source] tonic::transport::Error),
    /// The server refuses the request: the same again would be refused again.
    #[error("the alerter-server refuses: {}", .0.message())]
    Refused(#[source] Box<Status>),
}
