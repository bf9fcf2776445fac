//! The elections in memory.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio::time::Instant;

use super::log::MemoryLogWriter;
use super::polls::Held;
use super::shared::{Shared, lock};
use super::vault::MemoryVaultWriter;
use crate::journal::{Elections, JournalError, Leading, Member, Report, Seen, Term};

pub(super) struct MemoryElections(pub(super) Arc<Shared>);

/// Begins a term.
pub(super) fn lead(shared: &Arc<Shared>, term: Term) -> Result<Leading, JournalError> {
    shared.reached()?;
    let mut content = lock(&shared.content);
    if term <= content.term {
        return Err(JournalError::Deposed {
            term,
            newest: content.term,
        });
    }
    content.term = term;
    let log = MemoryLogWriter {
        shared: Arc::clone(shared),
        term,
    };
    let vault = MemoryVaultWriter {
        shared: Arc::clone(shared),
        term,
    };
    Ok(Leading::new(term, Arc::new(log), Arc::new(vault)))
}

impl MemoryElections {
    fn report_now(&self, report: &Report) -> Result<Seen, JournalError> {
        self.0.reached()?;
        let mut content = lock(&self.0.content);
        *lock(&self.0.reported) = Some(content.term);
        let polls = &mut content.polls;
        let name = report.member.name.clone();
        polls.members.insert(name, (report.clone(), Instant::now()));
        Ok(polls.seen())
    }

    /// The next term, if no other process or member has a running lease.
    fn free_term(&self, member: &Member) -> Result<Option<Term>, JournalError> {
        self.0.reached()?;
        let content = lock(&self.0.content);
        let reported = *lock(&self.0.reported);
        let is_reported = reported == Some(content.term);
        let lease = content.polls.lease.as_ref();
        let is_own = lease.is_some_and(|held| self.has_won(held, member));
        let is_free = lease.is_none_or(|held| held.until <= Instant::now());
        let may_begin = (is_free && (reported.is_none() || is_reported)) || (is_own && is_reported);
        Ok(may_begin.then(|| content.term.next()))
    }

    /// Whether this process has won the lease for this member.
    fn has_won(&self, held: &Held, member: &Member) -> bool {
        held.process == self.0.process && held.leader == *member
    }

    fn begin(&self, term: Term, leader: Member, lease: Duration) {
        let polls = &mut lock(&self.0.content).polls;
        let since_millis = polls.now_millis();
        polls.lease = Some(Held {
            term,
            leader,
            since_millis,
            process: self.0.process,
            until: Instant::now() + lease,
            is_released: false,
        });
    }

    fn renew_now(&self, term: Term, lease: Duration) -> Result<(), JournalError> {
        self.0.reached()?;
        let mut content = lock(&self.0.content);
        let newest = content.term;
        let held = content.polls.lease.as_mut();
        match held.filter(|held| held.term == term) {
            Some(held) if newest == term && !held.is_released => {
                held.until = Instant::now() + lease;
                Ok(())
            }
            _ => Err(JournalError::Deposed { term, newest }),
        }
    }

    fn release_if(&self, is_meant: impl Fn(&Held) -> bool) -> Result<(), JournalError> {
        self.0.reached()?;
        let held = &mut lock(&self.0.content).polls.lease;
        if let Some(held) = held.as_mut().filter(|held| is_meant(held)) {
            (held.until, held.is_released) = (Instant::now(), true);
        }
        Ok(())
    }
}

impl Elections for MemoryElections {
    fn report(&self, report: &Report) -> BoxFuture<'_, Result<Seen, JournalError>> {
        let seen = self.report_now(report);
        async move { seen }.boxed()
    }

    fn leave(&self, member: &Member) -> BoxFuture<'_, Result<(), JournalError>> {
        let left = self.release_if(|held| self.has_won(held, member));
        let left = left.map(|()| {
            let polls = &mut lock(&self.0.content).polls;
            polls.members.remove(&member.name);
        });
        async move { left }.boxed()
    }

    fn campaign(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Option<Leading>, JournalError>> {
        let member = member.clone();
        async move {
            let Some(term) = self.free_term(&member)? else {
                return Ok(None);
            };
            match lead(&self.0, term) {
                Err(JournalError::Deposed { .. }) => Ok(None),
                leading => {
                    let leading = leading?;
                    self.begin(term, member, lease);
                    Ok(Some(leading))
                }
            }
        }
        .boxed()
    }

    fn renew(&self, term: Term, lease: Duration) -> BoxFuture<'_, Result<(), JournalError>> {
        let renewed = self.renew_now(term, lease);
        async move { renewed }.boxed()
    }

    fn release(&self, term: Term) -> BoxFuture<'_, Result<(), JournalError>> {
        let process = self.0.process;
        let released = self.release_if(|held| held.term == term && held.process == process);
        async move { released }.boxed()
    }
}
