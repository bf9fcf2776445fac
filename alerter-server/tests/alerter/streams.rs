//! Streams: a snapshot and its changes are exactly the state, for every filter and from every
//! place.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeResponse};
use aftercall_proto::workflow::v1::{CallRef, FollowUp, FollowUpFilter, Priority, WorkflowStage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::feed::Feed;
use crate::model::{Delivered, Model, Selects, alert, instance, random_changes};
use crate::picture::Picture;
use crate::servers::{Alerter, soon};
use crate::teams;

/// A change that takes a follow-up out of a filter.
type Leave = fn(&mut FollowUp);

/// Filters, each with a function that selects the same.
fn filters() -> Vec<(FollowUpFilter, Selects)> {
    let stages = |stage| {
        vec![WorkflowStage {
            workflow: "workflow-0".into(),
            stage,
        }]
    };
    let urgent = vec![Priority::High.into()];
    let calls = vec![CallRef {
        source: "engine".into(),
        id: "i3".into(),
    }];
    vec![
        (FollowUpFilter::default(), |_| true),
        (teams(&["sales"]), |seen| {
            seen.alerts.iter().any(|alert| alert.team == "sales")
        }),
        (
            FollowUpFilter {
                priorities: urgent,
                ..teams(&["sales"])
            },
            |seen| {
                seen.alerts
                    .iter()
                    .any(|alert| alert.team == "sales" && alert.priority == Priority::High as i32)
            },
        ),
        (
            FollowUpFilter {
                stages: stages(2),
                ..Default::default()
            },
            |seen| seen.workflow == "workflow-0" && seen.stage.as_ref().unwrap().number == 2,
        ),
        (
            FollowUpFilter {
                customers: vec!["globex".into()],
                ..Default::default()
            },
            |seen| seen.call.as_ref().unwrap().customer == "globex",
        ),
        (
            FollowUpFilter {
                calls,
                ..Default::default()
            },
            |seen| seen.instance_id == "i3",
        ),
        (
            FollowUpFilter {
                workflows: vec!["workflow-1".into()],
                ..Default::default()
            },
            |seen| seen.workflow == "workflow-1",
        ),
        (
            FollowUpFilter {
                holders: vec!["Ann".into()],
                ..Default::default()
            },
            |seen| {
                seen.claim
                    .as_ref()
                    .is_some_and(|claim| claim.holder == "Ann")
            },
        ),
        (
            FollowUpFilter {
                unclaimed: true,
                ..Default::default()
            },
            |seen| seen.claim.is_none(),
        ),
        (teams(&["nobody"]), |_| false),
    ]
}

#[tokio::test]
async fn no_change_is_missing_between_a_snapshot_and_the_stream() {
    for seed in 0..6 {
        let feed = Feed::start().await;
        let mut random = StdRng::seed_from_u64(seed);
        for _ in 0..random.random_range(0..60) {
            feed.write(random_changes(&mut random));
        }
        let alerter = Alerter::ready(&feed, |config| config.bookmark_seconds = 1).await;
        let mut clients = Vec::new();
        for (filter, selects) in filters() {
            for _ in 0..random.random_range(0..30) {
                feed.write(random_changes(&mut random));
                tokio::task::yield_now().await;
            }
            clients.push(alerter.client(filter, selects).await);
        }
        for _ in 0..100 {
            feed.write(random_changes(&mut random));
            tokio::task::yield_now().await;
        }
        let newest = feed.model().newest();
        for mut client in clients {
            let is_end = |frame: &Frame| matches!(frame, Frame::SnapshotEnd(_));
            let Frame::SnapshotEnd(end) = client.until(&feed, is_end).await else {
                unreachable!()
            };
            client.heard_of(&feed, newest).await;
            assert_eq!(
                client.picture.received,
                feed.model().expected(end.sequence, client.selects),
                "seed {seed}"
            );
            let mut expected = feed.model().seen_at(newest);
            expected.retain(|_, seen| (client.selects)(seen));
            assert_eq!(client.picture.instances, expected, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_cut_stream_resumes_with_each_change_once() {
    let feed = Feed::start().await;
    let mut random = StdRng::seed_from_u64(11);
    let alerter = Alerter::ready(&feed, |config| config.bookmark_seconds = 1).await;
    let (filter, selects) = filters().swap_remove(1);
    let mut whole = alerter.client(filter.clone(), selects).await;
    whole.caught_up(&feed, 0).await;
    let mut cuts = vec![whole.picture.clone()];
    for _ in 0..40 {
        feed.write(random_changes(&mut random));
    }
    let last = feed.write(vec![instance("last", "sales")]);
    while whole.picture.sequence < last {
        whole.next(&feed).await;
        cuts.push(whole.picture.clone());
    }
    assert!(cuts.len() > 30, "there is something to cut");
    for (at, cut) in cuts.into_iter().enumerate() {
        // What a client holds that handled the frames before the token's, and no more.
        let mut resumed = alerter
            .resume(filter.clone(), selects, cut.clone(), SnapshotMode::Never)
            .await;
        let first_open = cut
            .received
            .iter()
            .filter(|received| resumes_before(received, &cut, &feed))
            .count();
        let mut instances = feed.model().seen_at(token_sequence(&cut, &feed));
        instances.retain(|_, seen| selects(seen));
        resumed.picture.instances = instances;
        resumed.picture.received.truncate(first_open);
        resumed.picture.sequence = token_sequence(&cut, &feed);
        resumed.caught_up(&feed, last).await;
        assert_eq!(
            resumed.picture.received,
            feed.model().expected(0, selects),
            "cut after frame {at}"
        );
    }
}

/// The sequence whose last frame the client has seen: an entry of which frames are missing counts
/// as not seen.
fn token_sequence(cut: &Picture, feed: &Feed) -> u64 {
    let all = feed.model().expected(0, filters()[1].1);
    let next_is_same = all
        .get(cut.received.len())
        .is_some_and(|next| sequence_of(next) == cut.sequence);
    if next_is_same
        && cut
            .received
            .last()
            .is_some_and(|last| sequence_of(last) == cut.sequence)
    {
        cut.sequence - 1
    } else {
        cut.sequence
    }
}

fn resumes_before(received: &Delivered, cut: &Picture, feed: &Feed) -> bool {
    sequence_of(received) <= token_sequence(cut, feed)
}

fn sequence_of(received: &Delivered) -> u64 {
    match received {
        Delivered::Changed(sequence, _) | Delivered::Left(sequence, _) => *sequence,
    }
}

#[tokio::test]
async fn leaving_the_filter_sends_an_out_of_view_frame() {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let (filter, selects) = filters().swap_remove(1);
    let gone: [(&str, Leave); 4] = [
        ("another team", |seen| {
            seen.alerts = vec![alert("support", Priority::Low)];
        }),
        ("no alert", |seen| seen.alerts.clear()),
        ("not visible", |seen| seen.visible = false),
        ("ended", |seen| {
            seen.visible = false;
            seen.alerts.clear();
            seen.status = 4;
        }),
    ];
    let mut client = alerter.client(filter, selects).await;
    for (why, leave) in gone {
        feed.write(vec![instance("a", "sales")]);
        let mut changed = instance("a", "sales");
        leave(&mut changed);
        let left = feed.write(vec![changed.clone()]);
        let frame = client
            .until(&feed, |frame| matches!(frame, Frame::OutOfView(_)))
            .await;
        let Frame::OutOfView(out) = frame else {
            unreachable!()
        };
        assert_eq!(
            (out.sequence, out.instance_id.as_str(), out.status),
            (left, "a", changed.status),
            "{why}"
        );
        // A further change outside the filter is not sent: the next frame is the return.
        feed.write(vec![changed]);
        let back = feed.write(vec![instance("a", "sales")]);
        let frame = client
            .until(&feed, |frame| !matches!(frame, Frame::CaughtUp(_)))
            .await;
        assert!(
            matches!(&frame, Frame::StageChange(change) if change.sequence == back),
            "{why}: {frame:?}"
        );
    }
}

#[tokio::test]
async fn a_filter_that_selects_nothing_gets_bookmarks_with_newer_tokens() {
    let feed = Feed::start().await;
    // The ring is so short that only a token that moved on can be resumed.
    let alerter = Alerter::ready(&feed, |config| {
        (config.bookmark_seconds, config.ring_entries_max) = (1, 3);
    })
    .await;
    let (filter, selects) = filters().pop().unwrap();
    let mut client = alerter.client(filter.clone(), selects).await;
    client.caught_up(&feed, 0).await;
    for _ in 0..9 {
        feed.write(vec![instance("a", "sales")]);
    }
    let is_news =
        |frame: &Frame| matches!(frame, Frame::Bookmark(bookmark) if bookmark.sequence == 9);
    client.until(&feed, is_news).await;
    let mut resumed = alerter
        .resume(filter, selects, client.picture, SnapshotMode::Never)
        .await;
    assert!(
        matches!(resumed.next(&feed).await, Frame::CaughtUp(caught_up) if caught_up.sequence == 9)
    );
}

/// The frames of a stream over some changes, with the model.
async fn recorded() -> (Vec<SubscribeResponse>, Model) {
    let feed = Feed::start().await;
    let alerter = Alerter::ready(&feed, |_| {}).await;
    let mut responses = alerter
        .subscribe(teams(&["sales"]), "", SnapshotMode::Auto)
        .await
        .unwrap();
    for (id, team) in [
        ("a", "sales"),
        ("b", "sales"),
        ("a", "support"),
        ("b", "sales"),
        ("c", "sales"),
    ] {
        feed.write(vec![instance(id, team)]);
    }
    let mut frames = Vec::new();
    loop {
        let response = soon("a frame", responses.message()).await.unwrap().unwrap();
        frames.push(response);
        if matches!(&frames.last().unwrap().frame, Some(Frame::CaughtUp(caught_up)) if caught_up.sequence == 5)
        {
            return (frames, feed.model());
        }
    }
}

fn check(frames: &[SubscribeResponse], model: &Model) -> Result<(), String> {
    let mut picture = Picture::default();
    let selects = filters()[1].1;
    frames
        .iter()
        .try_for_each(|frame| picture.take(frame, model, selects))?;
    if picture.received == model.expected(0, selects) {
        Ok(())
    } else {
        Err("not every change came once".into())
    }
}

#[tokio::test]
async fn the_checker_refuses_a_lost_or_misplaced_change() {
    let (frames, model) = recorded().await;
    assert_eq!(check(&frames, &model), Ok(()));
    let is_change = |frame: &SubscribeResponse| {
        matches!(
            frame.frame,
            Some(Frame::StageChange(_) | Frame::OutOfView(_))
        )
    };
    let changes: Vec<usize> = (0..frames.len())
        .filter(|at| is_change(&frames[*at]))
        .collect();
    assert!(changes.len() >= 2, "there is something to lose");
    for at in &changes {
        let mut lost = frames.clone();
        lost.remove(*at);
        assert!(check(&lost, &model).is_err(), "without frame {at}");
        let mut twice = frames.clone();
        twice.insert(*at, frames[*at].clone());
        assert!(check(&twice, &model).is_err(), "with frame {at} twice");
    }
    for pair in changes.windows(2) {
        let mut swapped = frames.clone();
        swapped.swap(pair[0], pair[1]);
        assert!(
            check(&swapped, &model).is_err(),
            "with frames {pair:?} swapped"
        );
    }
}
