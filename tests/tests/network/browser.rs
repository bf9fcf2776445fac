//! What a web page may ask of a server that listens on a loopback address: nothing, unless its
//! origin was configured.

use aftercall_serving::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::http2::{self, DATA, EMPTY, END_HEADERS, END_STREAM, HEADERS, frame, header_block};
use crate::{Bare, ask};

/// A message of gRPC-Web in the body of a request over HTTP/1.1.
fn web_request(host: &str, origin: Option<&str>, content_type: &str) -> String {
    let origin = origin
        .map(|origin| format!("origin: {origin}\r\n"))
        .unwrap_or_default();
    format!(
        "POST {} HTTP/1.1\r\nhost: {host}\r\n{origin}content-type: {content_type}\r\nx-grpc-web: 1\r\n\
         content-length: 5\r\nconnection: close\r\n\r\n\0\0\0\0\0",
        http2::CHECK
    )
}

/// What a server over HTTP/2 answers to these headers and an empty message: its header blocks.
async fn ask_http2(server: &Bare, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut stream = http2::connect(server.address, &[]).await;
    let head = frame(HEADERS, END_HEADERS, 1, &header_block(headers));
    stream
        .write_all(&[head, frame(DATA, END_STREAM, 1, &EMPTY)].concat())
        .await
        .expect("it is sent");
    http2::answer(&mut stream, 1).await
}

/// Whether these bytes are among those. The server's literals are plain or coded by Huffman;
/// numbers of a status are found either way, by how HPACK writes them.
fn has(block: &[u8], part: &[u8]) -> bool {
    block.windows(part.len()).any(|window| window == part)
}

fn headers<'a>(
    authority: &'a str,
    content_type: &'a str,
    method: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        (":method", method),
        (":scheme", "http"),
        (":path", http2::CHECK),
        (":authority", authority),
        ("content-type", content_type),
        ("te", "trailers"),
    ]
}

/// `:status: 200` is the entry 8 of the static table (RFC 7541, appendix A).
const STATUS_200: u8 = 0x88;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_a_rebound_name_is_refused() {
    let server = Bare::start(Limits::default()).await;
    for path in ["/livez", "/readyz", "/metrics", http2::CHECK] {
        let request =
            |host: &str| format!("GET {path} HTTP/1.1\r\n{host}connection: close\r\n\r\n");
        let refused = ask(server.address, &request("host: evil.example:7401\r\n")).await;
        assert!(refused.starts_with("HTTP/1.1 421"), "{path}: {refused}");
        assert!(
            refused.contains("--allowed-host"),
            "it says what to do: {refused}"
        );
        let refused = ask(server.address, &request("")).await;
        assert!(
            refused.starts_with("HTTP/1.1 4"),
            "{path} without a host: {refused}"
        );
    }
    let refused = ask(
        server.address,
        &web_request("evil.example", None, "application/grpc-web+proto"),
    )
    .await;
    assert!(refused.starts_with("HTTP/1.1 421"), "{refused}");
    let refused = ask_http2(
        &server,
        &headers("evil.example", "application/grpc", "POST"),
    )
    .await;
    let allowed = ask_http2(&server, &headers("localhost", "application/grpc", "POST")).await;
    assert_ne!(refused, allowed);
    let mut misnamed = headers("localhost", "application/grpc", "POST");
    misnamed.push(("host", "evil.example"));
    assert_ne!(
        ask_http2(&server, &misnamed).await,
        allowed,
        "a second name must be right too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_is_refused() {
    let server = Bare::start(Limits::default()).await;
    let probe = "GET /metrics HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\nconnection: close\r\n\r\n";
    let refused = ask(server.address, probe).await;
    assert!(
        refused.starts_with("HTTP/1.1 403") && refused.contains("--web-origin"),
        "{refused}"
    );
    let mut from_page = headers("localhost", "application/grpc", "POST");
    let allowed = ask_http2(&server, &from_page).await;
    from_page.push(("origin", "https://evil.example"));
    assert_ne!(ask_http2(&server, &from_page).await, allowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_preflight_is_refused_over_http2() {
    let server = Bare::start(Limits::default()).await;
    let allowed = ask_http2(
        &server,
        &headers("localhost", "application/grpc+proto", "POST"),
    )
    .await;
    assert_eq!(allowed.first(), Some(&STATUS_200));
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json",
        "",
    ] {
        let refused = ask_http2(&server, &headers("localhost", content_type, "POST")).await;
        assert!(
            has(&refused, b"415") || refused.first() != Some(&STATUS_200),
            "{content_type}: {refused:?}"
        );
    }
    for method in ["GET", "PUT", "DELETE"] {
        let refused = ask_http2(&server, &headers("localhost", "application/grpc", method)).await;
        assert_ne!(refused, allowed, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_web_is_off_until_an_origin_is_configured() {
    let closed = Bare::start(Limits::default()).await;
    for content_type in [
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpc-web-text",
    ] {
        let refused = ask(
            closed.address,
            &web_request("localhost", None, content_type),
        )
        .await;
        assert!(
            refused.starts_with("HTTP/1.1 415") && refused.contains("--web-origin"),
            "{refused}"
        );
    }
    let desk = "https://desk.example.com";
    let open = Bare::start(Limits {
        web_origins: vec![desk.to_owned()],
        ..Limits::default()
    })
    .await;
    let answer = ask(
        open.address,
        &web_request("localhost", Some(desk), "application/grpc-web+proto"),
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("grpc-status:0"),
        "{answer}"
    );
    assert!(
        answer.contains("access-control-allow-origin: https://desk.example.com"),
        "{answer}"
    );
    let other = ask(
        open.address,
        &web_request(
            "localhost",
            Some("https://evil.example"),
            "application/grpc-web",
        ),
    )
    .await;
    assert!(other.starts_with("HTTP/1.1 403"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_succeeds_for_configured_origins_only() {
    let desk = "https://desk.example.com";
    let server = Bare::start(Limits {
        web_origins: vec![desk.to_owned()],
        ..Limits::default()
    })
    .await;
    let preflight = |origin: &str| {
        format!(
            "OPTIONS {} HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\naccess-control-request-method: POST\r\n\
             access-control-request-headers: content-type,x-grpc-web\r\nconnection: close\r\n\r\n",
            http2::CHECK
        )
    };
    let allowed = ask(server.address, &preflight(desk)).await;
    assert!(allowed.starts_with("HTTP/1.1 200"), "{allowed}");
    assert!(
        allowed.contains("access-control-allow-headers: content-type,x-grpc-web"),
        "{allowed}"
    );
    let refused = ask(server.address, &preflight("https://evil.example")).await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_host_is_served() {
    let limits = Limits {
        allowed_hosts: vec!["calls.example.com".to_owned()],
        ..Limits::default()
    };
    let server = Bare::start(limits).await;
    let request =
        "GET /livez HTTP/1.1\r\nhost: calls.example.com:7401\r\nconnection: close\r\n\r\n";
    assert!(
        ask(server.address, request)
            .await
            .starts_with("HTTP/1.1 200")
    );
}
