//! Limits: too many streams, clients that do not read, and a server that goes away.

use std::net::SocketAddr;

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{ResetReason, SnapshotMode};
use aftercall_proto::workflow::v1::{FollowUp, FollowUpFilter};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::feed::Feed;
use crate::model::instance;
use crate::picture::Picture;
use crate::servers::{Alerter, Client, soon, subscribe};

/// An instance of so many bytes: some thousand kilobytes are more than what the transport takes on
/// for a client that does not read.
fn large(bytes: usize) -> FollowUp {
    FollowUp {
        reason: "x".repeat(bytes),
        ..instance("a", "sales")
    }
}

async fn everything(alerter: &Alerter, feed: &Feed) -> Client {
    let mut client = alerter.client(FollowUpFilter::default(), |_| true).await;
    client.caught_up(feed, feed.model().newest()).await;
    client
}

/// Waits until one more stream is admitted. Between two attempts there is a bookmark of a stream
/// that is open.
async fn room(alerter: &Alerter, feed: &Feed, open: &mut Client) {
    let room = async {
        while alerter
            .subscribe(FollowUpFilter::default(), "", SnapshotMode::Auto)
            .await
            .is_err()
        {
            open.until(feed, |frame| matches!(frame, Frame::Bookmark(_)))
                .await;
        }
    };
    soon("room for one more stream", room).await;
}

/// Reads until the stream is closed.
async fn until_closed(client: &mut Client, feed: &Feed) -> Status {
    let closed = async {
        loop {
            match client.try_next(feed).await {
                Ok(frame) => assert!(frame.is_some(), "it is closed with a status"),
                Err(closed) => return closed,
            }
        }
    };
    soon("the end of the stream", closed).await
}

#[tokio::test]
async fn a_stream_over_the_limit_is_refused() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |config| {
        (config.streams_max, config.bookmark_seconds) = (2, 1);
    })
    .await;
    let mut first = everything(&alerter, &feed).await;
    let second = everything(&alerter, &feed).await;
    let refused = alerter
        .subscribe(FollowUpFilter::default(), "", SnapshotMode::Auto)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(
        refused.get_details_error_info().unwrap().reason,
        "TOO_MANY_STREAMS"
    );
    assert!(
        refused.get_details_quota_failure().is_some() && refused.get_details_retry_info().is_some()
    );
    drop(second);
    room(&alerter, &feed, &mut first).await;
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_closed_alone() {
    let feed = Feed::start().await;
    let settings = |config: &mut alerter_server::config::AlerterServerConfig| {
        (
            config.streams_max,
            config.limits.stall_seconds,
            config.bookmark_seconds,
        ) = (2, 1, 1);
    };
    let alerter = Alerter::ready(&feed, settings).await;
    let mut stalled = everything(&alerter, &feed).await;
    let mut reading = everything(&alerter, &feed).await;
    for _ in 0..300 {
        feed.write(vec![large(32 << 10)]);
    }
    reading.caught_up(&feed, 300).await;
    assert_eq!(reading.picture.received, feed.model().expected(0, |_| true));
    room(&alerter, &feed, &mut reading).await;
    let closed = until_closed(&mut stalled, &feed).await;
    assert_eq!(closed.code(), Code::Unavailable);
    assert_eq!(closed.get_details_error_info().unwrap().reason, "STALLED");
    drop(reading);
    let other = Alerter::ready(&feed, |_| {}).await;
    let mut back = other
        .resume(
            FollowUpFilter::default(),
            |_| true,
            stalled.picture,
            SnapshotMode::Never,
        )
        .await;
    back.caught_up(&feed, 300).await;
    assert_eq!(
        back.picture.received,
        feed.model().expected(0, |_| true),
        "it lost nothing"
    );
}

/// A proxy to the alerter that can die silently, as a connection does when a laptop sleeps: both
/// sides keep their sockets, and nothing passes any more.
async fn silent_proxy(to: SocketAddr, dead: CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(to).await.unwrap();
        let _ = dead
            .run_until_cancelled(tokio::io::copy_bidirectional(&mut near, &mut far))
            .await;
        // Held, and neither read nor written.
        std::future::pending::<()>().await;
        drop((near, far));
    });
    address
}

#[tokio::test]
async fn a_silent_dead_connection_is_closed() {
    let feed = Feed::start().await;
    let settings = |config: &mut alerter_server::config::AlerterServerConfig| {
        // Only the keepalive can find it: the stream is not stalled, because it has nothing to
        // read.
        (
            config.streams_max,
            config.limits.keepalive_seconds,
            config.bookmark_seconds,
        ) = (2, 1, 1);
        config.limits.stall_seconds = 3_600;
    };
    let alerter = Alerter::ready(&feed, settings).await;
    let dead = CancellationToken::new();
    let proxy = silent_proxy(alerter.address, dead.clone()).await;
    let channel = Endpoint::from_shared(format!("http://{proxy}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let responses = subscribe(channel, FollowUpFilter::default(), "", SnapshotMode::Auto)
        .await
        .unwrap();
    let mut cut_off = Client::of(responses, Picture::default(), |_| true);
    cut_off.caught_up(&feed, 0).await;
    let mut alive = everything(&alerter, &feed).await;
    // The control: a quiet client that answers keeps its stream over several keepalives.
    for _ in 0..3 {
        cut_off
            .until(&feed, |frame| matches!(frame, Frame::Bookmark(_)))
            .await;
        let refused = alerter
            .subscribe(FollowUpFilter::default(), "", SnapshotMode::Auto)
            .await;
        assert_eq!(refused.unwrap_err().code(), Code::ResourceExhausted);
    }
    dead.cancel();
    room(&alerter, &feed, &mut alive).await;
}

#[tokio::test]
async fn a_slow_client_gets_fell_behind_and_loses_nothing() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let mut slow = everything(&alerter, &feed).await;
    let mut reading = everything(&alerter, &feed).await;
    for _ in 0..3_000 {
        feed.write(vec![large(4 << 10)]);
    }
    reading.caught_up(&feed, 3_000).await;
    let fell_behind = slow
        .until(&feed, |frame| matches!(frame, Frame::FellBehind(_)))
        .await;
    assert!(
        matches!(fell_behind, Frame::FellBehind(behind) if behind.changes > 1_000),
        "{fell_behind:?}"
    );
    slow.caught_up(&feed, 3_000).await;
    assert_eq!(slow.picture.received, feed.model().expected(0, |_| true));
}

#[tokio::test]
async fn a_client_older_than_the_ring_gets_a_snapshot() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |config| config.ring_entries_max = 10).await;
    let mut slow = everything(&alerter, &feed).await;
    let mut watching = alerter.client(crate::teams(&["nobody"]), |_| false).await;
    watching.caught_up(&feed, 0).await;
    for _ in 0..600 {
        feed.write(vec![large(32 << 10)]);
    }
    let other_team = feed.write(vec![instance("seen", "nobody")]);
    watching.selects = |seen| seen.alerts[0].team == "nobody";
    watching
        .until(&feed, |frame| {
            matches!(frame, Frame::StageChange(_) | Frame::SnapshotItem(_))
        })
        .await;
    let reset = slow
        .until(&feed, |frame| matches!(frame, Frame::Reset(_)))
        .await;
    assert!(
        matches!(&reset, Frame::Reset(reset) if reset.reason() == ResetReason::TooOld),
        "{reset:?}"
    );
    slow.caught_up(&feed, other_team).await;
    let last = feed.write(vec![instance("seen", "sales")]);
    slow.caught_up(&feed, last).await;
}

#[tokio::test]
async fn a_token_of_a_draining_alerter_is_valid_at_another() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let other = Alerter::ready(&feed, |_| {}).await;
    let mut client = everything(&alerter, &feed).await;
    let written = feed.write(vec![instance("a", "sales")]);
    client.caught_up(&feed, written).await;
    alerter.stop();
    let drain = client.next(&feed).await;
    assert!(
        matches!(&drain, Frame::Drain(drain) if drain.reconnect_after.is_some()),
        "{drain:?}"
    );
    assert_eq!(
        client.try_next(&feed).await.unwrap(),
        None,
        "the stream ends in good order"
    );
    alerter.stopped().await;
    let last = feed.write(vec![instance("a", "sales")]);
    let mut moved = other
        .resume(
            FollowUpFilter::default(),
            |_| true,
            client.picture,
            SnapshotMode::Never,
        )
        .await;
    moved.caught_up(&feed, last).await;
    assert_eq!(moved.picture.received, feed.model().expected(0, |_| true));
}

#[tokio::test]
async fn a_client_that_stops_reading_does_not_delay_draining() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |config| config.drain_seconds = 1).await;
    let _stuck = everything(&alerter, &feed).await;
    let mut reading = everything(&alerter, &feed).await;
    for _ in 0..300 {
        feed.write(vec![large(32 << 10)]);
    }
    reading.caught_up(&feed, 300).await;
    alerter.stop();
    let address = alerter.address;
    alerter.stopped().await;
    assert!(
        tokio::net::TcpListener::bind(address).await.is_ok(),
        "the port is free again"
    );
}
