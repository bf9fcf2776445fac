//! What this member knows of its cluster: its own role, who leads, and the other members.
//!
//! Promise: never more certain than the last report to the store. Only the gate of a leader decides
//! whether it may answer.

use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::Root;
use arc_swap::{ArcSwap, ArcSwapOption};
use futures::future::FutureExt as _;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::journal::{Lease, Member, Report, Seen, Term};
use crate::ledger::Clock;
use crate::limits::{IN_TOUCH, MEMBER_ALIVE, OUT_OF_TOUCH, STEP_DOWN_MAX};

/// What this process does in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It reads the log of the leader.
    Following,
    /// It leads with this term.
    Leading(Term),
}

/// The store, as the last report has shown it.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) seen: Seen,
    /// The monotonic time at which it was requested.
    pub(crate) at: Duration,
    /// How far the wall clock of this process is ahead of the clock of the store, at least, in
    /// milliseconds. Negative if it is behind.
    pub(crate) ahead_millis: i64,
}

/// Why a member does not step down.
#[derive(Debug)]
pub(crate) enum NotSteppedDown {
    /// It does not lead. The leader, if one is known.
    Follows(Option<Lease>),
    /// No other member could lead.
    Alone,
    /// It still finishes its work.
    Late,
}

/// What this member knows. Shared by all parts of the process.
pub(crate) struct Standing {
    pub(crate) member: Member,
    clock: Arc<dyn Clock>,
    role: watch::Sender<Role>,
    sight: watch::Sender<Option<Arc<Sight>>>,
    step_down: Notify,
    /// The World that is published now.
    published: ArcSwapOption<ArcSwap<Root>>,
}

impl Sight {
    /// The lease, if it had not ended at the time of the report.
    pub(crate) fn running(&self) -> Option<&Lease> {
        self.seen
            .lease
            .as_ref()
            .filter(|lease| !lease.left.is_zero())
    }

    /// The running lease of another member than this one.
    pub(super) fn other_leader(&self, member: &Member) -> Option<&Lease> {
        self.running()
            .filter(|lease| lease.leader.name != member.name)
    }

    /// How long after the report another process may lead: when the lease ends, if nobody extends
    /// it.
    pub(crate) fn lease_left(&self) -> Duration {
        self.running().map_or(Duration::ZERO, |lease| lease.left)
    }
}

impl Standing {
    pub(crate) fn new(member: Member, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            member,
            clock,
            role: watch::Sender::new(Role::Following),
            sight: watch::Sender::new(None),
            step_down: Notify::new(),
            published: ArcSwapOption::empty(),
        })
    }

    pub(crate) fn role(&self) -> Role {
        *self.role.borrow()
    }

    pub(super) fn set_role(&self, role: Role) {
        self.role.send_replace(role);
        metrics::gauge!("aftercall_leader").set(f64::from(u8::from(role != Role::Following)));
    }

    pub(super) fn set_sight(&self, sight: Sight) {
        self.sight.send_replace(Some(Arc::new(sight)));
    }

    /// What the last report has shown. `None` before the first.
    pub(crate) fn sight(&self) -> Option<Arc<Sight>> {
        self.sight.borrow().clone()
    }

    pub(super) fn sights(&self) -> watch::Receiver<Option<Arc<Sight>>> {
        self.sight.subscribe()
    }

    /// How long ago the last report was requested.
    pub(crate) fn age(&self, sight: &Sight) -> Duration {
        self.clock.monotonic().saturating_sub(sight.at)
    }

    /// Whether the store has not answered this member for so long that what it shows may be old.
    pub(crate) fn is_out_of_touch(&self) -> bool {
        let sight = self.sight();
        sight.is_some_and(|sight| self.age(&sight) > OUT_OF_TOUCH)
    }

    /// Whether the store has answered this member a moment ago.
    pub(super) fn is_in_touch(&self) -> bool {
        let sight = self.sight();
        sight.is_some_and(|sight| self.age(&sight) < IN_TOUCH)
    }

    /// Uses this cell for the newest published sequence.
    pub(super) fn publish(&self, published: &Arc<ArcSwap<Root>>) {
        self.published.store(Some(Arc::clone(published)));
    }

    /// What this member reports of itself.
    pub(super) fn report(&self) -> Report {
        let published = self.published.load();
        Report {
            member: self.member.clone(),
            sequence: published
                .as_ref()
                .map_or(0, |published| published.load().sequence),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The lease of another member that leads, as far as this one knows.
    pub(crate) fn other_leader(&self) -> Option<Lease> {
        self.sight()?.other_leader(&self.member).cloned()
    }

    /// Forgets requests to step down in an earlier term.
    pub(super) fn begin_term(&self) {
        let _ = self.step_down.notified().now_or_never();
    }

    /// Waits until somebody has asked this leader to step down.
    pub(super) async fn step_down_requested(&self) {
        self.step_down.notified().await;
    }

    /// Asks this leader to step down, and waits until it has. Returns the term that has ended.
    pub(crate) async fn step_down(&self) -> Result<Term, NotSteppedDown> {
        let Role::Leading(term) = self.role() else {
            return Err(NotSteppedDown::Follows(self.other_leader()));
        };
        if !self.has_successor() {
            return Err(NotSteppedDown::Alone);
        }
        let mut role = self.role.subscribe();
        self.step_down.notify_one();
        let ended = timeout(
            STEP_DOWN_MAX,
            role.wait_for(|role| *role == Role::Following),
        );
        match ended.await {
            Ok(Ok(_)) => Ok(term),
            _ => Err(NotSteppedDown::Late),
        }
    }

    /// Waits for another leader, for a short time. `None` if none is known then.
    pub(crate) async fn successor(&self, ended: Term) -> Option<Lease> {
        let mut sights = self.sights();
        let is_next = |sight: &Option<Arc<Sight>>| {
            let lease = sight.as_ref().and_then(|sight| sight.running());
            lease.is_some_and(|lease| lease.term > ended)
        };
        let seen = timeout(STEP_DOWN_MAX, sights.wait_for(is_next)).await;
        let sight = seen.ok()?.ok()?.clone()?;
        sight.running().cloned()
    }

    fn has_successor(&self) -> bool {
        let Some(sight) = self.sight() else {
            return false;
        };
        let mut members = sight.seen.members.iter();
        members
            .any(|other| other.report.member.name != self.member.name && other.age < MEMBER_ALIVE)
    }
}
