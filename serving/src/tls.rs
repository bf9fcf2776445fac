//! TLS of a server: its certificate, which may change while it runs, and the handshake with each
//! client.
//!
//! Promise: without TLS a connection costs nothing more. Must not: decide who the client is.

mod certificates;
mod checks;
mod explain;
mod files;
mod handshake;
mod settings;
mod stream;
#[cfg(test)]
pub(crate) mod testing;
mod trust;

pub(crate) use certificates::Certificates;
pub(crate) use checks::errors;
pub use files::TlsError;
pub(crate) use handshake::{REASONS as HANDSHAKE_REASONS, handshake};
pub use settings::TlsSettings;
pub(crate) use stream::Stream;
pub(crate) use trust::Trust;
