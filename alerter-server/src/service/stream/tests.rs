//! In any order of publishing and reading: when a stream says that the client's picture is exact,
//! it is.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use aftercall_client::{Change, Event, LiveList};
use aftercall_proto::alert::v1::SubscribeResponse;
use aftercall_proto::feed::v1::{Before, BeforeAlert, FeedEntry, InstanceChange};
use aftercall_proto::workflow::v1::{Alert, FollowUp, FollowUpFilter};
use aftercall_scope::Scope;
use futures::{Stream as _, StreamExt as _};
use proptest::collection::vec;
use proptest::prelude::*;
use prost_types::Timestamp;
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
    /// Entries that are published at once; of each, what it changes: instance, visible, team and
    /// kind of alert, large.
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
        0..6_u8,
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
    entries: Vec<FeedEntry>,
    now: BTreeMap<String, FollowUp>,
    /// After each entry, what is visible.
    visible: Vec<BTreeMap<String, FollowUp>>,
}

impl History {
    fn new() -> Self {
        let cache = Cache::new("e", 1, Position::default(), 1, RING);
        Self {
            cache,
            entries: Vec::new(),
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
            // By their sixth: an alert, a snoozed one, or none and a workflow that names the team.
            let (kind, team) = (team / 2, format!("team-{}", team % 2));
            let id_text = id.to_string();
            let before = self
                .now
                .get(&id_text)
                .filter(|before| before.visible)
                .map(|before| Before {
                    alerts: before
                        .alerts
                        .iter()
                        .filter(|one| one.snoozed_until.is_none())
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
                workflow: team.clone(),
                alerts: [Alert {
                    team,
                    snoozed_until: (kind == 1).then(Timestamp::default),
                    ..Alert::default()
                }]
                .into_iter()
                .filter(|_| kind < 2)
                .collect(),
                ..FollowUp::default()
            };
            let teams = of_workflow(&follow_up);
            self.now.insert(id_text, follow_up.clone());
            by_id.insert(
                id,
                InstanceChange {
                    follow_up: Some(follow_up),
                    before,
                    teams,
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
        self.entries.push(entry.clone());
        self.cache.append(entry, moved).expect("it follows on");
        self.visible.push(
            self.now
                .iter()
                .filter(|(_, one)| one.visible)
                .map(|(id, one)| (id.clone(), one.clone()))
                .collect(),
        );
    }

    /// The same state with the newest entries, as an alerter that starts again reads it.
    fn restart(&mut self) {
        let head = self.cache.head();
        let generation = self.cache.generation() + 1;
        let older = self.entries.len().saturating_sub(5);
        let mut cache = Cache::new("e", generation, head, older as u64 + 1, RING);
        self.now
            .values()
            .for_each(|follow_up| cache.insert(follow_up, &of_workflow(follow_up)));
        for entry in &self.entries[older..] {
            let appended = cache.append(entry.clone(), &mut Vec::new());
            appended.expect("it follows on");
        }
        self.cache = cache;
    }
}

/// The teams that the feed sends beside a follow-up.
fn of_workflow(follow_up: &FollowUp) -> Vec<String> {
    let names = follow_up.alerts.is_empty() && follow_up.visible;
    names
        .then(|| follow_up.workflow.clone())
        .into_iter()
        .collect()
}

/// Whether a client with the scope of a team may see a follow-up: the rule in its own words.
fn is_in_scope(follow_up: &FollowUp, team: &str) -> bool {
    let is_alerted = follow_up.alerts.iter().any(|alert| alert.team == team);
    is_alerted || follow_up.alerts.is_empty() && follow_up.workflow == team
}

struct Client {
    stream: Pin<Box<ClientStream>>,
    team: Option<&'static str>,
    /// The team that its scope is limited to.
    of_team: Option<&'static str>,
    list: LiveList,
    exact_at: u64,
}

impl Client {
    fn new(hub: &Arc<Hub>, team: Option<&'static str>) -> Self {
        Self::within(hub, team, None)
    }

    fn within(hub: &Arc<Hub>, team: Option<&'static str>, of_team: Option<&'static str>) -> Self {
        let limited: Vec<&str> = of_team.into_iter().collect();
        let scope = Scope::new(&[], &limited);
        let teams = team.iter().map(ToString::to_string).collect();
        let filter = Filter::new(FollowUpFilter {
            teams,
            ..FollowUpFilter::default()
        })
        .expect("a filter")
        .within(&scope);
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
            of_team,
            list: LiveList::default(),
            exact_at: 0,
        }
    }

    fn check(&self, history: &History, sequence: u64) -> Result<(), TestCaseError> {
        let is_shown = |alert: &Alert, team| alert.team == team && alert.snoozed_until.is_none();
        let is_wanted = |one: &&FollowUp| {
            let is_selected = |team| one.alerts.iter().any(|alert| is_shown(alert, team));
            self.team.is_none_or(is_selected)
                && self.of_team.is_none_or(|team| is_in_scope(one, team))
        };
        let wanted = history.visible[sequence as usize]
            .values()
            .filter(is_wanted);
        prop_assert!(self.list.iter().eq(wanted), "at {}", sequence);
        Ok(())
    }

    /// What leaves the view was in the scope before: nothing else is named.
    fn check_gone(
        &self,
        response: &SubscribeResponse,
        history: &History,
    ) -> Result<(), TestCaseError> {
        let Some(Frame::OutOfView(gone)) = &response.frame else {
            return Ok(());
        };
        let before = history.visible[gone.sequence as usize - 1].get(&gone.instance_id);
        let was_in_scope =
            before.is_some_and(|before| self.of_team.is_none_or(|team| is_in_scope(before, team)));
        prop_assert!(was_in_scope, "{:?}", gone);
        Ok(())
    }

    /// Reads a message; returns whether there was one.
    fn read(&mut self, history: &History) -> Result<bool, TestCaseError> {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(Ok(message))) = self.stream.as_mut().poll_next(&mut context) else {
            return Ok(false);
        };
        let response: SubscribeResponse = message.decode().expect("a response");
        self.check_gone(&response, history)?;
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
        let filters = [
            (None, None),
            (Some("team-0"), None),
            (None, None),
            (Some("nobody"), None),
            (None, Some("team-0")),
            (Some("team-1"), Some("team-1")),
            (None, Some("nobody")),
        ];
        let mut clients: Vec<Client> =
            filters.into_iter().map(|(team, of_team)| Client::within(&hub, team, of_team)).collect();
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
