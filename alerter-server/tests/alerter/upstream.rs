//! The workflow-server goes, comes back, comes back as another one, or breaks its promises.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{ResetReason, SnapshotMode};
use aftercall_proto::workflow::v1::FollowUpFilter;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt as _;

use crate::feed::Feed;
use crate::model::{Model, instance};
use crate::servers::{Alerter, Client};

/// A feed with some entries, an alerter, and a client that has caught up.
async fn caught_up(entries: u64) -> (Feed, Alerter, Client) {
    let feed = Feed::start().await;
    for number in 0..entries {
        feed.write(vec![instance(&format!("i{number}"), "sales")]);
    }
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let mut client = alerter.client(FollowUpFilter::default(), |_| true).await;
    client.caught_up(&feed, entries).await;
    (feed, alerter, client)
}

async fn until_reset(client: &mut Client, feed: &Feed) -> ResetReason {
    let frame = client
        .until(feed, |frame| matches!(frame, Frame::Reset(_)))
        .await;
    let Frame::Reset(reset) = frame else {
        unreachable!()
    };
    reset.reason()
}

#[tokio::test]
async fn the_alerter_becomes_ready_with_the_workflow_server() {
    let feed = Feed::start().await;
    feed.write(vec![instance("a", "sales")]);
    feed.kill().await;
    let alerter = Alerter::start(&feed, |_| {}).await;
    alerter.wait_for_health(ServingStatus::NotServing).await;
    let refused = alerter
        .subscribe(FollowUpFilter::default(), "", SnapshotMode::Auto)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(
        refused.get_details_error_info().unwrap().reason,
        "NOT_READY"
    );
    assert!(
        refused
            .get_details_retry_info()
            .unwrap()
            .retry_delay
            .is_some()
    );
    feed.bring_back().await;
    alerter.wait_for_health(ServingStatus::Serving).await;
    alerter
        .client(FollowUpFilter::default(), |_| true)
        .await
        .caught_up(&feed, 1)
        .await;
}

#[tokio::test]
async fn a_loss_and_a_return_are_reported_without_lost_changes() {
    let (feed, alerter, mut client) = caught_up(3).await;
    feed.kill().await;
    let lost = client
        .until(&feed, |frame| matches!(frame, Frame::Upstream(_)))
        .await;
    assert!(
        matches!(lost, Frame::Upstream(upstream) if !upstream.connected && upstream.as_of.is_some())
    );
    alerter.wait_for_health(ServingStatus::NotServing).await;
    let mut late = alerter.client(FollowUpFilter::default(), |_| true).await;
    let received = late
        .until(&feed, |frame| matches!(frame, Frame::Upstream(_)))
        .await;
    assert!(
        matches!(received, Frame::Upstream(upstream) if !upstream.connected),
        "a stream opened meanwhile knows too"
    );
    for _ in 0..20 {
        feed.write(vec![instance("i1", "sales")]);
    }
    feed.bring_back().await;
    client.caught_up(&feed, 23).await;
    assert_eq!(client.picture.received, feed.model().expected(3, |_| true));
    let last = feed.write(vec![instance("i2", "sales")]);
    late.caught_up(&feed, last).await;
    alerter.wait_for_health(ServingStatus::Serving).await;
    assert!(client.picture.resets.is_empty() && late.picture.resets.is_empty());
}

#[tokio::test]
async fn readiness_says_how_many_changes_are_missing() {
    let (feed, _alerter, mut client) = caught_up(3).await;
    let given = feed.change(|script| {
        script.given_up_to = Some(script.model.newest() + 1);
        let given = script.model.write(vec![instance("a", "sales")]);
        for _ in 0..5 {
            script.model.write(vec![instance("a", "sales")]);
        }
        given
    });
    client.caught_up(&feed, given).await;
    feed.kill().await;
    let lost = client
        .until(&feed, |frame| matches!(frame, Frame::Upstream(_)))
        .await;
    let Frame::Upstream(lost) = lost else {
        unreachable!()
    };
    assert_eq!((lost.connected, lost.behind), (false, 5));
}

#[tokio::test]
async fn the_return_is_reported() {
    let (feed, _alerter, mut client) = caught_up(1).await;
    feed.kill().await;
    client
        .until(
            &feed,
            |frame| matches!(frame, Frame::Upstream(upstream) if !upstream.connected),
        )
        .await;
    feed.bring_back().await;
    let found = client
        .until(&feed, |frame| matches!(frame, Frame::Upstream(_)))
        .await;
    assert!(
        matches!(found, Frame::Upstream(upstream) if upstream.connected && upstream.lag.is_some())
    );
}

#[tokio::test]
async fn clients_miss_nothing_when_the_feed_skips_a_sequence() {
    let (feed, _alerter, mut client) = caught_up(3).await;
    feed.change(|script| {
        script.skip = Some(5);
        for _ in 0..4 {
            script.model.write(vec![instance("i1", "sales")]);
        }
    });
    client.caught_up(&feed, 7).await;
    assert_eq!(
        feed.change(|script| script.skip),
        None,
        "the sequence was left out"
    );
    assert_eq!(client.picture.received, feed.model().expected(3, |_| true));
    assert!(client.picture.resets.is_empty());
}

#[tokio::test]
async fn a_too_large_message_causes_no_new_snapshot() {
    let (feed, alerter, mut client) = caught_up(3).await;
    let large = feed.change(|script| {
        script.too_large = Some(script.model.newest() + 1);
        script.asked = 0;
        script.model.write(vec![instance("i1", "sales")])
    });
    alerter.wait_for_health(ServingStatus::NotServing).await;
    let reason = alerter.unready_because().await;
    assert!(
        reason.contains("larger than the 8388608 bytes that this alerter-server reads"),
        "{reason}"
    );
    // It requests the same place again. An alerter that took this for a refusal of the feed would
    // request a snapshot each time.
    feed.until_asked(1).await;
    feed.change(|script| script.too_large = None);
    client.caught_up(&feed, large).await;
    alerter.wait_for_health(ServingStatus::Serving).await;
    assert!(client.picture.resets.is_empty());
    assert_eq!(
        feed.change(|script| script.snapshots),
        1,
        "the one that it began with"
    );
}

#[tokio::test]
async fn another_store_resets_every_client() {
    let (feed, _alerter, mut client) = caught_up(3).await;
    feed.change(|script| {
        script.model = Model::new("second");
        script.model.write(vec![instance("new", "sales")]);
    });
    assert_eq!(
        until_reset(&mut client, &feed).await,
        ResetReason::OtherHistory
    );
    client.caught_up(&feed, 1).await;
    let last = feed.write(vec![instance("new", "sales")]);
    client.caught_up(&feed, last).await;
}

#[tokio::test]
async fn a_longer_restored_store_is_detected_by_its_chain() {
    let (feed, _alerter, mut client) = caught_up(5).await;
    feed.kill().await;
    feed.change(|script| {
        script.model.restore(3);
        for _ in 0..9 {
            script.model.write(vec![instance("other", "sales")]);
        }
    });
    feed.bring_back().await;
    assert_eq!(
        until_reset(&mut client, &feed).await,
        ResetReason::OtherHistory
    );
    client.caught_up(&feed, 12).await;
}

#[tokio::test]
async fn a_store_without_its_newest_entries_resets_the_clients() {
    let (feed, _alerter, mut client) = caught_up(5).await;
    feed.kill().await;
    feed.change(|script| script.model.restore(4));
    feed.bring_back().await;
    assert_eq!(
        until_reset(&mut client, &feed).await,
        ResetReason::FromTheFuture
    );
    client.caught_up(&feed, 4).await;
}

#[tokio::test]
async fn a_change_missing_from_the_feed_resets_the_client() {
    let (feed, _alerter, mut client) = caught_up(5).await;
    feed.kill().await;
    feed.change(|script| {
        for _ in 0..5 {
            script.model.write(vec![instance("i1", "sales")]);
        }
        script.oldest = 9;
    });
    feed.bring_back().await;
    assert_eq!(
        until_reset(&mut client, &feed).await,
        ResetReason::AlerterRestarted
    );
    client.caught_up(&feed, 10).await;
}

#[tokio::test]
async fn without_snapshots_a_stream_that_cannot_resume_closes() {
    let (feed, alerter, client) = caught_up(3).await;
    let mut never = alerter
        .resume(
            FollowUpFilter::default(),
            |_| true,
            client.picture,
            SnapshotMode::Never,
        )
        .await;
    never.caught_up(&feed, 3).await;
    feed.change(|script| script.model = Model::new("second"));
    let closed = loop {
        match never.try_next(&feed).await {
            Ok(frame) => assert!(matches!(frame, Some(Frame::Upstream(_))), "{frame:?}"),
            Err(closed) => break closed,
        }
    };
    assert_eq!(closed.code(), Code::FailedPrecondition);
    assert_eq!(
        closed.get_details_error_info().unwrap().reason,
        "OTHER_HISTORY"
    );
}
