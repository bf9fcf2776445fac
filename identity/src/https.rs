//! Reaching an issuer: over TLS, or in plain text on this machine.
//!
//! Promise: an address is read by the parser of the HTTP client that uses it, so that both mean the
//! same host. Must not: know what is fetched.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::AgentScope;

/// An issuer answers within it, or counts as down: a request may wait for its keys.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Redirects that are followed. An address that is HTTPS leads only to such ones.
const REDIRECTS_MAX: u32 = 3;

/// Checks the address of an issuer, or of one of its services.
///
/// # Errors
/// A sentence: it is neither `https://` nor on this machine.
pub fn check_issuer_address(url: &str) -> Result<(), String> {
    is_https(url).map(|_| ())
}

/// Settings of an HTTP client for an address of an issuer. It trusts the CAs of the PEM file, or
/// without one those of the system. Each call ends within five seconds.
///
/// # Errors
/// A sentence that says why there are none: plain text beyond this machine, or no CA.
pub fn issuer_client(
    url: &str,
    ca_file: Option<&Path>,
) -> Result<ConfigBuilder<AgentScope>, String> {
    let settings = Agent::config_builder().timeout_global(Some(TIMEOUT));
    if is_https(url)? {
        let settings = settings.https_only(true).max_redirects(REDIRECTS_MAX);
        return Ok(settings.tls_config(tls(ca_file)?));
    }
    Ok(settings.max_redirects(0).proxy(None))
}

/// Whether an address is HTTPS. If not, it is plain HTTP on this machine: a sidecar, or a test.
fn is_https(url: &str) -> Result<bool, String> {
    let uri: Uri = url
        .parse()
        .map_err(|_| format!("{url:?} is not an address"))?;
    let host = uri.authority().map(Authority::host).unwrap_or_default();
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(true),
        Some("http") if uri.authority().is_some_and(is_loopback) => Ok(false),
        _ => Err(format!("{url:?} is not https://")),
    }
}

/// Whether it is this machine and a port, and nothing else.
fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let whole = match authority.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    if authority.as_str() != whole {
        return false;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

fn tls(ca_file: Option<&Path>) -> Result<TlsConfig, String> {
    let roots = match ca_file {
        Some(path) => {
            let pem = std::fs::read(path)
                .map_err(|error| format!("CA file {}: {error}", path.display()))?;
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
        return Err("there is no CA certificate to trust: name a file with one".to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached_in_plain_text() {
        for url in [
            "http://127.0.0.1:8080/keys",
            "http://127.9.9.9/keys",
            "http://[::1]:8080/keys",
            "http://localhost",
            "http://LOCALHOST:1/keys",
        ] {
            assert_eq!(is_https(url), Ok(false), "{url}");
        }
        assert_eq!(is_https("https://login.example.com/keys"), Ok(true));
        assert_eq!(is_https("HTTPS://login.example.com"), Ok(true));
        for url in [
            "http://127.0.0.1.evil.example/keys",
            "http://127.0.0.1:80.evil.example/keys",
            "http://127.0.0.1:80@evil.example/keys",
            "http://localhost:@evil.example/keys",
            "http://localhost.evil.example:1/keys",
            "http://[::1].evil.example/keys",
            "http://login.example.com/?http://127.0.0.1:1",
            "http://0.0.0.0:1/keys",
            "http://10.0.0.1:1/keys",
            "ftp://127.0.0.1:1/keys",
            "https:///keys",
            "https://",
            "127.0.0.1:8080",
            "/keys",
            "",
        ] {
            assert!(check_issuer_address(url).is_err(), "{url}");
        }
    }
}
