//! Refusals that are in the audit log although no service was asked, or after one has begun to
//! answer.

use std::net::SocketAddr;
use std::path::Path;

use aftercall_identity::token_file::revoke;
use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::access::v1::{GetIdentityRequest, Role};
use aftercall_proto::feed::v1::TailRequest;
use aftercall_proto::feed::v1::change_feed_service_client::ChangeFeedServiceClient;
use aftercall_serving::LimitSettings;
use aftercall_tests::http2::{PREFACE, SETTINGS, frame};
use aftercall_tests::{House, PATIENCE, ServerProcess, eventually};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::metadata::MetadataValue;

use crate::audit::lines;
use crate::{Tokens, channel, guarded, reason, with};

/// What a server answers over HTTP/1.1.
async fn ask(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A connection that is closed with unread bytes is reset.
    let _ = read.expect("in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The only line of a path and a reason.
fn line<'l>(lines: &'l [Value], rpc: &str, reason: &str) -> &'l Value {
    let is_it = |line: &&Value| line["reason"] == reason && line["rpc"].as_str() == Some(rpc);
    let found: Vec<&Value> = lines.iter().filter(is_it).collect();
    match found[..] {
        [line] => line,
        _ => panic!("{rpc} {reason}: {lines:#?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_http_have_lines() {
    let mut house = guarded(&Tokens::new()).await;
    let address = house.workflow_address();
    let asked = [
        ("/metrics", "host: evil.example\r\n", "421"),
        (
            "/livez",
            "host: localhost\r\norigin: https://evil.example\r\n",
            "403",
        ),
        ("/metrics", "host: localhost\r\n", "401"),
        // The controls: what is served, and what is only missing.
        ("/livez", "host: localhost\r\n", "200"),
        ("/nothing", "host: localhost\r\n", "404"),
    ];
    for (path, headers, status) in asked {
        let answer = ask(address, path, headers).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    house.stop_workflow().await;
    let lines = lines(house.data_dir());
    assert_eq!(lines.len(), 3, "{lines:#?}");
    for (path, reason, code) in [
        ("metrics", "HOST_NOT_ALLOWED", "PERMISSION_DENIED"),
        ("livez", "ORIGIN_NOT_ALLOWED", "PERMISSION_DENIED"),
        ("metrics", "PROOF_REQUIRED", "UNAUTHENTICATED"),
    ] {
        let line = line(&lines, path, reason);
        assert_eq!(
            (&line["audit"], &line["code"]),
            (&"refusal".into(), &code.into())
        );
        let peer = line["peer"].as_str().expect("a peer");
        assert!(peer.starts_with("127.0.0.1:"), "{line}");
    }
}

/// A house with low limits.
async fn limited(tokens: &Tokens) -> House {
    let mut house = House::start_without_alerter().await;
    house.stop_workflow().await;
    house.guard_workflow(&tokens.path);
    house.limit(LimitSettings {
        person_requests_per_second_max: 1,
        header_bytes_max: 5_000,
        ..LimitSettings::default()
    });
    house.start_workflow().await;
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_limits_have_lines() {
    let tokens = Tokens::new();
    let ann = tokens.add("Ann", &[Role::Agent], None);
    let mut house = limited(&tokens).await;
    let address = house.workflow_address();
    let mut client = IdentityServiceClient::new(channel(address).await);
    let mut large = with(&ann, GetIdentityRequest {});
    let value = MetadataValue::try_from("x".repeat(6_000)).expect("ASCII");
    large.metadata_mut().insert("large", value);
    let refused = client.get_identity(large).await.expect_err("too large");
    assert_eq!(reason(&refused), "HEADER_BYTES");
    // As often as it takes for two of them in a second.
    eventually("one too many in a second", || {
        let (mut client, request) = (client.clone(), with(&ann, GetIdentityRequest {}));
        async move {
            let refused = client.get_identity(request).await.err()?;
            (reason(&refused) == "REQUEST_RATE").then_some(())
        }
    })
    .await;
    // A head that not even the transport reads.
    let headers = format!("host: localhost\r\nlarge: {}\r\n", "x".repeat(20_000));
    let answer = ask(address, "/livez", &headers).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    house.stop_workflow().await;
    let lines = lines(house.data_dir());
    let rpc = "aftercall.access.v1.IdentityService/GetIdentity";
    for (reason, name) in [
        ("HEADER_BYTES", Value::Null),
        ("REQUEST_RATE", "Ann".into()),
    ] {
        let line = line(&lines, rpc, reason);
        assert_eq!(line["audit"], "refusal");
        assert_eq!(
            (&line["code"], &line["name"]),
            (&"RESOURCE_EXHAUSTED".into(), &name)
        );
    }
    let heads = lines.iter().filter(|line| line["rpc"].is_null());
    let heads: Vec<&Value> = heads.map(|line| &line["reason"]).collect();
    assert_eq!(heads, ["HEADER_BYTES"], "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_a_revocation_ends_has_a_line() {
    let tokens = Tokens::new();
    let alerter = tokens.add("alerter", &[Role::Alerter], None);
    let other = tokens.add("other", &[Role::Alerter], None);
    let mut house = guarded(&tokens).await;
    let mut feed = ChangeFeedServiceClient::new(channel(house.workflow_address()).await);
    let tail = TailRequest {
        from_sequence: 1,
        ..TailRequest::default()
    };
    let revoked = feed.tail(with(&alerter, tail.clone())).await;
    let kept = feed.tail(with(&other, tail)).await;
    let mut revoked = revoked.expect("it is served").into_inner();
    let _kept = kept.expect("the control").into_inner();
    revoke(&tokens.path, "alerter").expect("revoked");
    let end = async {
        loop {
            if let Err(status) = revoked.message().await {
                return status;
            }
        }
    };
    let end = tokio::time::timeout(PATIENCE, end).await.expect("in time");
    assert_eq!(
        (end.code(), reason(&end).as_str()),
        (Code::Unauthenticated, "TOKEN_REVOKED")
    );
    house.stop_workflow().await;
    let lines = lines(house.data_dir());
    let line = line(
        &lines,
        "aftercall.feed.v1.ChangeFeedService/Tail",
        "TOKEN_REVOKED",
    );
    assert_eq!(
        (&line["audit"], &line["code"]),
        (&"refusal".into(), &"UNAUTHENTICATED".into())
    );
    assert_eq!(
        (&line["name"], &line["proof"]),
        (&"alerter".into(), &"token-file".into())
    );
}

/// Opens connections of HTTP/2 that ask nothing.
async fn connections(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let greeting = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        // One that is refused may be closed already.
        let _ = stream.write_all(&greeting).await;
        open.push(stream);
    }
    open
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_place_has_a_line() {
    let tokens = Tokens::new();
    let dir = tempfile::tempdir().expect("a folder");
    let (data, path) = (dir.path().join("data"), tokens.path.display().to_string());
    let audit = |data: &Path| std::fs::read_to_string(data.join("audit.log")).unwrap_or_default();
    for (max, is_refused) in [("3", true), ("30", false)] {
        let data = data.with_extension(max);
        let text = data.display().to_string();
        let server = ServerProcess::start(
            "workflow-server",
            &[
                "--data-dir",
                &text,
                "--listen",
                "127.0.0.1:0",
                "--tokens-file",
                &path,
                "--connections-max",
                max,
            ],
        );
        let open = connections(server.address(), 6).await;
        // A refusal of both, after which everything before it was written.
        ask(server.address(), "/metrics", "host: localhost\r\n").await;
        eventually("the log has a line", || async {
            audit(&data).contains("PROOF_REQUIRED").then_some(())
        })
        .await;
        if is_refused {
            eventually("the connection has a line", || async {
                audit(&data).contains("TOO_MANY_CONNECTIONS").then_some(())
            })
            .await;
        } else {
            assert!(!audit(&data).contains("TOO_MANY_CONNECTIONS"));
        }
        drop(open);
    }
}
