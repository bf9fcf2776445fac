//! A leader whose wall clock goes wrong while it leads.

use std::time::Duration;

use tokio::time::timeout;

use super::elections::{Running, store};
use crate::journal::Term;
use crate::ledger::{Clock as _, Condition};
use crate::limits::{CAMPAIGN_SPREAD, LEASE, REPORT_EVERY, STEPPED_DOWN_RESTS};

const LONG: Duration = Duration::from_secs(60);

impl Running {
    /// Leads, and renews nothing.
    async fn lead(&self) -> Term {
        let elected = self.elected_within(LEASE / 2).await.expect("it is elected");
        let term = elected.leading.term();
        self.standing.begin_term(term);
        term
    }

    /// Whether the leader ends its term within this time because of its clock.
    async fn gives_up(&self, term: Term, time: Duration) -> bool {
        let waiting = self.standing.clock_is_wrong(term);
        timeout(time, waiting).await.is_ok()
    }

    /// Ends the term for that, as a member does.
    async fn give_up(&mut self, term: Term) {
        self.standing.end_for_clock(term);
        let released = self.candidate.elections.release(term).await;
        released.expect("released");
        self.standing.end_term(term);
        self.candidate.rests_until = self.clock.monotonic() + STEPPED_DOWN_RESTS;
    }

    fn warning(&self) -> String {
        let warned = self.conditions.get(Condition::ClockDifference);
        warned.map_or_else(String::new, |sentence| sentence.to_string())
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_with_a_wrong_clock_gives_up() {
    for wrong in [31_000, -31_000] {
        let store = store();
        let leader = Running::new(&store, "one");
        let term = leader.lead().await;
        let _other = Running::new(&store.restart(), "two");
        leader.clock.set_wrong_by(29_000);
        assert!(!leader.gives_up(term, LONG).await, "it is within the limit");
        leader.clock.set_wrong_by(wrong);
        assert!(leader.gives_up(term, REPORT_EVERY * 3).await);
    }
}

/// One report may be wrong, as after a pause of the machine.
#[tokio::test(start_paused = true)]
async fn one_report_ends_no_term() {
    let store = store();
    let leader = Running::new(&store, "one");
    let term = leader.lead().await;
    let _other = Running::new(&store.restart(), "two");
    // Each second report comes within a wrong time, and none at its edge. The lease lasts longer.
    leader.clock.wait(REPORT_EVERY * 6 / 10).await;
    let watching = leader.gives_up(term, LONG);
    let clock = async {
        for _ in 0..5 {
            leader.clock.set_wrong_by(31_000);
            leader.clock.wait(REPORT_EVERY * 9 / 10).await;
            assert_ne!(leader.warning(), "", "a report has shown it");
            leader.clock.set_wrong_by(0);
            leader.clock.wait(REPORT_EVERY * 11 / 10).await;
        }
    };
    let (gave_up, ()) = tokio::join!(watching, clock);
    assert!(!gave_up);
}

#[tokio::test(start_paused = true)]
async fn a_leader_without_a_successor_says_so() {
    let store = store();
    let leader = Running::new(&store, "one");
    let term = leader.lead().await;
    leader.clock.set_wrong_by(31_000);
    assert!(!leader.gives_up(term, LONG).await);
    assert!(leader.warning().contains("leads all the same"));
    let _other = Running::new(&store.restart(), "two");
    assert!(leader.gives_up(term, REPORT_EVERY * 3).await);
}

#[tokio::test(start_paused = true)]
async fn another_member_leads_after_a_wrong_clock() {
    let store = store();
    let mut leader = Running::new(&store, "one");
    let term = leader.lead().await;
    let other = Running::new(&store.restart(), "two");
    leader.clock.set_wrong_by(31_000);
    assert!(leader.gives_up(term, LONG).await);
    leader.give_up(term).await;
    let soon = REPORT_EVERY + CAMPAIGN_SPREAD + Duration::from_millis(10);
    let elected = other.elected_within(soon).await.expect("it is elected");
    assert_eq!(elected.leading.term(), term.next());
    assert!(leader.elected_within(LONG).await.is_none());
    assert!(leader.warning().contains("does not lead"));
}

/// The clock of the store is wrong, so all members are. The last leader is better than none.
#[tokio::test(start_paused = true)]
async fn a_wrong_clock_of_the_store_stops_nobody() {
    let store = store();
    let mut leader = Running::new(&store, "one");
    let term = leader.lead().await;
    let other = Running::new(&store.restart(), "two");
    for member in [&leader, &other] {
        member.clock.set_wrong_by(-31_000);
    }
    assert!(leader.gives_up(term, LONG).await);
    leader.give_up(term).await;
    let time = STEPPED_DOWN_RESTS + LEASE;
    let (elected, not_elected) =
        tokio::join!(leader.elected_within(time), other.elected_within(time));
    assert!(not_elected.is_none());
    let next = elected.expect("it is elected again").leading.term();
    assert_eq!(next, term.next());
    leader.standing.begin_term(next);
    assert!(!leader.gives_up(next, LONG).await, "not again");
    assert!(leader.warning().contains("leads all the same"));
    // Once its clock was right, it can be wrong again.
    leader.clock.set_wrong_by(0);
    leader.clock.wait(REPORT_EVERY * 2).await;
    assert_eq!(leader.warning(), "");
    leader.clock.set_wrong_by(31_000);
    assert!(leader.gives_up(next, LONG).await);
}
