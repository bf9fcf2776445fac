//! Requests that are never finished, answers that are never read, and time that runs out.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use aftercall_serving::Limits;
use aftercall_tests::{PATIENCE, eventually, reason};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::http2::{self, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, frame};
use crate::{Bare, LONG, channel, check, counter, read_to_close};

/// The head of a request and a part of a message of a megabyte, and then nothing.
fn half_request(stream: u32) -> Vec<u8> {
    let head = frame(
        HEADERS,
        END_HEADERS,
        stream,
        &http2::grpc_headers(http2::CHECK),
    );
    let message = [&[0][..], &1_000_000_u32.to_be_bytes(), &[0; 1_000]].concat();
    [head, frame(DATA, 0, stream, &message)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_request_is_refused_after_its_time() {
    let limits = Limits {
        request_read_max: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Bare::start(limits).await;
    let name = "aftercall_requests_refused_total{reason=\"REQUEST_TOO_SLOW\"}";
    let before = counter(server.address, name).await;
    let mut stream = http2::connect(server.address, &[]).await;
    stream
        .write_all(&half_request(1))
        .await
        .expect("it is sent");
    http2::answer(&mut stream, 1).await;
    assert!(counter(server.address, name).await > before);
    // The connection is as good as before.
    stream
        .write_all(&http2::request(3, http2::CHECK))
        .await
        .expect("it is open");
    assert!(!http2::answer(&mut stream, 3).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_a_request_stays_unfinished() {
    let server = Bare::start(Limits {
        request_read_max: LONG,
        ..Limits::default()
    })
    .await;
    let limited = Bare::start(Limits {
        request_read_max: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    let mut waiting = http2::connect(server.address, &[]).await;
    let mut control = http2::connect(limited.address, &[]).await;
    for stream in [&mut waiting, &mut control] {
        stream
            .write_all(&half_request(1))
            .await
            .expect("it is sent");
    }
    http2::answer(&mut control, 1).await;
    // The answer to a later request comes while the first one is still waited for.
    waiting
        .write_all(&http2::request(3, http2::CHECK))
        .await
        .expect("it is open");
    while let Some(read) = http2::next(&mut waiting).await {
        assert_ne!(read.stream, 1, "{read:?}");
        if read.stream == 3 {
            return;
        }
    }
    panic!("the connection ended");
}

/// Sends unfinished requests of nearly four megabytes each, until one is refused; how many it
/// takes.
async fn unfinished_until_refused(address: SocketAddr) -> Option<u32> {
    const BYTES: u32 = 4 * 1024 * 1024 - 20_000;
    let mut client = http2::connect(address, &[]).await;
    let mut window = i64::from(u16::MAX);
    for stream in (1..20).step_by(2) {
        let mut left = BYTES;
        let head = frame(
            HEADERS,
            END_HEADERS,
            stream,
            &http2::grpc_headers(http2::CHECK),
        );
        client
            .write_all(
                &[
                    head,
                    frame(
                        DATA,
                        0,
                        stream,
                        &[&[0][..], &(BYTES + 16_384).to_be_bytes()].concat(),
                    ),
                ]
                .concat(),
            )
            .await
            .ok()?;
        let mut of_stream = i64::from(u16::MAX) - 5;
        window -= 5;
        while left > 0 {
            if window < 16_384 || of_stream < 16_384 {
                let read = http2::next(&mut client).await?;
                if read.kind == RST_STREAM || read.kind == HEADERS && read.flags & END_STREAM != 0 {
                    return Some(stream.div_ceil(2));
                }
                if read.kind == 8 {
                    let more = i64::from(u32::from_be_bytes(
                        read.payload[..4].try_into().expect("four bytes"),
                    ));
                    if read.stream == 0 {
                        window += more;
                    } else if read.stream == stream {
                        of_stream += more;
                    }
                }
                continue;
            }
            client
                .write_all(&frame(DATA, 0, stream, &[0; 16_384]))
                .await
                .ok()?;
            (window, of_stream, left) = (
                window - 16_384,
                of_stream - 16_384,
                left.saturating_sub(16_384),
            );
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_requests_of_a_connection_are_bounded_in_bytes() {
    let server = Bare::start(Limits {
        request_read_max: LONG,
        ..Limits::default()
    })
    .await;
    let refused = tokio::time::timeout(PATIENCE, unfinished_until_refused(server.address))
        .await
        .expect("in time");
    assert_eq!(
        refused,
        Some(5),
        "four requests of the largest size are allowed"
    );
    check(&mut server.client())
        .await
        .expect("others are served");
}

/// Asks for the descriptors, again and again, and takes nothing: the window of every stream is 0.
async fn ask_and_never_read(address: SocketAddr, streams: u32) -> TcpStream {
    let mut client = http2::connect(address, &[(4, 0)]).await;
    for stream in (0..streams).map(|at| 2 * at + 1) {
        client
            .write_all(&http2::request(stream, http2::CHECK))
            .await
            .expect("it is sent");
    }
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_its_answers_is_closed() {
    let limits = Limits {
        stall_max: Some(Duration::from_millis(400)),
        ..Limits::default()
    };
    let server = Bare::start(limits).await;
    let name = "aftercall_connections_closed_total{reason=\"stalled\"}";
    let before = counter(server.address, name).await;
    read_to_close(&mut ask_and_never_read(server.address, 20).await).await;
    eventually("the connection is counted", || async {
        (counter(server.address, name).await > before).then_some(())
    })
    .await;
    let unlimited = Bare::start(Limits {
        stall_max: None,
        ..Limits::default()
    })
    .await;
    let mut control = ask_and_never_read(unlimited.address, 20).await;
    read_to_close(&mut ask_and_never_read(server.address, 20).await).await;
    control
        .write_all(&frame(http2::PING, 0, 0, &[7; 8]))
        .await
        .expect("the control is open");
    while let Some(read) = http2::next(&mut control).await {
        if read.kind == http2::PING {
            return;
        }
    }
    panic!("the control was closed");
}

/// Answers each request with a message of 1 MiB.
#[derive(Clone)]
struct Large;

impl NamedService for Large {
    const NAME: &'static str = "test.Large";
}

impl Service<http::Request<Body>> for Large {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let answer = http::Response::builder().header("content-type", "application/grpc");
        let answer = answer.body(Body::new("7".repeat(1 << 20)));
        Box::pin(ready(Ok(answer.expect("an answer"))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unread_stream_ends_alone() {
    const WATCH: &str = "/grpc.health.v1.Health/Watch";
    let limits = Limits {
        stall_max: Some(Duration::from_millis(400)),
        ..Limits::default()
    };
    let server = Bare::start_with(limits, |routes| routes.add_service(Large)).await;
    let mut client = http2::connect(server.address, &[]).await;
    // One that waits quietly, and one that is never read further than its window.
    client
        .write_all(&http2::request(1, WATCH))
        .await
        .expect("it is sent");
    client
        .write_all(&http2::request(3, "/test.Large/Get"))
        .await
        .expect("it is sent");
    // The window of the connection has room for the others.
    client
        .write_all(&frame(
            http2::WINDOW_UPDATE,
            0,
            0,
            &(1_u32 << 20).to_be_bytes(),
        ))
        .await
        .expect("it is sent");
    loop {
        let read = http2::next(&mut client)
            .await
            .expect("the connection is not closed");
        assert!(
            read.stream != 1 || read.kind != http2::RST_STREAM,
            "the quiet one continues"
        );
        if read.stream == 3 && read.kind == http2::RST_STREAM {
            break;
        }
    }
    client
        .write_all(&http2::request(5, http2::CHECK))
        .await
        .expect("it is open");
    assert!(
        !http2::answer(&mut client, 5).await.is_empty(),
        "a further request is served"
    );
    assert!(
        counter(
            server.address,
            "aftercall_streams_ended_total{reason=\"stalled\"}"
        )
        .await
            > 0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_for_unread_answers() {
    // Each answer of the health check has seven bytes: two of them are too many here.
    let limits = Limits {
        unread_bytes_per_connection_max: 13,
        ..Limits::default()
    };
    let server = Bare::start(limits).await;
    let mut client = ask_and_never_read(server.address, 4).await;
    let mut answered = 0;
    // The first two have their heads; a window for the streams then lets all others follow.
    while answered < 2 {
        let read = http2::next(&mut client).await.expect("an answer");
        answered += u32::from(read.kind == HEADERS);
    }
    client
        .write_all(&frame(http2::SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]))
        .await
        .expect("it is open");
    let mut ended = 0;
    while ended < 4 {
        let read = http2::next(&mut client)
            .await
            .expect("the rest of the answers");
        ended += u32::from(read.kind == HEADERS && read.flags & END_STREAM != 0);
    }
}

/// The value of `grpc-status`, one digit in the Huffman code of RFC 7541.
fn assert_deadline_exceeded(answered: &[u8]) {
    let (four, one) = ([0x81, 0x6b], [0x81, 0x0f]);
    let has = |value: [u8; 2]| answered.windows(2).any(|window| window == value);
    assert!(
        has(four) && !has(one),
        "DEADLINE_EXCEEDED, not CANCELLED: {answered:x?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_request_can_exceed_its_deadline() {
    let server = Bare::start(Limits {
        unread_bytes_per_connection_max: 6,
        ..Limits::default()
    })
    .await;
    let mut client = ask_and_never_read(server.address, 1).await;
    // The head of the first answer: its message waits for a window now.
    while http2::next(&mut client).await.expect("an answer").kind != HEADERS {}
    let mut headers = http2::grpc_headers(http2::CHECK);
    headers.extend(http2::header_block(&[("grpc-timeout", "50m")]));
    let head = frame(HEADERS, END_HEADERS, 3, &headers);
    client
        .write_all(&[head, frame(DATA, END_STREAM, 3, &http2::EMPTY)].concat())
        .await
        .expect("it is open");
    assert_deadline_exceeded(&http2::answer(&mut client, 3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_the_client_is_kept() {
    let server = Bare::start(Limits::default()).await;
    let mut stream = http2::connect(server.address, &[]).await;
    let mut headers = http2::grpc_headers(http2::CHECK);
    headers.extend(http2::header_block(&[("grpc-timeout", "50m")]));
    // The message never comes: the time runs out while the server waits for it.
    stream
        .write_all(&frame(HEADERS, END_HEADERS, 1, &headers))
        .await
        .expect("it is sent");
    assert_deadline_exceeded(&http2::answer(&mut stream, 1).await);
    // A client of tonic's with time to spare is served.
    let mut request = Request::new(HealthCheckRequest::default());
    request.set_timeout(PATIENCE);
    server
        .client()
        .check(request)
        .await
        .expect("it is served in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_requests_has_no_time_limit() {
    let server = Bare::start(Limits {
        request_read_max: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let mut slow = http2::connect(server.address, &[]).await;
    slow.write_all(&half_request(1)).await.expect("it is sent");
    let (send, requests) = tokio::sync::mpsc::channel(1);
    let mut client = ServerReflectionClient::new(channel(server.address));
    let stream = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut answers = client
        .server_reflection_info(stream)
        .await
        .expect("it is served")
        .into_inner();
    // Longer than the limit: the other connection has met it.
    http2::answer(&mut slow, 1).await;
    let request = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    };
    send.send(request).await.expect("the stream is open");
    answers
        .message()
        .await
        .expect("it is open")
        .expect("an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_a_stable_reason() {
    let server = Bare::start(Limits {
        connections_max: 16,
        ..Limits::default()
    })
    .await;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", server.address))
        .expect("a URL");
    let channel = endpoint
        .origin("http://evil.example".parse().expect("a URL"))
        .connect_lazy();
    let mut client = tonic_health::pb::health_client::HealthClient::new(channel);
    let refused = client
        .check(HealthCheckRequest::default())
        .await
        .expect_err("the host is not allowed");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::PermissionDenied, "HOST_NOT_ALLOWED")
    );
    assert!(
        refused.message().contains("--allowed-host"),
        "{}",
        refused.message()
    );
    eventually("others are served", || async {
        check(&mut server.client()).await.ok()
    })
    .await;
}

/// Whether a request of this path is answered with a message.
async fn is_served(server: &Bare, path: &str) -> bool {
    let mut stream = http2::connect(server.address, &[]).await;
    let sent = stream.write_all(&http2::request(1, path)).await;
    sent.expect("it is sent");
    while let Some(read) = http2::next(&mut stream).await {
        if read.stream != 1 {
            continue;
        }
        if read.kind == DATA && !read.payload.is_empty() {
            return true;
        }
        if read.kind == RST_STREAM || read.flags & END_STREAM != 0 {
            return false;
        }
    }
    false
}

/// Paths that no HTTP client sends.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_without_a_slash_is_refused() {
    let server = Bare::start(Limits::default()).await;
    assert!(is_served(&server, http2::CHECK).await, "the control");
    let whole = format!("http://localhost{}", http2::CHECK);
    let bare = &http2::CHECK[1..];
    for odd in [
        bare,
        "Check",
        "*",
        "",
        " ",
        &whole,
        "\\grpc.health.v1.Health\\Check",
    ] {
        assert!(!is_served(&server, odd).await, "{odd:?}");
    }
    assert!(is_served(&server, http2::CHECK).await, "it still serves");
}
