//! An alerter-server moves between the members of a cluster, and no client sees that.

use aftercall_proto::alert::v1::SnapshotMode;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::FollowUpFilter;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt as _;

use crate::feed::Feed;
use crate::model::{Model, instance};
use crate::servers::{Alerter, Client, soon};

/// Entries that are there at first.
const ENTRIES: u64 = 5;

/// An alerter that may follow two members and follows the first, and a client that has caught up.
async fn following_the_first(
    second: impl AsyncFnOnce(&Feed) -> Feed,
) -> (Feed, Feed, Alerter, Client) {
    let first = Feed::start().await;
    for number in 0..ENTRIES {
        first.write(vec![instance(&format!("i{number}"), "sales")]);
    }
    let second = second(&first).await;
    second.kill().await;
    let addresses = format!("{},{}", first.url(), second.url());
    let alerter = Alerter::following(addresses, |_| {}).await;
    alerter.wait_for_health(ServingStatus::Serving).await;
    let mut client = alerter.client(FollowUpFilter::default(), |_| true).await;
    client.caught_up(&first, ENTRIES).await;
    second.bring_back().await;
    (first, second, alerter, client)
}

#[tokio::test]
async fn a_lost_member_is_replaced_in_silence() {
    let (first, second, _alerter, mut client) =
        following_the_first(async |first| first.member().await).await;
    first.kill().await;
    let last = second.write(vec![instance("i1", "sales")]);
    soon("the change", async {
        loop {
            match client.next(&second).await {
                Frame::CaughtUp(caught_up) if caught_up.sequence == last => return,
                Frame::Upstream(upstream) => panic!("a client saw it: {upstream:?}"),
                _ => {}
            }
        }
    })
    .await;
    assert!(client.picture.resets.is_empty());
    assert_eq!(first.change(|script| script.snapshots), 1);
}

#[tokio::test]
async fn a_member_that_is_behind_resets_nobody() {
    for missing in [1, 3] {
        let (first, second, _alerter, mut client) =
            following_the_first(async |first| first.member().await).await;
        second.read_up_to(ENTRIES - missing);
        let asked = first.change(|script| script.asked);
        first.kill().await;
        // It comes back for the same place.
        first.until_asked(asked + 2).await;
        second.read_up_to(u64::MAX);
        let last = second.write(vec![instance("i1", "sales")]);
        client.caught_up(&second, last).await;
        assert!(client.picture.resets.is_empty(), "{missing}");
        assert_eq!(first.change(|script| script.snapshots), 1, "{missing}");
    }
}

#[tokio::test]
async fn one_stray_member_resets_nobody() {
    let (first, stray, _alerter, mut client) = following_the_first(async |_| {
        let stray = Feed::start().await;
        stray.change(|script| script.model = Model::new("stray"));
        stray
    })
    .await;
    first.kill().await;
    stray.until_asked(2).await;
    first.bring_back().await;
    let last = first.write(vec![instance("i1", "sales")]);
    client.caught_up(&first, last).await;
    assert!(client.picture.resets.is_empty());
    assert_eq!(stray.change(|script| script.snapshots), 0);
}

#[tokio::test]
async fn a_restore_of_all_members_resets_the_clients() {
    let (first, second, _alerter, mut client) =
        following_the_first(async |first| first.member().await).await;
    first.kill().await;
    first.change(|script| {
        script.model.restore(3);
        for _ in 0..4 {
            script.model.write(vec![instance("other", "sales")]);
        }
    });
    first.bring_back().await;
    client
        .until(&second, |frame| matches!(frame, Frame::Reset(_)))
        .await;
    client.caught_up(&second, 7).await;
}

#[tokio::test]
async fn an_alerter_that_is_behind_resets_nobody() {
    let (first, second, _alerter, client) =
        following_the_first(async |first| first.member().await).await;
    second.read_up_to(ENTRIES - 2);
    let late = Alerter::ready(&second, |_| {}).await;
    let filter = FollowUpFilter::default;
    let (token, auto) = (client.picture.token.clone(), SnapshotMode::Auto);
    let refused = late.subscribe(filter(), &token, auto).await.unwrap_err();
    let reason = refused.get_details_error_info().unwrap().reason;
    assert_eq!((refused.code(), &*reason), (Code::Unavailable, "BEHIND"));
    second.read_up_to(u64::MAX);
    let mut client = late.resume(filter(), |_| true, client.picture, auto).await;
    client.caught_up(&first, ENTRIES).await;
    assert!(client.picture.resets.is_empty());
}
