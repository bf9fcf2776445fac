//! Over crashes, trims, lags and cut streams: each client gets every change of its filter exactly
//! once and in order, or a reset and a new snapshot. It ends with the state of the workflow-server.

use std::net::SocketAddr;
use std::sync::Arc;

use aftercall_proto::alert::v1::SnapshotMode;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::{FollowUp, FollowUpFilter};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tonic::Status;
use tonic::transport::Endpoint;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::feed::Feed;
use crate::model::{Delivered, Selects, instance, random_changes};
use crate::picture::Picture;
use crate::servers::{Alerter, Client, soon, subscribe};
use crate::teams;

#[derive(Clone, Debug)]
enum Step {
    /// So many entries, with changes from this seed.
    Write(u64, u8),
    /// The workflow-server forgets all but the newest of its entries.
    Trim(u8),
    /// The workflow-server goes away, or comes back.
    Feed(bool),
    /// One of the two alerters dies, and another begins.
    Crash(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<u64>(), 1..12_u8).prop_map(|(seed, entries)| Step::Write(seed, entries)),
        1 => (0..5_u8).prop_map(Step::Trim),
        2 => any::<bool>().prop_map(Step::Feed),
        2 => (0..2_usize).prop_map(Step::Crash),
    ];
    proptest::collection::vec(step, 8..40)
}

/// An alerter that can die: its tasks and connections go with its runtime.
struct Mortal {
    runtime: Option<Runtime>,
    address: SocketAddr,
}

impl Mortal {
    async fn start(feed: &Feed) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let url = feed.url();
        let started = runtime.spawn(async move {
            // A short ring, so that clients are left behind.
            let alerter = Alerter::following(url, |config| {
                (config.ring_entries_max, config.bookmark_seconds) = (12, 1);
            });
            let alerter = alerter.await;
            alerter.wait_for_health(ServingStatus::Serving).await;
            alerter.address
        });
        Self {
            address: started.await.unwrap(),
            runtime: Some(runtime),
        }
    }

    fn die(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if self.runtime.is_some() {
            self.die();
        }
    }
}

/// What all clients use.
#[derive(Clone)]
struct World {
    feed: Arc<Feed>,
    alerters: watch::Sender<[SocketAddr; 2]>,
    /// How many steps are done.
    steps: watch::Sender<usize>,
    /// What every client must have received in the end.
    last: watch::Sender<Option<u64>>,
}

/// A client whose stream is cut at random, and which resumes with its token at either alerter.
struct Follower {
    world: World,
    filter: FollowUpFilter,
    selects: Selects,
    random: StdRng,
    /// Whether it takes a frame a step only, as long as there are steps.
    is_slow: bool,
    /// The picture that belongs to its token: it resumes with it.
    safe: Picture,
    /// The sequence of its newest snapshot, and how many changes it had received before.
    since: (u64, usize),
}

impl Follower {
    fn new(world: &World, seed: u64, filter: FollowUpFilter, selects: Selects) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let world = world.clone();
        Self {
            world,
            filter,
            selects,
            random,
            is_slow: false,
            safe: Picture::default(),
            since: (0, 0),
        }
    }

    /// A stream at either alerter, as soon as there is one.
    async fn connect(&mut self) -> Client {
        let mut alerters = self.world.alerters.subscribe();
        let connected = async {
            loop {
                let address = alerters.borrow_and_update()[self.random.random_range(0..2)];
                let channel = Endpoint::from_shared(format!("http://{address}"))
                    .unwrap()
                    .connect()
                    .await;
                if let Ok(channel) = channel
                    && let Ok(responses) = subscribe(
                        channel,
                        self.filter.clone(),
                        &self.safe.token,
                        SnapshotMode::Auto,
                    )
                    .await
                {
                    return Client::of(responses, self.safe.clone(), self.selects);
                }
                // That one died between the look and now: there will be another.
                if alerters.borrow()[0] == address || alerters.borrow()[1] == address {
                    alerters.changed().await.unwrap();
                }
            }
        };
        soon("a stream", connected).await
    }

    /// Takes a frame. Only the last frame of an entry carries that entry's token: with the token of
    /// an earlier one, all of the entry is sent again.
    async fn take(&mut self, client: &mut Client) -> Result<bool, Status> {
        let before = client.picture.clone();
        let Some(frame) = client.try_next(&self.world.feed).await? else {
            return Ok(false);
        };
        if let Frame::SnapshotEnd(end) = &frame {
            self.since = (end.sequence, client.picture.received.len());
        }
        if client.picture.token.is_empty() {
            self.safe = Picture::default();
        } else if matches!(frame, Frame::CaughtUp(_) | Frame::Bookmark(_))
            || client.picture.token != before.token
        {
            let token = client.picture.token.clone();
            let is_whole = self.is_whole(&frame, &client.picture);
            self.safe = Picture {
                token,
                ..if is_whole {
                    client.picture.clone()
                } else {
                    before
                }
            };
        }
        Ok(true)
    }

    /// Whether the client has received all of the entry of this frame.
    fn is_whole(&self, frame: &Frame, picture: &Picture) -> bool {
        let sequence = match frame {
            Frame::StageChange(change) => change.sequence,
            Frame::OutOfView(out) => out.sequence,
            _ => return true,
        };
        self.world
            .feed
            .look(|model| model.expected_at(sequence, self.selects))
            .last()
            == picture.received.last()
    }

    /// Follows until it has the last change. Returns what it received and what it should have.
    async fn follow(mut self) -> (Picture, Vec<Delivered>, Vec<Delivered>) {
        let mut steps = self.world.steps.subscribe();
        let last = self.world.last.subscribe();
        loop {
            let mut client = self.connect().await;
            let frames = self.random.random_range(1..60);
            for _ in 0..frames {
                if self.is_slow && last.borrow().is_none() {
                    let _ = steps.changed().await;
                }
                if !matches!(self.take(&mut client).await, Ok(true)) {
                    break;
                }
                let last = *last.borrow();
                if last.is_some_and(|last| {
                    self.safe.sequence >= last && self.safe.sequence == client.picture.sequence
                }) {
                    let model = self.world.feed.model();
                    let expected = model.expected(self.since.0, self.selects);
                    let received = self
                        .safe
                        .received
                        .split_off(self.since.1.min(self.safe.received.len()));
                    return (self.safe, received, expected);
                }
            }
        }
    }
}

/// Some of the changes are large, so that the window of a slow client fills.
fn changes(random: &mut StdRng) -> Vec<FollowUp> {
    let mut changes = random_changes(random);
    for change in &mut changes {
        if random.random_bool(0.2) {
            change.reason = "x".repeat(24 << 10);
        }
    }
    changes
}

fn in_sales(seen: &FollowUp) -> bool {
    seen.alerts.iter().any(|alert| alert.team == "sales")
}

async fn world() -> (World, [Mortal; 2]) {
    let feed = Feed::start().await;
    let alerters = [Mortal::start(&feed).await, Mortal::start(&feed).await];
    let addresses = [alerters[0].address, alerters[1].address];
    let world = World {
        feed: Arc::new(feed),
        alerters: watch::Sender::new(addresses),
        steps: watch::Sender::new(0),
        last: watch::Sender::new(None),
    };
    (world, alerters)
}

async fn happen(step: Step, world: &World, alerters: &mut [Mortal; 2], is_up: &mut bool) {
    let mut bring = async |up: bool| {
        if up != *is_up {
            if up {
                world.feed.bring_back().await;
            } else {
                world.feed.kill().await;
            }
            *is_up = up;
        }
    };
    match step {
        Step::Write(seed, entries) => {
            let mut random = StdRng::seed_from_u64(seed);
            let feed = &world.feed;
            for _ in 0..entries {
                feed.write(changes(&mut random));
            }
        }
        Step::Trim(kept) => {
            let feed = &world.feed;
            feed.change(|script| {
                let oldest = script.model.newest().saturating_sub(kept.into()) + 1;
                script.oldest = script.oldest.max(oldest);
            });
        }
        Step::Feed(up) => bring(up).await,
        Step::Crash(which) => {
            bring(true).await;
            alerters[which].die();
            alerters[which] = Mortal::start(&world.feed).await;
            let address = alerters[which].address;
            world
                .alerters
                .send_modify(|addresses| addresses[which] = address);
        }
    }
    world.steps.send_modify(|steps| *steps += 1);
}

async fn hold(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (world, mut alerters) = world().await;
    let kinds: [(FollowUpFilter, Selects); 3] = [
        (FollowUpFilter::default(), |_| true),
        (teams(&["sales"]), in_sales),
        (teams(&["nobody"]), |_| false),
    ];
    let mut following = Vec::new();
    for (seed, (filter, selects)) in (0..).zip(kinds.iter().cycle().take(6)) {
        let mut follower = Follower::new(&world, seed, filter.clone(), *selects);
        follower.is_slow = seed >= 3;
        following.push(tokio::spawn(follower.follow()));
    }
    let mut is_up = true;
    for step in steps {
        happen(step, &world, &mut alerters, &mut is_up).await;
    }
    happen(Step::Feed(true), &world, &mut alerters, &mut is_up).await;
    let last = world.feed.write(vec![instance("last", "sales")]);
    world.last.send_replace(Some(last));
    world.steps.send_modify(|steps| *steps += 1);
    for follower in following {
        let (picture, received, expected) = soon("the end", follower).await.unwrap();
        prop_assert_eq!(received, expected);
        prop_assert!(picture.sequence >= last);
    }
    Ok(())
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A case starts servers and takes a second: a few of them, or as many as are asked for.
fn config() -> ProptestConfig {
    let cases = std::env::var("AFTERCALL_CRASHES").map_or(12, |cases| cases.parse().unwrap());
    ProptestConfig {
        cases,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn every_client_gets_each_change_once_or_a_reset(steps in steps()) {
        runtime().block_on(hold(steps))?;
    }
}

/// The control: the checker finds a client that keeps the token of a frame that it did not take.
#[tokio::test(flavor = "multi_thread")]
async fn the_checker_finds_a_lost_change() {
    let (world, _alerters) = world().await;
    let mut follower = Follower::new(&world, 1, FollowUpFilter::default(), |_| true);
    let mut client = follower.connect().await;
    while follower.safe.token.is_empty() {
        follower.take(&mut client).await.unwrap();
    }
    let feed = Arc::clone(&world.feed);
    let first = feed.write(vec![instance("a", "sales")]);
    client.caught_up(&feed, first).await;
    feed.write(vec![instance("b", "sales")]);
    let token = client.forget().await.unwrap();
    follower.safe = client.picture;
    follower.safe.token = token;
    world.last.send_replace(Some(first + 1));
    let checked = tokio::spawn(follower.follow()).await;
    assert!(
        checked.is_err_and(|end| end.is_panic()),
        "the picture without the change is refused"
    );
}
