//! Who gets a connection, and for how long without saying anything.

use std::time::Duration;

use aftercall_serving::Limits;
use aftercall_tests::{PATIENCE, eventually};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::{Bare, LONG, check, counter, http2, probe, read_to_close};

fn greeting(greeting_max: Duration) -> Limits {
    Limits {
        greeting_max,
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_greeting_is_closed() {
    let server = Bare::start(greeting(Duration::from_millis(200))).await;
    let before = counter(
        server.address,
        "aftercall_connections_closed_total{reason=\"greeting\"}",
    )
    .await;
    // Nothing; a part of the preface; the preface without settings; a part of a head of HTTP/1.1.
    for start in [
        &b""[..],
        &http2::PREFACE[..10],
        http2::PREFACE,
        b"GET /livez HTTP/1.1\r\nhost: local",
    ] {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("it listens");
        stream.write_all(start).await.expect("it is sent");
        read_to_close(&mut stream).await;
    }
    let closed = counter(
        server.address,
        "aftercall_connections_closed_total{reason=\"greeting\"}",
    )
    .await
        - before;
    assert!(
        closed >= 3,
        "HTTP/1.1 has a limit of the transport's; the others are counted: {closed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_stays_after_its_greeting() {
    let server = Bare::start(greeting(Duration::from_millis(200))).await;
    let mut greeted = http2::connect(server.address, &[]).await;
    let mut silent = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    // Once the silent one is closed the time of the other is over too.
    read_to_close(&mut silent).await;
    greeted
        .write_all(&http2::request(1, http2::CHECK))
        .await
        .expect("it is open");
    assert!(!http2::answer(&mut greeted, 1).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_a_silent_client_stays() {
    let server = Bare::start(greeting(LONG)).await;
    let mut silent = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let limited = Bare::start(greeting(Duration::from_millis(200))).await;
    let mut control = TcpStream::connect(limited.address)
        .await
        .expect("it listens");
    read_to_close(&mut control).await;
    silent
        .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .expect("sent");
    assert!(String::from_utf8_lossy(&read_to_close(&mut silent).await).starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_answers_probes_only() {
    let server = Bare::start(Limits {
        connections_max: 3,
        ..greeting(LONG)
    })
    .await;
    let mut first = server.client();
    check(&mut first).await.expect("there is room");
    let mut leaked = Vec::new();
    for _ in 0..2 {
        leaked.push(http2::connect(server.address, &[]).await);
    }
    // A server accepts in order: once a later connection was served the leaked ones have their
    // places.
    eventually("the places are taken", || async {
        let refused = check(&mut server.client()).await;
        refused.is_err().then_some(())
    })
    .await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(probe(server.address, path).await, Some(200), "{path}");
    }
    check(&mut first).await.expect("who is connected is served");
    drop(leaked);
    eventually("there is room again", || async {
        check(&mut server.client()).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_are_closed() {
    let server = Bare::start(Limits {
        connections_max: 1,
        ..greeting(LONG)
    })
    .await;
    let mut open = Vec::new();
    // One, and sixteen for probes: at the latest the eighteenth is closed, for any limit on
    // its greeting.
    for _ in 0..18 {
        open.push(
            TcpStream::connect(server.address)
                .await
                .expect("it listens"),
        );
    }
    let last = open.last_mut().expect("some");
    let read = tokio::time::timeout(PATIENCE, read_to_close(last))
        .await
        .expect("it is closed");
    assert!(read.is_empty());
}
