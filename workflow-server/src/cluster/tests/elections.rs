//! Who campaigns, and when.

use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::World;
use aftercall_engine::world::Keeping;
use arc_swap::ArcSwap;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::farewell::{Loss, Lossy};
use super::{TestClock, WALL, member};
use crate::cluster::candidate::{Candidate, Elected};
use crate::cluster::observer::Observer;
use crate::cluster::standing::Standing;
use crate::journal::Storage as _;
use crate::journal::memory::MemoryStore;
use crate::ledger::{Clock as _, Condition, Conditions};
use crate::limits::{CAMPAIGN_SPREAD, LEASE, REPORT_EVERY, STEPPED_DOWN_RESTS};

/// A follower that reports and may campaign.
pub(super) struct Running {
    pub(super) clock: Arc<TestClock>,
    pub(super) standing: Arc<Standing>,
    pub(super) conditions: Conditions,
    pub(super) candidate: Candidate,
    _observing: AbortOnDropHandle<()>,
}

impl Running {
    pub(super) fn new(store: &MemoryStore, name: &str) -> Self {
        let clock = TestClock::new();
        let standing = Standing::new(member(name), clock.clone());
        let conditions = Conditions::default();
        let published = Arc::new(ArcSwap::from_pointee(
            World::new(Keeping::default()).root().clone(),
        ));
        let elections = store.elections().expect("it has elections");
        let observer = Observer {
            elections: Arc::clone(&elections),
            clock: clock.clone(),
            standing: Arc::clone(&standing),
            conditions: conditions.clone(),
        };
        let candidate = Candidate {
            elections,
            log: store.log(),
            clock: clock.clone(),
            standing: Arc::clone(&standing),
            published,
            rests_until: Duration::ZERO,
        };
        Self {
            clock,
            standing,
            conditions,
            candidate,
            _observing: AbortOnDropHandle::new(tokio::spawn(
                observer.run(CancellationToken::new()),
            )),
        }
    }

    /// The term that it gets within this time.
    pub(super) async fn elected_within(&self, time: Duration) -> Option<Elected> {
        let stop = CancellationToken::new();
        let elected = timeout(time, self.candidate.elected(&stop)).await;
        elected.ok().flatten()
    }
}

pub(super) fn store() -> MemoryStore {
    let store = MemoryStore::new();
    store.set_clock(WALL);
    store
}

#[tokio::test(start_paused = true)]
async fn a_follower_leads_soon_after_the_lease_has_ended() {
    let store = store();
    let elections = store.elections().expect("it has elections");
    let old = elections.campaign(&member("old"), LEASE).await;
    assert!(old.expect("reached").is_some());
    let follower = Running::new(&store, "one");
    let elected = follower.elected_within(Duration::from_secs(60)).await;
    let elected = elected.expect("it is elected");
    assert_eq!(elected.leading.term().0, 2);
    let at = follower.clock.monotonic();
    let latest = LEASE + CAMPAIGN_SPREAD + Duration::from_millis(50);
    assert!((LEASE..latest).contains(&at), "{at:?}");
}

/// The answer to a campaign is lost, as on a database that takes long for a commit.
#[tokio::test(start_paused = true)]
async fn a_lost_campaign_costs_no_lease() {
    let store = store();
    let elections = store.elections().expect("it has elections");
    let lost = elections.campaign(&member("one"), LEASE).await;
    assert!(lost.expect("reached").is_some());
    let other = Running::new(&store, "two");
    assert!(other.elected_within(LEASE / 4).await.is_none());
    let namesake = Running::new(&store.restart(), "one");
    assert!(namesake.elected_within(LEASE / 4).await.is_none());
    drop(namesake);
    let follower = Running::new(&store, "one");
    let soon = REPORT_EVERY + CAMPAIGN_SPREAD;
    let elected = follower.elected_within(soon).await.expect("it is elected");
    assert_eq!(elected.leading.term().0, 2);
    let led = other.standing.other_leader().expect("a lease");
    assert_eq!(led.leader, member("one"));
}

/// A member stops while its campaign is on the way. Nobody would know of the lease that it wins.
#[tokio::test(start_paused = true)]
async fn a_running_campaign_is_finished_before_the_end() {
    let store = store();
    let mut follower = Running::new(&store, "one");
    let mut lossy = Lossy::new(store.elections().expect("it has them"), Loss::Silence, 0);
    lossy.campaigned = Some(Default::default());
    let lossy = Arc::new(lossy);
    follower.candidate.elections = lossy.clone();
    let stop = CancellationToken::new();
    let (carried_out, may_answer) = lossy.campaigned.as_ref().expect("they wait");
    let (elected, ()) = tokio::join!(follower.candidate.elected(&stop), async {
        carried_out.notified().await;
        stop.cancel();
        tokio::task::yield_now().await;
        may_answer.notify_one();
    });
    assert_eq!(elected.map(|elected| elected.leading.term().0), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_taken_within_half_a_second() {
    let store = store();
    let elections = store.elections().expect("it has elections");
    let old = elections.campaign(&member("old"), LEASE).await;
    let term = old.expect("reached").expect("free").term();
    let follower = Running::new(&store, "one");
    assert!(follower.elected_within(LEASE / 2).await.is_none());
    assert_eq!(
        follower.standing.other_leader().map(|lease| lease.term),
        Some(term)
    );
    elections.release(term).await.expect("released");
    let soon = REPORT_EVERY + CAMPAIGN_SPREAD + Duration::from_millis(10);
    assert!(follower.elected_within(soon).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn one_of_several_followers_leads() {
    let store = store();
    let followers: Vec<Running> = ["one", "two", "three"]
        .map(|name| Running::new(&store, name))
        .into();
    let elected = followers
        .iter()
        .map(|follower| follower.elected_within(LEASE - Duration::from_millis(500)));
    let elected = futures::future::join_all(elected).await;
    assert_eq!(elected.iter().flatten().count(), 1);
    let seen = followers[0]
        .standing
        .sight()
        .expect("a report")
        .seen
        .clone();
    assert_eq!(seen.members.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_member_with_a_wrong_clock_does_not_lead() {
    let store = store();
    let follower = Running::new(&store, "one");
    follower.clock.set_wrong_by(-31_000);
    let long = Duration::from_secs(60);
    assert!(follower.elected_within(long).await.is_none());
    let warned = follower.conditions.get(Condition::ClockDifference);
    assert!(warned.is_some_and(|sentence| sentence.contains("behind")));
    assert!(follower.conditions.get(Condition::Leader).is_some());
    follower.clock.set_wrong_by(3_000);
    assert!(follower.elected_within(long).await.is_some());
    let warned = follower.conditions.get(Condition::ClockDifference);
    assert!(warned.is_some_and(|sentence| sentence.contains("ahead of")));
    follower.clock.set_wrong_by(1_000);
    follower.clock.wait(REPORT_EVERY * 2).await;
    assert!(
        follower
            .conditions
            .get(Condition::ClockDifference)
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_that_stepped_down_lets_others_campaign() {
    let store = store();
    let mut follower = Running::new(&store, "one");
    follower.candidate.rests_until = STEPPED_DOWN_RESTS;
    let elected = follower.elected_within(Duration::from_secs(60)).await;
    assert!(elected.is_some() && follower.clock.monotonic() >= STEPPED_DOWN_RESTS);
}

#[tokio::test(start_paused = true)]
async fn a_member_without_the_store_does_not_campaign() {
    let store = store();
    let follower = Running::new(&store, "one");
    store.cut_off(true);
    assert!(
        follower
            .elected_within(Duration::from_secs(60))
            .await
            .is_none()
    );
    store.cut_off(false);
    assert!(
        follower
            .elected_within(Duration::from_secs(2))
            .await
            .is_some()
    );
}
