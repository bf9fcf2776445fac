//! A port with TLS: who gets in, what the others read, and how long a handshake may take.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aftercall_serving::{
    Limits, ProofSettings, Protection, ServeError, TlsError, TlsSettings, open_listener,
};
use aftercall_tests::{Authority, Pair, eventually};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::health_client::HealthClient;

use crate::{Bare, LONG, ask, check, counter, read_to_close};

const READYZ: &str = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A server with TLS, and the CA of its certificate.
pub(crate) struct Protected {
    pub(crate) server: Bare,
    pub(crate) authority: Authority,
    pub(crate) dir: TempDir,
}

impl Protected {
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with(limits, |_| {}).await
    }

    /// The same with further settings.
    async fn start_with(limits: Limits, change: impl FnOnce(&mut TlsSettings)) -> Self {
        let (authority, dir) = (Authority::create(), tempfile::tempdir().expect("a folder"));
        let (certificate, key) = authority.server().write(dir.path());
        let mut tls = TlsSettings {
            certificate,
            key,
            ..TlsSettings::default()
        };
        change(&mut tls);
        let protection = Protection {
            tls,
            ..Protection::default()
        };
        Self {
            server: Bare::start_protected(limits, &protection, |routes| routes).await,
            authority,
            dir,
        }
    }

    /// A client that knows the CA.
    pub(crate) fn client(&self) -> HealthClient<Channel> {
        self.client_with(&self.authority, None)
    }

    fn client_with(&self, authority: &Authority, own: Option<Pair>) -> HealthClient<Channel> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(authority.pem()))
            .domain_name("localhost");
        let tls = match own {
            Some(own) => tls.identity(Identity::from_pem(own.certificate, own.key)),
            None => tls,
        };
        let address = self.server.address;
        let endpoint = Endpoint::from_shared(format!("https://{address}")).expect("a URL");
        HealthClient::new(
            endpoint
                .tls_config(tls)
                .expect("it is valid")
                .connect_lazy(),
        )
    }

    /// A connection without gRPC.
    pub(crate) async fn connect(
        &self,
        version: &'static SupportedProtocolVersion,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let pem = self.authority.pem();
        let ca = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        roots.add(ca).expect("a CA");
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(self.server.address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
    }
}

/// A server without TLS in the same process, whose metrics are those of all.
async fn failures(reason: &str) -> u64 {
    let plain = Bare::start(Limits::default()).await;
    let name = format!("aftercall_tls_handshakes_failed_total{{reason=\"{reason}\"}}");
    counter(plain.address, &name).await
}

#[tokio::test]
async fn rpcs_and_probes_are_answered_over_tls() {
    let protected = Protected::start(Limits::default()).await;
    check(&mut protected.client()).await.expect("an answer");
    for (version, expected) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let mut stream = protected.connect(version).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
        stream.write_all(READYZ.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        // It is an error if the server does not say that it closes the connection.
        stream.read_to_string(&mut answer).await.expect("an end");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_without_tls_reads_what_to_do() {
    let protected = Protected::start(Limits::default()).await;
    let before = failures("plain_text").await;
    let answer = ask(protected.server.address, READYZ).await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("this port uses TLS"),
        "{answer}"
    );
    let refused = check(&mut protected.server.client()).await;
    let status = refused.expect_err("it has no TLS");
    assert!(
        format!("{status:?}").contains("this port uses TLS"),
        "{status:?}"
    );
    assert!(failures("plain_text").await >= before + 2);
    // The same clients at a port without TLS.
    let plain = Bare::start(Limits::default()).await;
    let answer = ask(plain.address, READYZ).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    check(&mut plain.client()).await.expect("an answer");
}

#[tokio::test]
async fn a_client_refuses_a_server_of_another_ca() {
    let protected = Protected::start(Limits::default()).await;
    let before = failures("refused_by_client").await;
    let other = Authority::create();
    check(&mut protected.client_with(&other, None))
        .await
        .expect_err("another CA");
    eventually("the refusal is counted", || async {
        (failures("refused_by_client").await > before).then_some(())
    })
    .await;
    check(&mut protected.client()).await.expect("the control");
}

/// A server that asks clients for certificates of a CA, and that CA.
async fn asking(is_required: bool) -> (Protected, Authority, TempDir) {
    let (clients, dir) = (Authority::create(), tempfile::tempdir().expect("a folder"));
    let path = dir.path().join("clients.pem");
    std::fs::write(&path, clients.pem()).expect("written");
    let protected = Protected::start_with(Limits::default(), |tls| {
        tls.client_ca = path;
        tls.client_required = is_required;
    });
    (protected.await, clients, dir)
}

#[tokio::test]
async fn a_required_certificate_must_be_of_the_ca() {
    let (protected, clients, _dir) = asking(true).await;
    let other = Authority::create();
    let before = failures("client_certificate").await;
    for own in [None, Some(other.client("ann"))] {
        let mut client = protected.client_with(&protected.authority, own);
        check(&mut client).await.expect_err("no valid certificate");
    }
    assert!(failures("client_certificate").await >= before + 2);
    let own = Some(clients.client("ann"));
    let mut client = protected.client_with(&protected.authority, own);
    check(&mut client).await.expect("the control");
}

#[tokio::test]
async fn an_optional_certificate_is_checked_if_there_is_one() {
    let (protected, clients, _dir) = asking(false).await;
    check(&mut protected.client())
        .await
        .expect("none is needed");
    let own = Some(clients.client("ann"));
    let mut client = protected.client_with(&protected.authority, own);
    check(&mut client).await.expect("a valid one");
    let own = Some(Authority::create().client("ann"));
    let mut client = protected.client_with(&protected.authority, own);
    check(&mut client).await.expect_err("one of another CA");
}

/// A server with a single place, which a client holds that does not finish its handshake.
async fn half_open(handshake_max: Duration) -> (Protected, TcpStream) {
    let limits = Limits {
        connections_max: 1,
        handshake_max,
        ..Limits::default()
    };
    let protected = Protected::start(limits).await;
    let mut socket = TcpStream::connect(protected.server.address)
        .await
        .expect("it listens");
    // The head of a record that never comes.
    let begun = socket.write_all(&[22, 3, 1, 2, 0]).await;
    begun.expect("it is sent");
    (protected, socket)
}

#[tokio::test]
async fn a_half_open_handshake_ends_and_frees_its_place() {
    let before = failures("slow").await;
    let (protected, mut socket) = half_open(Duration::from_millis(50)).await;
    read_to_close(&mut socket).await;
    assert!(failures("slow").await > before);
    eventually("the place is free", || async {
        check(&mut protected.client()).await.ok()
    })
    .await;
    // The control: without the limit it holds the place.
    let (protected, mut socket) = half_open(LONG).await;
    check(&mut protected.client())
        .await
        .expect_err("the place is taken");
    drop(protected);
    read_to_close(&mut socket).await;
}

#[tokio::test]
async fn files_that_are_no_pair_are_refused_at_the_start() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let authority = Authority::create();
    let [(certificate, key), (_, other_key)] =
        [&dirs[0], &dirs[1]].map(|dir| authority.server().write(dir.path()));
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let protection = |key| Protection {
        tls: TlsSettings {
            certificate: certificate.clone(),
            key,
            ..TlsSettings::default()
        },
        ..Protection::default()
    };
    let refused = open_listener(local, &protection(other_key)).await;
    let refused = refused.expect_err("the key of another certificate");
    assert!(
        matches!(refused, ServeError::Tls(TlsError::NotAPair { .. })),
        "{refused}"
    );
    open_listener(local, &protection(key))
        .await
        .expect("a pair");
}

#[tokio::test]
async fn a_public_address_needs_tls_and_proof_or_consent() {
    let dir = tempfile::tempdir().expect("a folder");
    let (certificate, key) = Authority::create().server().write(dir.path());
    let public = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut protection = Protection::default();
    let refused = open_listener(public, &protection).await;
    let refused = refused.expect_err("nothing protects it");
    assert!(matches!(refused, ServeError::NotProtected(_)), "{refused}");
    protection.tls = TlsSettings {
        certificate,
        key,
        ..TlsSettings::default()
    };
    let refused = open_listener(public, &protection).await;
    let refused = refused.expect_err("nobody would be asked for proof");
    assert!(matches!(refused, ServeError::NoProof(_)), "{refused}");
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "").expect("written");
    protection.proof = ProofSettings::of_files(&tokens, Path::new(""));
    let opened = open_listener(public, &protection).await;
    opened.expect("TLS and proof");
    let consent = Protection {
        insecure: true,
        ..Protection::default()
    };
    open_listener(public, &consent).await.expect("consent");
}
