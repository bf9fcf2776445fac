//! Resuming: which tokens resume, which get a new snapshot, and what is refused.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{ResetReason, SnapshotMode};
use aftercall_proto::workflow::v1::FollowUpFilter;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::feed::Feed;
use crate::model::{Model, Selects, instance, random_changes};
use crate::picture::Picture;
use crate::servers::Alerter;
use crate::teams;

/// A picture with a token at the head, after these many entries.
async fn picture_after(feed: &Feed, alerter: &Alerter, entries: u64) -> Picture {
    let mut client = alerter.client(FollowUpFilter::default(), |_| true).await;
    for _ in 0..entries {
        feed.write(vec![instance("a", "sales")]);
    }
    client.caught_up(feed, feed.model().newest()).await;
    client.picture
}

/// A client with that picture and another filter gets a reset for this reason, or a refusal.
async fn check(
    feed: &Feed,
    alerter: &Alerter,
    picture: Picture,
    filter: FollowUpFilter,
    reason: ResetReason,
) {
    for mode in [
        SnapshotMode::Unspecified,
        SnapshotMode::Auto,
        SnapshotMode::Always,
    ] {
        let mut client = alerter
            .resume(filter.clone(), |_| true, picture.clone(), mode)
            .await;
        let first = client.next(feed).await;
        assert!(
            matches!(&first, Frame::Reset(reset) if reset.reason() == reason),
            "{mode:?}: {first:?}"
        );
        assert_eq!(
            client.picture.token, "",
            "a stream that is cut within a snapshot starts again"
        );
        client.caught_up(feed, feed.model().newest()).await;
    }
    let refused = alerter
        .subscribe(filter, &picture.token, SnapshotMode::Never)
        .await
        .unwrap_err();
    let too_old = reason == ResetReason::TooOld;
    assert_eq!(
        refused.code(),
        if too_old {
            Code::OutOfRange
        } else {
            Code::FailedPrecondition
        }
    );
    assert_eq!(
        format!("RESET_REASON_{}", reason_of(&refused)),
        reason.as_str_name()
    );
    let metadata = refused.get_details_error_info().unwrap().metadata;
    assert_eq!(
        metadata["newest_sequence"],
        feed.model().newest().to_string()
    );
}

fn reason_of(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "aftercall");
    info.reason
}

#[tokio::test]
async fn a_token_older_than_the_ring_is_too_old() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |config| config.ring_entries_max = 5).await;
    let old = picture_after(&feed, &alerter, 3).await;
    picture_after(&feed, &alerter, 6).await;
    check(
        &feed,
        &alerter,
        old,
        FollowUpFilter::default(),
        ResetReason::TooOld,
    )
    .await;
}

#[tokio::test]
async fn a_token_resumes_only_for_an_equal_filter() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let picture = picture_after(&feed, &alerter, 2).await;
    check(
        &feed,
        &alerter,
        picture,
        teams(&["sales"]),
        ResetReason::OtherFilter,
    )
    .await;
    let mut one = alerter.client(teams(&["sales", "support"]), |_| true).await;
    one.caught_up(&feed, 2).await;
    let same = teams(&["support", "sales", "support"]);
    let mut other = alerter
        .resume(same, |_| true, one.picture, SnapshotMode::Auto)
        .await;
    assert!(matches!(other.next(&feed).await, Frame::CaughtUp(_)));
}

#[tokio::test]
async fn a_token_of_another_history_is_refused() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let picture = picture_after(&feed, &alerter, 4).await;
    // The same store, restored to entry 2 and written again: the same epoch, the same sequences,
    // another chain.
    feed.change(|script| script.model.restore(2));
    for _ in 0..4 {
        feed.write(vec![instance("b", "sales")]);
    }
    let restored = Alerter::ready(&feed, |_| {}).await;
    check(
        &feed,
        &restored,
        picture.clone(),
        FollowUpFilter::default(),
        ResetReason::OtherHistory,
    )
    .await;
    feed.change(|script| script.model = Model::new("second"));
    for _ in 0..6 {
        feed.write(vec![instance("c", "sales")]);
    }
    let other = Alerter::ready(&feed, |_| {}).await;
    check(
        &feed,
        &other,
        picture,
        FollowUpFilter::default(),
        ResetReason::OtherHistory,
    )
    .await;
}

#[tokio::test]
async fn a_token_ahead_of_everything_is_from_the_future() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let picture = picture_after(&feed, &alerter, 4).await;
    feed.change(|script| script.model.restore(2));
    let behind = Alerter::ready(&feed, |_| {}).await;
    check(
        &feed,
        &behind,
        picture,
        FollowUpFilter::default(),
        ResetReason::FromTheFuture,
    )
    .await;
}

#[tokio::test]
async fn without_a_token_the_mode_decides_about_the_snapshot() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let picture = picture_after(&feed, &alerter, 2).await;
    let mut from_now = alerter
        .subscribe(FollowUpFilter::default(), "", SnapshotMode::Never)
        .await
        .unwrap();
    let first = from_now.message().await.unwrap().unwrap();
    assert!(matches!(first.frame, Some(Frame::CaughtUp(caught_up)) if caught_up.sequence == 2));
    feed.write(vec![instance("a", "sales")]);
    let second = from_now.message().await.unwrap().unwrap();
    assert!(matches!(second.frame, Some(Frame::StageChange(change)) if change.sequence == 3));
    let mut fresh = alerter
        .resume(
            FollowUpFilter::default(),
            |_| true,
            picture,
            SnapshotMode::Always,
        )
        .await;
    assert!(
        matches!(fresh.next(&feed).await, Frame::SnapshotItem(_)),
        "a good token needs no reset"
    );
    assert!(matches!(fresh.next(&feed).await, Frame::SnapshotEnd(_)));
}

#[tokio::test]
async fn a_malformed_request_is_refused_with_every_invalid_field() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let filter = teams(&["", "sales"]);
    let refused = alerter
        .subscribe(filter, "no token", SnapshotMode::Auto)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), reason_of(&refused).as_str()),
        (Code::InvalidArgument, "INVALID_REQUEST")
    );
    let violations = refused.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<&str> = violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(fields, ["filter.teams[0]", "resume_token"]);
}

/// The clients that all reconnect after a restart cost the workflow-server nothing.
#[tokio::test]
async fn returning_clients_cause_no_upstream_request() {
    let feed = Feed::start().await;
    let mut random = StdRng::seed_from_u64(7);
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let mut clients = Vec::new();
    for at in 0..100 {
        let (filter, selects): (FollowUpFilter, Selects) = if at % 2 == 0 {
            (teams(&["sales"]), in_sales)
        } else {
            (FollowUpFilter::default(), |_| true)
        };
        let mut client = alerter.client(filter.clone(), selects).await;
        client.caught_up(&feed, 0).await;
        clients.push((filter, client));
    }
    for _ in 0..30 {
        feed.write(random_changes(&mut random));
    }
    let newest = feed.write(vec![instance("last", "sales")]);
    let asked = feed.change(|script| script.asked);
    for (at, (filter, client)) in clients.into_iter().enumerate() {
        // Some come back with their token, some without.
        let mut again = match at % 3 {
            0 => alerter.client(filter, client.selects).await,
            _ => {
                alerter
                    .resume(filter, client.selects, client.picture, SnapshotMode::Never)
                    .await
            }
        };
        again.caught_up(&feed, newest).await;
        let mut expected = feed.model().seen_at(newest);
        expected.retain(|_, seen| (again.selects)(seen));
        assert_eq!(again.picture.instances, expected);
    }
    assert_eq!(feed.change(|script| script.asked), asked);
}

#[tokio::test]
async fn two_alerters_send_the_same_and_accept_each_others_tokens() {
    let feed = Feed::start().await;
    let mut random = StdRng::seed_from_u64(5);
    let one = Alerter::ready(&feed, |_| {}).await;
    let mut client = one.client(teams(&["sales"]), in_sales).await;
    client.caught_up(&feed, 0).await;
    for _ in 0..20 {
        feed.write(random_changes(&mut random));
    }
    // The other begins later and fills its ring with what was before.
    let two = Alerter::ready(&feed, |_| {}).await;
    for turn in 0..6 {
        for _ in 0..5 {
            feed.write(random_changes(&mut random));
        }
        let last = feed.write(vec![instance("last", "sales")]);
        client.caught_up(&feed, last).await;
        let next = if turn % 2 == 0 { &two } else { &one };
        client = next
            .resume(
                teams(&["sales"]),
                in_sales,
                client.picture,
                SnapshotMode::Never,
            )
            .await;
    }
    client.caught_up(&feed, feed.model().newest()).await;
    assert_eq!(client.picture.received, feed.model().expected(0, in_sales));
    assert!(client.picture.resets.is_empty());
    let mut a = one.client(teams(&["sales"]), in_sales).await;
    let mut b = two.client(teams(&["sales"]), in_sales).await;
    let newest = feed.write(vec![instance("last", "sales")]);
    a.caught_up(&feed, newest).await;
    b.caught_up(&feed, newest).await;
    assert_eq!(
        (a.picture.instances, a.picture.token),
        (b.picture.instances, b.picture.token)
    );
}

fn in_sales(seen: &aftercall_proto::workflow::v1::FollowUp) -> bool {
    seen.alerts.iter().any(|alert| alert.team == "sales")
}
