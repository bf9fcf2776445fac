//! Floods of frames that cost the server work and carry nothing.

use std::time::Duration;

use aftercall_serving::Limits;
use aftercall_tests::PATIENCE;
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;

use crate::http2::{
    self, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, frame,
};
use crate::{Bare, check, counter};

/// A limit that nothing in these tests reaches.
const NONE: u32 = 1_000_000_000;

/// Frames of a flood.
const FLOOD: usize = 20_000;

/// Sends a frame again and again while what is answered is read; whether the server closes the
/// connection before the end.
async fn is_cut(server: &Bare, frame: &[u8]) -> bool {
    let client = http2::connect(server.address, &[]).await;
    let (mut read, mut write) = client.into_split();
    let reading =
        tokio::spawn(async move { tokio::io::copy(&mut read, &mut tokio::io::sink()).await });
    let hundred = frame.repeat(100);
    for _ in 0..FLOOD / 100 {
        if write.write_all(&hundred).await.is_err() {
            return true;
        }
    }
    // A client that has said all it has to say; a server that has cut it has closed already.
    let asked = write.write_all(&http2::request(1, http2::CHECK)).await;
    drop(write);
    let ended = tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("it ends in time")
        .expect("no panic");
    asked.is_err() || ended.is_err()
}

fn flood() -> [(&'static str, Vec<u8>); 5] {
    [
        ("PING", frame(PING, 0, 0, &[1; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7])),
        ("WINDOW_UPDATE", frame(8, 0, 0, &[0, 0, 0, 1])),
        ("unknown", frame(200, 0, 0, &[])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_control_frames_are_cut() {
    let server = Bare::start(Limits::default()).await;
    let name = "aftercall_connections_closed_total{reason=\"control_frames\"}";
    for (kind, frame) in flood() {
        let before = counter(server.address, name).await;
        is_cut(&server, &frame).await;
        assert!(counter(server.address, name).await > before, "{kind}");
    }
    check(&mut server.client())
        .await
        .expect("others are served");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_a_flood_of_control_frames_is_answered() {
    let limits = Limits {
        control_frames_burst: NONE,
        ..Limits::default()
    };
    let server = Bare::start(limits).await;
    for (kind, frame) in flood() {
        assert!(!is_cut(&server, &frame).await, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_client_may_send_many_control_frames() {
    let server = Bare::start(Limits {
        control_frames_burst: 20,
        control_frames_per_second_max: 0,
        ..Limits::default()
    })
    .await;
    let mut client = http2::connect(server.address, &[]).await;
    for stream in (1..400).step_by(2) {
        // As clients that measure their bandwidth: a PING with each request.
        let bytes = [
            http2::request(stream, http2::CHECK),
            frame(PING, 0, 0, &[1; 8]),
        ]
        .concat();
        client.write_all(&bytes).await.expect("it is open");
        http2::answer(&mut client, stream).await;
    }
}

/// Sends requests and resets each at once, until so many are sent or the server reads no more for
/// so long; how many were sent.
async fn reset_requests(server: &Bare, count: u32, patience: Duration) -> (u32, OwnedWriteHalf) {
    let client = http2::connect(server.address, &[]).await;
    let (mut read, mut write) = client.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut read, &mut tokio::io::sink()).await });
    for sent in 0..count {
        let stream = 2 * sent + 1;
        let reset = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        let bytes = [http2::request(stream, http2::CHECK), reset].concat();
        // What the server does not read does not fit into the sockets at some point: that is the
        // bound.
        match tokio::time::timeout(patience, write.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("the connection was closed after {sent}: {error}"),
            Err(_) => return (sent, write),
        }
    }
    (count, write)
}

/// Resets, in a test: more than fit into the sockets' buffers.
const RESETS: u32 = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_requests_is_slowed_down() {
    let server = Bare::start(Limits::default()).await;
    let before = counter(server.address, "aftercall_reset_pauses_total").await;
    let (sent, _open) = reset_requests(&server, RESETS, Duration::from_secs(1)).await;
    assert!(
        counter(server.address, "aftercall_reset_pauses_total").await > before,
        "{sent} were sent"
    );
    assert!(sent < RESETS, "its connection is not read any more");
    check(&mut server.client())
        .await
        .expect("others are served");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_every_request_is_reset() {
    let server = Bare::start(Limits {
        resets_burst: NONE,
        ..Limits::default()
    })
    .await;
    let (sent, _open) = reset_requests(&server, RESETS, PATIENCE).await;
    assert_eq!(sent, RESETS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_many_timeouts_is_not_cut() {
    let server = Bare::start(Limits::default()).await;
    let mut client = http2::connect(server.address, &[]).await;
    // As many as may be open at once, all reset together, as after a deadline that the server did
    // not keep.
    let open: Vec<u8> = (0..128)
        .flat_map(|at| {
            frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                2 * at + 1,
                &http2::grpc_headers(http2::CHECK),
            )
        })
        .collect();
    let resets: Vec<u8> = (0..128)
        .flat_map(|at| frame(RST_STREAM, 0, 2 * at + 1, &[0, 0, 0, 8]))
        .collect();
    client
        .write_all(&[open, resets].concat())
        .await
        .expect("it is open");
    client
        .write_all(&http2::request(1_001, http2::CHECK))
        .await
        .expect("it is open");
    http2::answer(&mut client, 1_001).await;
}
