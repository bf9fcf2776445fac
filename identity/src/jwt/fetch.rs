//! Fetching the keys of an issuer from its address.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::access_file::Issuer;

/// An issuer answers within it, or counts as down: a request may wait for its keys.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer. Keys of providers have a few KiB.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;
/// Redirects that are followed. An address that is HTTPS leads only to such ones.
const REDIRECTS_MAX: u32 = 3;

/// Where keys are, and whom to trust for it.
#[derive(Debug)]
pub(super) struct Address {
    url: String,
    ca_file: Option<PathBuf>,
}

impl Address {
    /// The address in an entry of the access file.
    pub(super) fn of(issuer: &Issuer) -> Self {
        Self {
            url: issuer.keys_url.clone().unwrap_or_default(),
            ca_file: issuer.ca_file.clone(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// What is at an address.
///
/// # Errors
/// A sentence that says why it cannot be read.
pub(super) fn fetch(address: &Address) -> Result<String, String> {
    let is_https = address.url.starts_with("https://");
    let mut config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .https_only(is_https)
        .max_redirects(if is_https { REDIRECTS_MAX } else { 0 });
    if is_https {
        config = config.tls_config(tls(address)?);
    } else {
        config = config.proxy(None);
    }
    let agent = config.build().new_agent();
    let mut answer = agent
        .get(&address.url)
        .call()
        .map_err(|error| error.to_string())?;
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    body.read_to_string().map_err(|error| error.to_string())
}

fn tls(address: &Address) -> Result<TlsConfig, String> {
    let roots = match &address.ca_file {
        Some(path) => {
            let pem = std::fs::read(path)
                .map_err(|error| format!("ca_file {}: {error}", path.display()))?;
            certificates(&pem)
        }
        None => {
            let found = rustls_native_certs::load_native_certs().certs;
            let der = found.iter().map(AsRef::<[u8]>::as_ref);
            der.map(|der| Certificate::from_der(der).to_owned())
                .collect()
        }
    };
    if roots.is_empty() {
        return Err("there is no CA certificate to trust: set ca_file of the issuer".to_owned());
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(provider))
        .build())
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = parse_pem(pem).filter_map(Result::ok);
    let certificates = items.filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    certificates.collect()
}
