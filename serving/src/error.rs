//! Why a server cannot start.

use std::io;
use std::net::SocketAddr;

use aftercall_identity::SetUpError;
use thiserror::Error;

use crate::audit::AuditError;
use crate::tls::TlsError;

/// Why a server cannot serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// An address that other machines reach, without protection.
    #[error(
        "{0} can be reached from other machines, and TLS is not configured: name a certificate with --tls-certificate and --tls-key (`aftercall certificate create` makes one to try), listen on a loopback address (127.0.0.1 or ::1), or use --insecure if you trust the network"
    )]
    NotProtected(SocketAddr),
    /// An address that other machines reach, on which no proof is required.
    #[error(
        "{0} can be reached from other machines, and nobody would be asked who they are: name the tokens that the server accepts with --tokens-file (`aftercall token create` makes one), or trusted issuers and certificates with --access-file, or use --insecure if you trust the network"
    )]
    NoProof(SocketAddr),
    /// A file with tokens or access rules cannot be used.
    #[error("proof of identity cannot be set up: {0}")]
    Proof(#[from] SetUpError),
    /// The address is not available.
    #[error(
        "cannot listen on {address}: {error}; another process may have the port: choose one with --listen"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        error: io::Error,
    },
    /// The certificate, its key or the CA of clients cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TlsError),
    /// The audit log cannot be written.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Reflection or the transport refuses its own set-up.
    #[error("the server cannot be set up: {0}")]
    SetUp(String),
}

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the setting {setting} is invalid: {message}")]
pub struct SettingError {
    /// Its name in the configuration file.
    pub setting: &'static str,
    /// What is wrong with it, and what it should be.
    pub message: String,
}

impl SettingError {
    /// An error of a setting.
    pub fn new(setting: &'static str, message: impl Into<String>) -> Self {
        Self {
            setting,
            message: message.into(),
        }
    }
}
