//! TLS of a client: which servers it trusts, and what it shows of itself.
//!
//! Promise: the files are read again for each connection, and an error names the file and what is
//! wrong with it. Must not: open a connection.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::error::Error;
use crate::pinned::Pinned;

/// The files that TLS needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// The certificate authorities that are trusted; without them those of the system are.
    pub(crate) ca: Option<PathBuf>,
    /// The certificate that alone is trusted, instead of authorities.
    pub(crate) pinned: Option<PathBuf>,
    /// The client's certificate with its chain, and its key.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
}

impl Files {
    /// The settings of TLS for connections of one protocol, by its ALPN name.
    pub(crate) fn config(&self, protocol: &[u8]) -> Result<ClientConfig, Error> {
        // The provider is named here, so that another crate's choice for the process changes
        // nothing.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Handshake(io::Error::other(error)))?;
        let builder = match &self.pinned {
            None => builder.with_root_certificates(self.roots()?),
            Some(path) => {
                // There is at least one.
                let certificate = certificates("certificate of the server", path)?.swap_remove(0);
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(Pinned {
                        certificate,
                        provider,
                    }))
            }
        };
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("client certificate", certificate)?;
                let secret = private_key(key)?;
                builder.with_client_auth_cert(chain, secret).map_err(|_| {
                    let reason = format!("it is not the key of {}", certificate.display());
                    refused("client key", key, reason)
                })?
            }
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                for certificate in certificates(CA_FILE, path)? {
                    let added = roots.add(certificate);
                    added.map_err(|error| refused(CA_FILE, path, error.to_string()))?;
                }
            }
            None => {
                // A system without any certificates trusts no server, and the handshake reports
                // that.
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
        }
        Ok(roots)
    }
}

const CA_FILE: &str = "CA file";

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(what, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(refused(what, path, "it has no certificate in PEM form")),
        Err(error) => Err(refused(what, path, error.to_string())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let what = "client key";
    let pem = read(what, path)?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| refused(what, path, "it has no private key in PEM form"))
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| refused(what, path, error.to_string()))
}

fn refused(what: &'static str, path: &Path, reason: impl Into<String>) -> Error {
    Error::File {
        what,
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// The error of a handshake that failed, by what a person can do about it.
pub(crate) fn handshake_error(error: io::Error) -> Error {
    let of_tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match of_tls {
        Some(rustls::Error::InvalidCertificate(why)) => Error::Untrusted {
            reason: distrust(why),
        },
        Some(rustls::Error::InvalidMessage(_)) => Error::NoTls,
        _ => Error::Handshake(error),
    }
}

/// Why a certificate is not trusted.
fn distrust(why: &CertificateError) -> String {
    match why {
        // An authority of the same name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "it is signed by a certificate authority that is not trusted here".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name than the one in the address".to_owned()
        }
        other => other.to_string(),
    }
}
