//! What holds for each address of the page: its policy, its streams, forms of other sites, and cookies.

use std::sync::Arc;

use aftercall_proto::access::v1::Role;
use aftercall_tests::{Authority, House, set, with_refund};
use call_manager::config::CallManagerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::desk::{Guarded, Page};
use crate::routes::routes;

/// Sends a request, and reads the head of the answer: a stream has no end. All is in lower case.
async fn head(mut socket: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let byte = socket.read_u8().await.expect("a whole head");
        answer.push(byte);
    }
    String::from_utf8(answer).expect("text").to_lowercase()
}

/// The head of the answer to a GET.
async fn got(page: &Page, path: &str) -> String {
    let socket = TcpStream::connect(page.address).await.expect("it listens");
    let host = page.address;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    head(socket, &request).await
}

/// A form that a browser sends from a page of a site.
fn form(host: &str, path: &str, (site, origin): (&str, &str), body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nsec-fetch-site: {site}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}

async fn posted(page: &Page, path: &str, from: (&str, &str), body: &str) -> String {
    let socket = TcpStream::connect(page.address).await.expect("it listens");
    let host = page.address.to_string();
    head(socket, &form(&host, path, from, body)).await
}

/// The address of a route for a follow-up.
fn address(path: &str, id: &str) -> String {
    path.replace("{id}", id)
        .replace("{name}", "refund")
        .replace("{action}", "claim")
        .replace("{batch}", "1")
        .replace("{version}", "0")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_address_has_its_policy_and_refuses_foreign_forms() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let one = set(&mut clients, "1001", 72.5).await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let (mut streams, mut forms) = (0, 0);
    for route in routes() {
        let path = address(&route.path, &one.instance_id);
        if route.is_read {
            let head = got(&page, &path).await;
            let policy = "content-security-policy: default-src 'none'";
            assert!(head.contains(policy), "{path}: {head}");
            let is_open = head.contains("unsafe") && !path.ends_with("/picture");
            assert!(!is_open, "{path}: {head}");
            assert!(head.contains("x-content-type-options: nosniff"), "{path}");
            if head.contains("content-type: text/event-stream") {
                streams += 1;
                assert!(head.contains("x-accel-buffering: no"), "{path}: {head}");
                assert!(!head.contains("content-encoding"), "{path}: {head}");
            }
        }
        if route.is_posted {
            forms += 1;
            for site in ["cross-site", "same-site"] {
                let from = (site, "http://evil.example");
                let head = posted(&page, &path, from, "text=evil").await;
                assert!(head.starts_with("http/1.1 403"), "{path} {site}: {head}");
            }
        }
    }
    assert_eq!(streams, 3);
    assert!(forms > 15, "{forms}");
    // The control: the same form of the page itself claims the follow-up, which no other did.
    let path = format!("/f/{}/claim", one.instance_id);
    let origin = page.url("");
    let own = posted(&page, &path, ("same-origin", &origin), "request_id=own").await;
    assert!(own.starts_with("http/1.1 303"), "{own}");
    let asked = aftercall_proto::workflow::v1::GetFollowUpRequest {
        instance_id: one.instance_id.clone(),
        ..Default::default()
    };
    let now = clients.manager.get_follow_up(asked).await.expect("read");
    let now = now.into_inner().follow_up.expect("it");
    assert_eq!(now.revision, one.revision + 1, "nothing but that");
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_secure_where_the_page_has_tls() {
    let names = [("Ann", Role::Agent), ("lobby", Role::Display)];
    let (guarded, [ann, lobby]) = Guarded::start("", names).await;
    let authority = Authority::create();
    let (tls_certificate, tls_key) = authority.server().write(guarded.home.path());
    let settings = CallManagerConfig {
        tls_certificate,
        tls_key,
        ..guarded.settings()
    };
    let secure = Page::start_with(&guarded.house, settings, 0).await;
    let plain = Page::start_with(&guarded.house, guarded.settings(), 0).await;
    let connector = trusting(&authority);
    let forms = [
        ("/sign-in", format!("token={ann}")),
        ("/wall", format!("token={lobby}")),
        ("/sign-out", String::new()),
    ];
    for (path, body) in forms {
        let socket = TcpStream::connect(secure.address)
            .await
            .expect("it listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let socket = connector.connect(name, socket).await.expect("TLS");
        let host = format!("localhost:{}", secure.address.port());
        let own = ("same-origin", format!("https://{host}"));
        let request = form(&host, path, (own.0, &own.1), &body);
        let over_tls = cookie(&head(socket, &request).await);
        assert!(
            over_tls.contains("; httponly; samesite=lax; secure;"),
            "{over_tls}"
        );
        // The control: a browser would not send such a cookie over plain HTTP.
        let own = ("same-origin", plain.url(""));
        let answer = posted(&plain, path, (own.0, &own.1), &body).await;
        let over_http = cookie(&answer);
        assert!(
            over_http.contains("; httponly; samesite=lax; max-age"),
            "{over_http}"
        );
    }
    secure.stop().await;
    plain.stop().await;
}

fn trusting(authority: &Authority) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let pem = authority.pem();
    let ca = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    roots.add(ca).expect("a CA");
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(client))
}

/// The cookie of an answer.
fn cookie(head: &str) -> String {
    let mut lines = head.lines();
    let cookie = lines.find(|line| line.starts_with("set-cookie: "));
    cookie
        .unwrap_or_else(|| panic!("no cookie: {head}"))
        .to_owned()
}
