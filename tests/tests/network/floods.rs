//! Floods of frames that cost the server work and carry nothing.

use std::time::Duration;

use aftercall_serving::Limits;
use aftercall_tests::{PATIENCE, eventually};
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;

use crate::http2::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM,
    SETTINGS, frame,
};
use crate::{Bare, check, counter};

/// A limit that nothing in these tests reaches.
const NONE: u32 = 1_000_000_000;

/// Frames of a flood.
const FLOOD: usize = 20_000;

/// Sends `first`, then a frame again and again while what is answered is read; whether the server
/// closes the connection before the end.
async fn is_cut(server: &Bare, first: &[u8], frame: &[u8]) -> bool {
    let mut client = http2::connect(server.address, &[]).await;
    client.write_all(first).await.expect("it is open");
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
    let asked = write.write_all(&http2::request(3, http2::CHECK)).await;
    drop(write);
    let ended = tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("it ends in time")
        .expect("no panic");
    asked.is_err() || ended.is_err()
}

/// Floods of frames that carry nothing: what is sent first, and the frame.
fn floods() -> [(&'static str, Vec<u8>, Vec<u8>); 6] {
    let open = frame(HEADERS, END_HEADERS, 1, &http2::grpc_headers(http2::CHECK));
    let alone = |kind, frame| (kind, Vec::new(), frame);
    [
        alone("PING", frame(PING, 0, 0, &[1; 8])),
        alone("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        alone("PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7])),
        alone("WINDOW_UPDATE", frame(8, 0, 0, &[0, 0, 0, 1])),
        alone("unknown", frame(200, 0, 0, &[])),
        ("empty DATA", open, frame(DATA, 0, 1, &[])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_control_frames_are_cut() {
    let server = Bare::start(Limits::default()).await;
    let name = "aftercall_connections_closed_total{reason=\"control_frames\"}";
    for (kind, first, frame) in floods() {
        let before = counter(server.address, name).await;
        // The library has a limit of its own, and may be faster once.
        eventually(kind, || async {
            is_cut(&server, &first, &frame).await;
            (counter(server.address, name).await > before).then_some(())
        })
        .await;
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
    for (kind, first, frame) in floods() {
        assert!(!is_cut(&server, &first, &frame).await, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_continuations_is_cut() {
    // A head that never ends: a name of 268 million bytes, in pieces of one.
    let head = frame(HEADERS, 0, 1, &[0, 127, 0xff, 0xff, 0xff, 0x7f]);
    let piece = frame(CONTINUATION, 0, 1, b"a");
    let server = Bare::start(Limits::default()).await;
    let name = "aftercall_connections_closed_total{reason=\"excess\"}";
    let before = counter(server.address, name).await;
    is_cut(&server, &head, &piece).await;
    // The client sees the end of the connection a moment before it is counted.
    eventually("the connection is counted", || async {
        (counter(server.address, name).await > before).then_some(())
    })
    .await;
    check(&mut server.client())
        .await
        .expect("others are served");
    // The control: as many pieces as a limit of a gigabyte has room for.
    let server = Bare::start(Limits {
        header_bytes_max: 1 << 30,
        ..Limits::default()
    })
    .await;
    let before = counter(server.address, name).await;
    is_cut(&server, &head, &piece).await;
    assert_eq!(counter(server.address, name).await, before);
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
