//! Role, term and leader always agree with each other.

use std::sync::Arc;
use std::time::Duration;

use super::{TestClock, WALL, member};
use crate::cluster::standing::{Role, Sight, Standing};
use crate::journal::{Lease, Seen, Term};
use crate::ledger::Clock as _;
use crate::limits::LEASE;

const OWN: &str = "one";

struct Scene {
    clock: Arc<TestClock>,
    standing: Arc<Standing>,
}

impl Scene {
    fn new() -> Self {
        let clock = TestClock::new();
        let standing = Standing::new(member(OWN), clock.clone());
        Self { clock, standing }
    }

    /// A report that was requested at this time shows the lease of this member.
    fn report(&self, at: Duration, lease: Option<(u64, &str)>) {
        let lease = lease.map(|(term, leader)| Lease {
            term: Term(term),
            leader: member(leader),
            since_millis: WALL,
            left: LEASE,
        });
        self.standing.set_sight(Sight {
            seen: Seen {
                lease,
                now_millis: WALL,
                members: Vec::new(),
            },
            at,
            ahead_millis: 0,
        });
    }

    /// Role, term, name of the leader, and whether there is one.
    fn shown(&self) -> (bool, u64, String, bool) {
        let picture = self.standing.picture();
        let leader = picture.lease().map(|lease| lease.leader.name.clone());
        (
            picture.role != Role::Following,
            picture.term().map_or(0, |term| term.0),
            leader.unwrap_or_default(),
            picture.has_leader(&self.standing.member),
        )
    }

    async fn pass(&self) -> Duration {
        tokio::time::advance(Duration::from_millis(100)).await;
        self.clock.monotonic()
    }
}

fn leads(term: u64) -> (bool, u64, String, bool) {
    (true, term, OWN.to_owned(), true)
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_shows_its_term_before_the_next_report() {
    for before in [None, Some((6, "two"))] {
        let scene = Scene::new();
        scene.report(scene.clock.monotonic(), before);
        let late = scene.pass().await;
        scene.pass().await;
        scene.standing.begin_term(Term(7));
        assert_eq!(scene.shown(), leads(7));
        let since = scene
            .standing
            .picture()
            .lease()
            .map(|lease| lease.since_millis);
        assert_eq!(since, Some(WALL + 200));
        // This report was on its way while the term began.
        scene.report(late, before);
        assert_eq!(scene.shown(), leads(7));
        scene.report(scene.pass().await, Some((7, OWN)));
        assert_eq!(scene.shown(), leads(7));
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_ended_its_term_is_no_leader() {
    let scene = Scene::new();
    scene.report(scene.clock.monotonic(), None);
    scene.pass().await;
    scene.standing.begin_term(Term(1));
    let late = scene.pass().await;
    scene.pass().await;
    scene.standing.end_term(Term(1));
    let ended = (false, 1, OWN.to_owned(), false);
    assert_eq!(scene.shown(), ended);
    scene.report(late, Some((1, OWN)));
    assert_eq!(scene.shown(), ended);
    scene.report(scene.pass().await, Some((2, "two")));
    assert_eq!(scene.shown(), (false, 2, "two".to_owned(), true));
}

/// An earlier process of its name has a lease, and nobody leads.
#[tokio::test(start_paused = true)]
async fn the_lease_of_a_namesake_is_no_leader() {
    let scene = Scene::new();
    scene.report(scene.clock.monotonic(), Some((3, OWN)));
    assert_eq!(scene.shown(), (false, 3, OWN.to_owned(), false));
}
