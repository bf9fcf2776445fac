//! What a store in memory keeps of its leaders and members. Its clock is that of tokio, so a test
//! can pause and advance it.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::journal::{Lease, MEMBER_KEPT, Member, Report, Reported, Seen, Term};

/// What the store keeps of its leaders and members.
#[derive(Default)]
pub(super) struct Polls {
    pub(super) lease: Option<Held>,
    pub(super) members: BTreeMap<String, (Report, Instant)>,
    began: Option<Instant>,
    /// What the clock showed then.
    first_millis: i64,
}

/// A lease.
pub(super) struct Held {
    pub(super) term: Term,
    pub(super) leader: Member,
    pub(super) since_millis: i64,
    /// The process that has won it.
    pub(super) process: u64,
    pub(super) until: Instant,
    pub(super) is_released: bool,
}

impl Polls {
    /// The clock of the store, from its first use.
    pub(super) fn now_millis(&mut self) -> i64 {
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        self.first_millis + now.duration_since(began).as_millis() as i64
    }

    /// Sets what the clock of the store shows now.
    pub(super) fn set_clock(&mut self, millis: i64) {
        (self.began, self.first_millis) = (Some(Instant::now()), millis);
    }

    /// What the members see now.
    pub(super) fn seen(&mut self) -> Seen {
        let now = Instant::now();
        self.members
            .retain(|_, (_, at)| now.duration_since(*at) < MEMBER_KEPT);
        let members = self.members.values().map(|(report, at)| Reported {
            report: report.clone(),
            age: now.duration_since(*at),
        });
        Seen {
            lease: self.lease.as_ref().map(|held| Lease {
                term: held.term,
                leader: held.leader.clone(),
                since_millis: held.since_millis,
                left: held.until.saturating_duration_since(now),
            }),
            members: members.collect(),
            now_millis: self.now_millis(),
        }
    }
}
