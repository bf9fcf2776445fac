//! In any order of publishing and reading: when a stream says that the client's picture is exact,
//! it is.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use aftercall_client::{Change, Event, LiveList};
use aftercall_proto::alert::v1::SubscribeResponse;
use aftercall_proto::feed::v1::{Before, BeforeAlert, FeedEntry, InstanceChange};
use aftercall_proto::workflow::v1::{Alert, FollowUp, FollowUpFilter};
use futures::{Stream as _, StreamExt as _};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::cache::{Moved, RingLimits};
use crate::filter::Filter;
use crate::hub::Pace;
use crate::limits::RECONNECT_SPREAD;

/// Small enough that a client that sleeps is left behind.
const RING: RingLimits = RingLimits {
    entries_max: 12,
    bytes_max: 1 << 30,
};

/// Large enough that a few of them fill the window of a view.
const LARGE: usize = 300 << 10;

#[derive(Clone, Debug)]
enum Step {
    /// Entries that are published at once; of each, what it changes: instance, visible, team,
    /// large.
    Publish(Vec<Vec<(u8, bool, u8, bool)>>),
    /// A client reads so many messages.
    Read(usize, u8),
    /// The alerter starts again with the same history.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (
        0..5_u8,
        proptest::bool::weighted(0.8),
        0..2_u8,
        proptest::bool::weighted(0.1),
    );
    let publish = vec(vec(change, 0..3), 1..5).prop_map(Step::Publish);
    let read =
        (any::<usize>(), 1..12_u8).prop_map(|(client, messages)| Step::Read(client, messages));
    vec(
        prop_oneof![4 => publish, 6 => read, 1 => Just(Step::Restart)],
        1..60,
    )
}

/// The history, as the feed sends it.
struct History {
    cache: Cache,
    now: BTreeMap<String, FollowUp>,
    /// After each entry, what is visible.
    visible: Vec<BTreeMap<String, FollowUp>>,
}

impl History {
    fn new() -> Self {
        let cache = Cache::new("e", 1, Position::default(), 1, RING);
        Self {
            cache,
            now: BTreeMap::new(),
            visible: vec![BTreeMap::new()],
        }
    }

    fn entry(&mut self, changes: &[(u8, bool, u8, bool)], moved: &mut Vec<Moved>) {
        let sequence = self.cache.head().sequence + 1;
        let mut by_id: BTreeMap<u8, InstanceChange> = BTreeMap::new();
        for &(id, visible, team, large) in changes {
            if by_id.contains_key(&id) {
                continue;
            }
            let (id_text, team) = (id.to_string(), format!("team-{team}"));
            let before = self
                .now
                .get(&id_text)
                .filter(|before| before.visible)
                .map(|before| Before {
                    alerts: before
                        .alerts
                        .iter()
                        .map(|one| BeforeAlert {
                            team: one.team.clone(),
                            priority: 0,
                        })
                        .collect(),
                    ..Before::default()
                });
            let follow_up = FollowUp {
                instance_id: id_text.clone(),
                visible,
                revision: sequence,
                reason: if large {
                    "x".repeat(LARGE)
                } else {
                    String::new()
                },
                alerts: vec![Alert {
                    team,
                    ..Alert::default()
                }],
                ..FollowUp::default()
            };
            self.now.insert(id_text, follow_up.clone());
            by_id.insert(
                id,
                InstanceChange {
                    follow_up: Some(follow_up),
                    before,
                    ..InstanceChange::default()
                },
            );
        }
        let changes = by_id.into_values().collect();
        let entry = FeedEntry {
            sequence,
            chain: sequence * 7,
            changes,
            ..FeedEntry::default()
        };
        self.cache.append(entry, moved).expect("it follows on");
        self.visible.push(
            self.now
                .iter()
                .filter(|(_, one)| one.visible)
                .map(|(id, one)| (id.clone(), one.clone()))
                .collect(),
        );
    }

    /// The same state with an empty ring, as a new snapshot of the workflow-server gives it.
    fn restart(&mut self) {
        let head = self.cache.head();
        let mut cache = Cache::new(
            "e",
            self.cache.generation() + 1,
            head,
            head.sequence + 1,
            RING,
        );
        self.now
            .values()
            .for_each(|follow_up| cache.insert(follow_up));
        self.cache = cache;
    }
}

struct Client {
    stream: Pin<Box<ClientStream>>,
    team: Option<&'static str>,
    list: LiveList,
    exact_at: u64,
}

impl Client {
    fn new(hub: &Arc<Hub>, team: Option<&'static str>) -> Self {
        let teams = team.iter().map(ToString::to_string).collect();
        let filter = Filter::new(FollowUpFilter {
            teams,
            ..FollowUpFilter::default()
        })
        .expect("a filter");
        let cache = hub.now().expect("a state");
        let view = hub.view(filter, &cache);
        let permit = hub.admit().expect("room");
        let mode = SnapshotMode::Auto;
        let stream = ClientStream::new(
            Arc::clone(hub),
            view,
            mode,
            cache,
            Beginning::Snapshot,
            permit,
        );
        Self {
            stream: Box::pin(stream),
            team,
            list: LiveList::default(),
            exact_at: 0,
        }
    }

    fn check(&self, history: &History, sequence: u64) -> Result<(), TestCaseError> {
        let is_wanted = |one: &&FollowUp| {
            self.team
                .is_none_or(|team| one.alerts.iter().any(|alert| alert.team == team))
        };
        let wanted = history.visible[sequence as usize]
            .values()
            .filter(is_wanted);
        prop_assert!(self.list.iter().eq(wanted), "at {}", sequence);
        Ok(())
    }

    /// Reads a message; returns whether there was one.
    fn read(&mut self, history: &History) -> Result<bool, TestCaseError> {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(Ok(message))) = self.stream.as_mut().poll_next(&mut context) else {
            return Ok(false);
        };
        let response: SubscribeResponse = message.decode().expect("a response");
        for change in self.list.take(&Event::Frame(Box::new(response))) {
            let Change::Exact { sequence } = change else {
                continue;
            };
            self.check(history, sequence)?;
            prop_assert!(sequence >= self.exact_at);
            self.exact_at = sequence;
        }
        Ok(true)
    }
}

proptest! {
    #[test]
    fn a_picture_that_is_said_to_be_exact_is_exact(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let _guard = runtime.enter();
        let second = std::time::Duration::from_secs(1);
        let hub = Arc::new(Hub::new(10, Pace { bookmark: second, stall: second, drain: second }, CancellationToken::new()));
        hub.heard(SystemTime::now(), 0);
        let mut history = History::new();
        hub.publish(&history.cache, &[]);
        let mut clients: Vec<Client> =
            [None, Some("team-0"), None, Some("nobody")].into_iter().map(|team| Client::new(&hub, team)).collect();
        for step in &steps {
            match step {
                Step::Publish(entries) => {
                    let mut moved = Vec::new();
                    entries.iter().for_each(|entry| history.entry(entry, &mut moved));
                    hub.publish(&history.cache, &moved);
                }
                Step::Read(client, messages) => {
                    let client = *client % clients.len();
                    for _ in 0..*messages {
                        clients[client].read(&history)?;
                    }
                }
                Step::Restart => {
                    history.restart();
                    hub.publish(&history.cache, &[]);
                }
            }
        }
        // In the end each client has everything. A poll may read a part of the ring and find
        // nothing.
        let newest = history.cache.head().sequence;
        for client in &mut clients {
            let mut idle = 0;
            while idle < 3 {
                idle = if client.read(&history)? { 0 } else { idle + 1 };
            }
            client.check(&history, newest)?;
        }
    }
}

#[tokio::test]
async fn changes_outside_the_filter_do_not_put_a_stream_behind() {
    let second = std::time::Duration::from_secs(1);
    let hub = Arc::new(Hub::new(
        10,
        Pace {
            bookmark: second,
            stall: second,
            drain: second,
        },
        CancellationToken::new(),
    ));
    hub.heard(SystemTime::now(), 0);
    let mut history = History::new();
    hub.publish(&history.cache, &[]);
    let mut client = Client::new(&hub, Some("team-1"));
    let mut frames = || {
        let mut context = Context::from_waker(Waker::noop());
        let mut frames = Vec::new();
        while let Poll::Ready(Some(Ok(message))) = client.stream.as_mut().poll_next(&mut context) {
            frames.extend(message.decode().expect("a response").frame);
        }
        frames
    };
    assert!(matches!(frames().last(), Some(Frame::CaughtUp(_))));
    for _ in 0..=FELL_BEHIND_ENTRIES {
        history.entry(&[(0, true, 0, false)], &mut Vec::new());
        hub.publish(&history.cache, &[]);
    }
    history.entry(&[(1, true, 1, false)], &mut Vec::new());
    hub.publish(&history.cache, &[]);
    let frames = frames();
    let newest = history.cache.head().sequence;
    assert!(
        matches!(frames.first(), Some(Frame::StageChange(change)) if change.sequence == newest),
        "{frames:?}"
    );
    assert!(
        !frames
            .iter()
            .any(|frame| matches!(frame, Frame::FellBehind(_))),
        "{frames:?}"
    );
}

/// When a stream was sent away, and how long its client was asked to wait.
async fn sent_away(mut client: Client) -> (tokio::time::Instant, std::time::Duration) {
    loop {
        let message = client
            .stream
            .next()
            .await
            .expect("a frame")
            .expect("in good order");
        let response: SubscribeResponse = message.decode().expect("a response");
        if let Some(Frame::Drain(drain)) = response.frame {
            assert!(client.stream.next().await.is_none(), "and then it ends");
            let wait = drain.reconnect_after.expect("a hint");
            return (
                tokio::time::Instant::now(),
                wait.try_into().expect("a duration"),
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_draining_server_spreads_the_end_of_its_streams() {
    let second = std::time::Duration::from_secs(1);
    let draining = CancellationToken::new();
    let pace = Pace {
        bookmark: 60 * second,
        stall: 60 * second,
        drain: 10 * second,
    };
    let hub = Arc::new(Hub::new(200, pace, draining.clone()));
    hub.heard(SystemTime::now(), 0);
    hub.publish(&History::new().cache, &[]);
    let clients: Vec<_> = (0..200)
        .map(|_| tokio::spawn(sent_away(Client::new(&hub, None))))
        .collect();
    let begin = tokio::time::Instant::now();
    draining.cancel();
    hub.send_away().await;
    let (mut at, mut waits): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for client in clients {
        let (when, wait) = client.await.expect("it was sent away");
        at.push(when - begin);
        waits.push(wait);
    }
    for (what, mut times) in [("sent away", at), ("asked to come back", waits)] {
        times.sort_unstable();
        assert!(times[199] <= RECONNECT_SPREAD, "{what}: {times:?}");
        // Random, but of two hundred no quarter of the time gets more than half.
        for quarter in 0..4 {
            let (from, to) = (
                RECONNECT_SPREAD * quarter / 4,
                RECONNECT_SPREAD * (quarter + 1) / 4,
            );
            let there = times
                .iter()
                .filter(|time| (from..to).contains(*time))
                .count();
            assert!(
                (1..100).contains(&there),
                "{what}: {there} of 200 from {from:?} to {to:?}"
            );
        }
    }
}

#[tokio::test]
async fn messages_carry_the_time_of_the_workflow_server() {
    let second = std::time::Duration::from_secs(1);
    let hub = Arc::new(Hub::new(
        10,
        Pace {
            bookmark: second,
            stall: second,
            drain: second,
        },
        CancellationToken::new(),
    ));
    // A year ago by this machine's clock.
    let heard = SystemTime::now() - 365 * 86_400 * second;
    hub.heard(heard, 0);
    hub.publish(&History::new().cache, &[]);
    let mut client = Client::new(&hub, None);
    loop {
        let message = client
            .stream
            .next()
            .await
            .expect("a message")
            .expect("in good order");
        let response: SubscribeResponse = message.decode().expect("a response");
        let time = response
            .server_time
            .expect("a time")
            .try_into()
            .expect("a time that this machine knows");
        let after = SystemTime::duration_since(&time, heard).expect("not before what was heard");
        assert!(
            after < 60 * second,
            "{after:?} after what was heard: {response:?}"
        );
        if matches!(response.frame, Some(Frame::CaughtUp(_))) {
            return;
        }
    }
}
