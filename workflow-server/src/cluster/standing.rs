//! What this member knows of its cluster: its own role, who leads, and the other members.
//!
//! Promise: never more certain than the last report to the store. Only the gate of a leader decides
//! whether it may answer. Role, term and leader are read and changed together, so that they always
//! agree with each other.

use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::Root;
use arc_swap::{ArcSwap, ArcSwapOption};
use futures::future::FutureExt as _;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::figures::{Figures, Named, OfMember};
use crate::journal::{Lease, Member, Report, Reported, Seen, Term};
use crate::ledger::Clock;
use crate::limits::{
    CLOCK_DIFFERENCE_MAX, IN_TOUCH, LEASE, MEMBER_ALIVE, OUT_OF_TOUCH, STEP_DOWN_MAX,
};

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

/// What a member knows at one moment. Role, term and leader of one picture agree with each other.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) role: Role,
    /// The store, as the last report has shown it. `None` before the first.
    pub(crate) sight: Option<Arc<Sight>>,
    /// The monotonic time at which the role began.
    role_at: Duration,
    /// The last term in which this process has led.
    ended: Option<Term>,
    /// The term that this process has ended because its wall clock was wrong. `None` once that is
    /// right.
    ended_for_clock: Option<Term>,
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
    picture: watch::Sender<Picture>,
    step_down: Notify,
    named: Named,
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

    /// Whether the wall clock of this process differs too much from that of the store for a leader.
    pub(super) fn is_clock_wrong(&self) -> bool {
        u128::from(self.ahead_millis.unsigned_abs()) > CLOCK_DIFFERENCE_MAX.as_millis()
    }

    /// How long after the report another process may lead: when the lease ends, if nobody extends
    /// it.
    pub(crate) fn lease_left(&self) -> Duration {
        self.running().map_or(Duration::ZERO, |lease| lease.left)
    }

    /// The members that have reported, each with how many entries it lacks of those that any member
    /// has published. The leader lacks none: its report may only be older than those of the others.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&Reported, u64)> {
        let members = &self.seen.members;
        let newest = members.iter().map(|member| member.report.sequence).max();
        let leader = self.running().map(|lease| &lease.leader.name);
        members.iter().map(move |member| {
            let leads = leader == Some(&member.report.member.name);
            let lag = newest.unwrap_or(0).saturating_sub(member.report.sequence);
            (member, if leads { 0 } else { lag })
        })
    }
}

impl Picture {
    /// The term of the newest leader. `None` before the first one.
    pub(crate) fn term(&self) -> Option<Term> {
        let seen = self.lease().map(|lease| lease.term);
        match self.role {
            Role::Leading(term) => seen.max(Some(term)),
            Role::Following => seen,
        }
    }

    /// The lease of the newest leader.
    pub(crate) fn lease(&self) -> Option<&Lease> {
        self.sight.as_ref()?.seen.lease.as_ref()
    }

    /// The running lease of another member than this one.
    pub(crate) fn other_leader(&self, member: &Member) -> Option<&Lease> {
        self.sight.as_ref()?.other_leader(member)
    }

    /// Whether a member leads, as far as this one knows. A lease of its own that it does not use,
    /// such as that of an earlier process of its name, does not count.
    pub(crate) fn has_leader(&self, member: &Member) -> bool {
        match self.role {
            Role::Leading(_) => true,
            Role::Following => self.other_leader(member).is_some(),
        }
    }

    /// What the metrics show.
    fn figures(&self, own: &Member) -> Figures<'_> {
        let leader = self.lease().filter(|_| self.has_leader(own));
        let members = self.sight.iter().flat_map(|sight| sight.members());
        Figures {
            leads: self.role != Role::Following,
            term: self.term(),
            since_millis: self.lease().map(|lease| lease.since_millis),
            members: members
                .map(|(member, lag)| OfMember {
                    name: &member.report.member.name,
                    leads: leader
                        .is_some_and(|lease| lease.leader.name == member.report.member.name),
                    lag,
                })
                .collect(),
        }
    }

    /// A report that was requested before the present role began shows an earlier moment. Corrects
    /// what it shows of this member.
    fn agree(&mut self, member: &Member) {
        let Some(sight) = &mut self.sight else { return };
        if sight.at >= self.role_at {
            return;
        }
        let shown = sight.seen.lease.as_ref().map(|lease| lease.term);
        match self.role {
            Role::Leading(term) if shown < Some(term) => {
                let passed = self.role_at.saturating_sub(sight.at).as_millis() as i64;
                let lease = Lease {
                    term,
                    leader: member.clone(),
                    since_millis: sight.seen.now_millis + passed,
                    left: LEASE,
                };
                Arc::make_mut(sight).seen.lease = Some(lease);
            }
            Role::Following if shown.is_some() && shown == self.ended => {
                if let Some(lease) = &mut Arc::make_mut(sight).seen.lease {
                    lease.left = Duration::ZERO;
                }
            }
            _ => {}
        }
    }
}

impl Standing {
    pub(crate) fn new(member: Member, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            member,
            clock,
            picture: watch::Sender::new(Picture {
                role: Role::Following,
                sight: None,
                role_at: Duration::ZERO,
                ended: None,
                ended_for_clock: None,
            }),
            step_down: Notify::new(),
            named: Named::default(),
            published: ArcSwapOption::empty(),
        })
    }

    /// What this member knows now.
    pub(crate) fn picture(&self) -> Picture {
        self.picture.borrow().clone()
    }

    /// What this member knows, with each change of it.
    pub(super) fn pictures(&self) -> watch::Receiver<Picture> {
        self.picture.subscribe()
    }

    pub(crate) fn role(&self) -> Role {
        self.picture.borrow().role
    }

    /// What the last report has shown. `None` before the first.
    pub(crate) fn sight(&self) -> Option<Arc<Sight>> {
        self.picture.borrow().sight.clone()
    }

    pub(super) fn set_sight(&self, sight: Sight) {
        self.change(|picture| {
            if !sight.is_clock_wrong() {
                picture.ended_for_clock = None;
            }
            picture.sight = Some(Arc::new(sight));
        });
    }

    /// Begins to lead. Forgets requests to step down in an earlier term.
    pub(super) fn begin_term(&self, term: Term) {
        let _ = self.step_down.notified().now_or_never();
        let now = self.clock.monotonic();
        self.change(|picture| (picture.role, picture.role_at) = (Role::Leading(term), now));
    }

    /// Follows again.
    pub(super) fn end_term(&self, term: Term) {
        let now = self.clock.monotonic();
        self.change(|picture| {
            (picture.role, picture.role_at) = (Role::Following, now);
            picture.ended = Some(term);
        });
    }

    /// Waits until this leader must end its term because its wall clock is wrong: two reports, one
    /// after the other, have shown it, and another member could lead. Never, if it has ended the term
    /// before for this and no other member has taken over.
    pub(super) async fn clock_is_wrong(&self, term: Term) {
        let mut pictures = self.pictures();
        let mut shown_at = None;
        loop {
            let picture = pictures.borrow_and_update().clone();
            let wrong = picture.sight.as_ref().filter(|it| it.is_clock_wrong());
            match (wrong.map(|sight| sight.at), shown_at) {
                (Some(at), Some(first)) if at > first => {
                    let was_in_vain = picture.ended_for_clock.map(Term::next) == Some(term);
                    if !was_in_vain && self.has_successor(&picture) {
                        return;
                    }
                }
                (Some(_), Some(_)) => {}
                (at, _) => shown_at = at,
            }
            if pictures.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Notes that this process ends its term because of its wall clock.
    pub(super) fn end_for_clock(&self, term: Term) {
        self.change(|picture| picture.ended_for_clock = Some(term));
    }

    /// Whether this process has ended the newest term because of its wall clock, and no other member
    /// has led since. It had the time for that.
    pub(super) fn has_no_other(&self, sight: &Sight) -> bool {
        let newest = sight.seen.lease.as_ref().map(|lease| lease.term);
        newest.is_some() && newest == self.picture.borrow().ended_for_clock
    }

    /// The only place where the picture changes, and the metrics with it.
    fn change(&self, change: impl FnOnce(&mut Picture)) {
        self.picture.send_modify(|picture| {
            change(picture);
            picture.agree(&self.member);
            self.named.show(&picture.figures(&self.member));
        });
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

    /// Waits until what this member shows may be old.
    pub(crate) async fn out_of_touch(&self) {
        while !self.is_out_of_touch() {
            let age = self
                .sight()
                .map_or(Duration::ZERO, |sight| self.age(&sight));
            let left = OUT_OF_TOUCH.saturating_sub(age);
            tokio::time::sleep(left + Duration::from_millis(1)).await;
        }
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
        self.picture().other_leader(&self.member).cloned()
    }

    /// Waits until somebody has asked this leader to step down.
    pub(super) async fn step_down_requested(&self) {
        self.step_down.notified().await;
    }

    /// Asks this leader to step down, and waits until it has. Returns the term that has ended.
    pub(crate) async fn step_down(&self) -> Result<Term, NotSteppedDown> {
        let picture = self.picture();
        let Role::Leading(term) = picture.role else {
            let leader = picture.other_leader(&self.member);
            return Err(NotSteppedDown::Follows(leader.cloned()));
        };
        if !self.has_successor(&picture) {
            return Err(NotSteppedDown::Alone);
        }
        let mut pictures = self.pictures();
        self.step_down.notify_one();
        let ended = timeout(
            STEP_DOWN_MAX,
            pictures.wait_for(|picture| picture.role != Role::Leading(term)),
        );
        match ended.await {
            Ok(Ok(_)) => Ok(term),
            _ => Err(NotSteppedDown::Late),
        }
    }

    /// Waits for another leader, for a short time. `None` if none is known then.
    pub(crate) async fn successor(&self, ended: Term) -> Option<Lease> {
        let mut pictures = self.pictures();
        let is_next = |picture: &Picture| {
            let lease = picture.sight.as_ref().and_then(|sight| sight.running());
            lease.is_some_and(|lease| lease.term > ended)
        };
        let seen = timeout(STEP_DOWN_MAX, pictures.wait_for(is_next)).await;
        let sight = seen.ok()?.ok()?.sight.clone()?;
        sight.running().cloned()
    }

    fn has_successor(&self, picture: &Picture) -> bool {
        let Some(sight) = &picture.sight else {
            return false;
        };
        let mut members = sight.seen.members.iter();
        members
            .any(|other| other.report.member.name != self.member.name && other.age < MEMBER_ALIVE)
    }
}
