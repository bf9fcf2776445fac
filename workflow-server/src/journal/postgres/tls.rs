//! TLS to the database: which certificates are trusted, and what is checked.
//!
//! Promise: a mode that promises a check carries it out, or there is no connection.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Address, Check, Roots};
use super::parameters::invalid;
use crate::journal::DatabaseError;

/// The TLS of connections to this address.
pub(super) fn connector(address: &Address) -> Result<MakeRustlsConnect, DatabaseError> {
    // The provider is named here, so that another crate's choice for the process changes nothing.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(format!("TLS cannot be used: {error}")))?;
    let verifier: Arc<dyn ServerCertVerifier> = match address.check {
        Check::Nothing => Arc::new(WithoutName {
            roots: None,
            provider,
        }),
        Check::Chain => Arc::new(WithoutName {
            roots: Some(roots(&address.roots)?),
            provider,
        }),
        Check::Everything => {
            let roots = Arc::new(roots(&address.roots)?);
            let built = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
            built.map_err(|error| invalid(format!("the certificates cannot be used: {error}")))?
        }
    };
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some((certificate, key)) = &address.certificate else {
        return Ok(MakeRustlsConnect::new(builder.with_no_client_auth()));
    };
    let key_of = PrivateKeyDer::from_pem_file(key);
    let key_of = key_of.map_err(|error| unreadable("sslkey", key, &error.to_string()))?;
    let config = builder.with_client_auth_cert(certificates("sslcert", certificate)?, key_of);
    let config = config.map_err(|error| unreadable("sslkey", key, &error.to_string()))?;
    Ok(MakeRustlsConnect::new(config))
}

fn unreadable(what: &str, path: &Path, reason: &str) -> DatabaseError {
    invalid(format!(
        "the file of {what}, {}, cannot be used: {reason}",
        path.display()
    ))
}

fn certificates(what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, DatabaseError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unreadable(what, path, &error.to_string()))?;
    if found.is_empty() {
        return Err(unreadable(what, path, "it has no certificate"));
    }
    Ok(found)
}

fn roots(roots: &Roots) -> Result<RootCertStore, DatabaseError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(invalid(
                    "this system has no trusted certificates: name a file with sslrootcert",
                ));
            }
        }
        Roots::File(path) => {
            for certificate in certificates("sslrootcert", path)? {
                let added = store.add(certificate);
                added.map_err(|error| unreadable("sslrootcert", path, &error.to_string()))?;
            }
        }
    }
    Ok(store)
}

/// Checks no name. Without roots it checks no chain either: the connection is only encrypted.
#[derive(Debug)]
struct WithoutName {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for WithoutName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(end_entity)?,
                roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
