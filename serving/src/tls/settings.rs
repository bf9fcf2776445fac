//! Where the certificate of a server is, and which clients need one.

use std::path::PathBuf;

/// The TLS of a server. Without a certificate it serves plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file: the certificate of the server, then those between it and its CA. Empty for none.
    pub certificate: PathBuf,
    /// PEM file: the private key of the certificate, without a password.
    pub key: PathBuf,
    /// PEM file: the CAs that sign certificates of clients. Empty: clients are not asked for one.
    pub client_ca: PathBuf,
    /// Whether a client without a certificate is refused.
    pub client_required: bool,
}

impl TlsSettings {
    /// Whether the server uses TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    /// Whether clients are asked for a certificate.
    pub(crate) fn has_client_ca(&self) -> bool {
        !self.client_ca.as_os_str().is_empty()
    }
}
