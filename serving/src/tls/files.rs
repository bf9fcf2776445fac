//! The files of certificates and keys, and the TLS configuration that they make.
//!
//! Promise: an error names the file and what is wrong with it, and never shows its content.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{Error as RustlsError, RootCertStore, ServerConfig};
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use crate::limits::CERTIFICATE_FILE_BYTES_MAX;
use crate::tls::settings::TlsSettings;
use crate::tls::trust::ClientCas;

/// Why the files of a server's TLS cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The file is too large.
    #[error("{} is larger than {} KiB: name a PEM file", path.display(), CERTIFICATE_FILE_BYTES_MAX >> 10)]
    TooLarge {
        /// Its path.
        path: PathBuf,
    },
    /// The file has no certificate.
    #[error("{} has no certificate: it needs a line `-----BEGIN CERTIFICATE-----`", path.display())]
    NoCertificate {
        /// Its path.
        path: PathBuf,
    },
    /// The file has no private key.
    #[error("{} has no private key without a password: it needs a line `-----BEGIN PRIVATE KEY-----`", path.display())]
    NoKey {
        /// Its path.
        path: PathBuf,
    },
    /// The content of the file is invalid.
    #[error("{} is invalid: {message}", path.display())]
    Invalid {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Certificate and key are not a pair.
    #[error(
        "the key in {} is not that of the first certificate in {}: name the files of one pair, with the certificate of the server first",
        key.display(),
        certificate.display()
    )]
    NotAPair {
        /// The path of the certificate.
        certificate: PathBuf,
        /// The path of the key.
        key: PathBuf,
    },
}

/// The contents of the files, for a comparison with what they have later.
#[derive(PartialEq, Eq)]
pub(crate) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Contents {
    /// Whether the CAs of clients are the same.
    pub(crate) fn has_client_ca_of(&self, other: &Self) -> bool {
        self.client_ca == other.client_ca
    }
}

/// What the files make.
pub(crate) struct Usable {
    pub(crate) config: Arc<ServerConfig>,
    /// Checks certificates of clients.
    pub(crate) client_cas: ClientCas,
    /// From when until when the certificate is valid, in seconds since 1970.
    pub(crate) valid: (i64, i64),
}

/// Reads the files.
///
/// # Errors
/// [`TlsError::Read`], [`TlsError::TooLarge`].
pub(crate) fn read(settings: &TlsSettings) -> Result<Contents, TlsError> {
    let client_ca = settings.has_client_ca();
    Ok(Contents {
        certificate: read_file(&settings.certificate)?,
        key: read_file(&settings.key)?,
        client_ca: client_ca
            .then(|| read_file(&settings.client_ca))
            .transpose()?,
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    let refused = |error| TlsError::Read {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(refused)?;
    let mut content = Vec::new();
    let most = CERTIFICATE_FILE_BYTES_MAX + 1;
    file.take(most).read_to_end(&mut content).map_err(refused)?;
    if content.len() as u64 == most {
        let path = path.to_owned();
        return Err(TlsError::TooLarge { path });
    }
    Ok(content)
}

/// Makes the configuration of TLS.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn usable(settings: &TlsSettings, contents: &Contents) -> Result<Usable, TlsError> {
    let chain = certificates(&settings.certificate, &contents.certificate)?;
    let valid = validity(&settings.certificate, &chain[0])?;
    let key = private_key(&settings.key, &contents.key)?;
    let provider = Arc::new(default_provider());
    let client_ca = contents.client_ca.as_deref();
    let verifier = client_verifier(settings, client_ca, &provider)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| invalid(&settings.certificate, &error))?
        .with_client_cert_verifier(Arc::clone(&verifier));
    let made = builder.with_single_cert(chain, key);
    let mut config = made.map_err(|error| match error {
        RustlsError::InconsistentKeys(_) => TlsError::NotAPair {
            certificate: settings.certificate.clone(),
            key: settings.key.clone(),
        },
        RustlsError::InvalidCertificate(_) => invalid(&settings.certificate, &error),
        _ => invalid(&settings.key, &error),
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // No resumption: a session could outlive a changed CA or the certificate of its client, and
    // connections are few and long.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Usable {
        config: Arc::new(config),
        client_cas: verifier,
        valid,
    })
}

fn invalid(path: &Path, error: &dyn std::error::Error) -> TlsError {
    TlsError::Invalid {
        path: path.to_owned(),
        message: error.to_string(),
    }
}

/// The certificates of a file, at least one.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| invalid(path, &error))?;
    if read.is_empty() {
        let path = path.to_owned();
        return Err(TlsError::NoCertificate { path });
    }
    Ok(read)
}

fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        PemError::NoItemsFound => TlsError::NoKey {
            path: path.to_owned(),
        },
        error => invalid(path, &error),
    })
}

/// From when until when a certificate is valid, in seconds since 1970.
fn validity(path: &Path, certificate: &CertificateDer<'_>) -> Result<(i64, i64), TlsError> {
    let (_, read) = parse_x509_certificate(certificate).map_err(|error| invalid(path, &error))?;
    let validity = read.validity();
    Ok((
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    ))
}

fn client_verifier(
    settings: &TlsSettings,
    client_ca: Option<&[u8]>,
    provider: &Arc<CryptoProvider>,
) -> Result<ClientCas, TlsError> {
    let Some(pem) = client_ca else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let path = &settings.client_ca;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots
            .add(certificate)
            .map_err(|error| invalid(path, &error))?;
    }
    let provider = Arc::clone(provider);
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if settings.client_required {
        builder
    } else {
        builder.allow_unauthenticated()
    };
    builder.build().map_err(|error| invalid(path, &error))
}
