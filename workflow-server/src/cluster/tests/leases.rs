//! The gate, and the renewal of the lease.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{TestClock, member};
use crate::cluster::gate::Gate;
use crate::cluster::renewal::Renewal;
use crate::journal::memory::MemoryStore;
use crate::journal::{Storage as _, Term};
use crate::ledger::{Clock as _, Condition, Conditions};
use crate::limits::{LEASE, LEASE_MARGIN};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn a_gate_closes_before_the_lease_can_end() {
    let clock = TestClock::new();
    let gate = Gate::new(clock.clone());
    assert!(!gate.is_open(), "nobody has a lease yet");
    gate.extend(clock.monotonic(), LEASE);
    tokio::time::advance(LEASE - LEASE_MARGIN - millis(1)).await;
    assert!(gate.is_open());
    tokio::time::advance(millis(1)).await;
    assert!(!gate.is_open() && gate.period().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_paused_leader_finds_out_before_its_next_answer() {
    let clock = TestClock::new();
    let gate = Gate::new(clock.clone());
    gate.extend(clock.monotonic(), LEASE);
    assert!(gate.is_open());
    clock.jump(LEASE);
    assert!(!gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn each_period_ends_and_a_shut_gate_stays_shut() {
    let clock = TestClock::new();
    let gate = Arc::new(Gate::new(clock.clone()));
    let watching = gate.clone();
    let watching = tokio::spawn(async move { watching.watch().await });
    gate.extend(clock.monotonic(), LEASE);
    let first = gate.period().expect("it is open");
    // Longer than a test waits if nothing ends it.
    first.cancelled().await;
    assert_eq!(clock.monotonic(), LEASE - LEASE_MARGIN);
    gate.extend(clock.monotonic(), LEASE);
    let second = gate.period().expect("it is open again");
    gate.shut();
    second.cancelled().await;
    gate.extend(clock.monotonic(), LEASE);
    assert!(gate.period().is_none() && !gate.is_open());
    watching.await.expect("it ends");
}

/// A leader with its renewal.
struct Leader {
    store: MemoryStore,
    clock: Arc<TestClock>,
    gate: Arc<Gate>,
    deposed: CancellationToken,
    conditions: Conditions,
    term: Term,
    renewing: AbortOnDropHandle<()>,
}

impl Leader {
    async fn new() -> Self {
        let (store, clock) = (MemoryStore::new(), TestClock::new());
        let elections = store.elections().expect("it has elections");
        let leading = elections.campaign(&member("one"), LEASE).await;
        let term = leading.expect("reached").expect("free").term();
        let gate = Arc::new(Gate::new(clock.clone()));
        gate.extend(clock.monotonic(), LEASE);
        let (deposed, conditions) = (CancellationToken::new(), Conditions::default());
        let renewal = Renewal {
            elections,
            clock: clock.clone(),
            conditions: conditions.clone(),
            term,
            gate: gate.clone(),
            deposed: deposed.clone(),
        };
        Self {
            store,
            clock,
            gate,
            deposed,
            conditions,
            term,
            renewing: AbortOnDropHandle::new(tokio::spawn(renewal.run())),
        }
    }

    /// Whether the gate was open all the time meanwhile.
    async fn is_open_for(&self, time: Duration) -> bool {
        let end = self.clock.monotonic() + time;
        while self.clock.monotonic() < end {
            if !self.gate.is_open() {
                return false;
            }
            self.clock.wait(millis(50)).await;
        }
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_renews_is_always_open() {
    let leader = Leader::new().await;
    assert!(leader.is_open_for(Duration::from_secs(60)).await);
}

/// A renewal after the release would stop the other members for another lease.
#[tokio::test(start_paused = true)]
async fn a_leader_that_shuts_its_gate_renews_no_more() {
    let leader = Leader::new().await;
    assert!(leader.is_open_for(LEASE).await);
    let began = leader.clock.monotonic();
    leader.gate.shut();
    leader.renewing.await.expect("it ends");
    assert_eq!(leader.clock.monotonic(), began);
}

#[tokio::test(start_paused = true)]
async fn a_leader_cut_off_continues_in_its_term() {
    let leader = Leader::new().await;
    leader.store.cut_off(true);
    assert!(!leader.is_open_for(LEASE).await, "it cannot renew");
    leader.clock.wait(millis(500)).await;
    assert!(leader.conditions.get(Condition::Leader).is_some());
    leader.clock.wait(Duration::from_secs(60)).await;
    leader.store.cut_off(false);
    leader.clock.wait(millis(500)).await;
    assert!(leader.is_open_for(Duration::from_secs(10)).await);
    assert!(leader.conditions.get(Condition::Leader).is_none());
    assert!(!leader.deposed.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_leader_cut_off_and_replaced_is_deposed() {
    let leader = Leader::new().await;
    leader.store.cut_off(true);
    let other = leader.store.restart();
    let elections = other.elections().expect("it has elections");
    let early = elections.campaign(&member("two"), LEASE).await;
    assert!(early.expect("reached").is_none(), "the lease is running");
    leader.clock.wait(LEASE + millis(100)).await;
    assert!(
        !leader.gate.is_open(),
        "it closed before another could lead"
    );
    let next = elections.campaign(&member("two"), LEASE).await;
    let next = next.expect("reached").expect("free").term();
    assert!(next > leader.term);
    leader.store.cut_off(false);
    leader.deposed.cancelled().await;
    assert!(!leader.gate.is_open());
}
