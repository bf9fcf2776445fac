//! Keys at an HTTPS address: whom the server trusts, and where redirects may lead.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::{Trust, access};
use crate::denied::Denied;
use crate::jwt::tests::signer::Signer;

/// A CA of its own, and the pages of an HTTPS server that it signed for some name.
struct Provider {
    ca: String,
    address: SocketAddr,
    pages: Arc<Mutex<HashMap<String, String>>>,
    fetches: Arc<AtomicU32>,
}

impl Provider {
    fn start(name: &str) -> Self {
        let (ca, config) = certified(name);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let provider = Self {
            ca,
            address: listener.local_addr().expect("an address"),
            pages: Arc::default(),
            fetches: Arc::default(),
        };
        let (pages, fetches) = (Arc::clone(&provider.pages), Arc::clone(&provider.fetches));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let session = ServerConnection::new(Arc::clone(&config)).expect("a session");
                let mut stream = StreamOwned::new(session, stream.expect("a connection"));
                let mut head = String::new();
                // A client that does not trust the certificate sends no request.
                if BufReader::new(&mut stream).read_line(&mut head).is_err() || head.is_empty() {
                    continue;
                }
                fetches.fetch_add(1, Ordering::Relaxed);
                let path = head.split(' ').nth(1).expect("a path");
                let answer = pages.lock().expect("no panic").get(path).cloned();
                let answer = answer.unwrap_or_else(|| "HTTP/1.1 404 No\r\n\r\n".to_owned());
                stream.write_all(answer.as_bytes()).ok();
                stream.conn.send_close_notify();
                stream.flush().ok();
            }
        });
        provider
    }

    fn page(&self, path: &str, head: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let mut pages = self.pages.lock().expect("no panic");
        pages.insert(path.to_owned(), answer);
    }

    fn redirect(&self, path: &str, to: &str) {
        self.page(path, &format!("302 Found\r\nLocation: {to}"), "");
    }

    fn publish(&self, path: &str, signer: &Signer) {
        let keys = json!({ "keys": [signer.jwk()] }).to_string();
        self.page(path, "200 OK", &keys);
    }

    /// Whether a verifier accepts a token whose keys are at this path.
    async fn is_trusted(&self, host: &str, path: &str, signer: &Signer, ca: Option<&str>) -> bool {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("https://{host}:{}{path}", self.address.port());
        let mut place = format!("keys_url = {url:?}");
        if let Some(ca) = ca {
            let file = directory.path().join("ca.pem");
            fs::write(&file, ca).expect("written");
            place.push_str(&format!("\nca_file = {file:?}"));
        }
        let trust = Trust::with_access(directory, &access(&place));
        match trust.verify(&signer.token(&trust.claims())).await {
            Ok(_) => true,
            Err(denied) => {
                assert_eq!(denied, Denied::NoKeys);
                false
            }
        }
    }
}

/// The PEM of a CA, and the settings of a server with a certificate of it.
fn certified(name: &str) -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &ca).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate and its key");
    (ca.pem(), Arc::new(config))
}

#[tokio::test]
async fn keys_come_only_from_a_trusted_server() {
    let (signer, provider) = (Signer::ec(), Provider::start("localhost"));
    provider.publish("/keys", &signer);
    let ca = Some(provider.ca.as_str());
    assert!(provider.is_trusted("localhost", "/keys", &signer, ca).await);
    assert_eq!(provider.fetches.load(Ordering::Relaxed), 1);
    // The CAs of the system, another CA, and another name.
    let other = certified("localhost").0;
    for (host, ca) in [
        ("localhost", None),
        ("localhost", Some(other.as_str())),
        ("127.0.0.1", ca),
        ("localhost", Some("no certificate")),
    ] {
        let is_trusted = provider.is_trusted(host, "/keys", &signer, ca).await;
        assert!(!is_trusted, "{host} with {ca:?}");
    }
    let fetches = provider.fetches.load(Ordering::Relaxed);
    assert_eq!(
        fetches, 1,
        "no request is sent to a server that is not trusted"
    );
}

#[tokio::test]
async fn redirects_lead_only_to_https() {
    let (signer, provider) = (Signer::ec(), Provider::start("localhost"));
    provider.publish("/keys", &signer);
    provider.redirect("/1", "/keys");
    provider.redirect("/2", "/1");
    provider.redirect("/3", "/2");
    provider.redirect("/4", "/3");
    provider.redirect("/round", "/round");
    let ca = Some(provider.ca.as_str());
    for (path, is_followed) in [("/1", true), ("/3", true), ("/4", false), ("/round", false)] {
        let is_trusted = provider.is_trusted("localhost", path, &signer, ca).await;
        assert_eq!(is_trusted, is_followed, "{path}");
    }
    // The same keys in plain text on this machine.
    let plain = TcpListener::bind("127.0.0.1:0").expect("a port");
    plain.set_nonblocking(true).expect("it is set");
    let address = plain.local_addr().expect("an address");
    provider.redirect("/plain", &format!("http://{address}/keys"));
    assert!(
        !provider
            .is_trusted("localhost", "/plain", &signer, ca)
            .await
    );
    assert!(plain.accept().is_err(), "nobody asks in plain text");
    // A server with another CA.
    let other = Provider::start("localhost");
    other.publish("/keys", &signer);
    let there = format!("https://localhost:{}/keys", other.address.port());
    provider.redirect("/away", &there);
    assert!(!provider.is_trusted("localhost", "/away", &signer, ca).await);
    let both = [provider.ca.as_str(), other.ca.as_str()].concat();
    let is_trusted = provider.is_trusted("localhost", "/away", &signer, Some(&both));
    assert!(is_trusted.await, "the control: both CAs are trusted");
}
