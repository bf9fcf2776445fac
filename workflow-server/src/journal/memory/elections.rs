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
        let polls = &mut lock(&self.0.content).polls;
        let name = report.member.name.clone();
        polls.members.insert(name, (report.clone(), Instant::now()));
        Ok(polls.seen())
    }

    /// The next term, if no other process or member has a running lease.
    fn free_term(&self, member: &Member) -> Result<Option<Term>, JournalError> {
        self.0.reached()?;
        let content = lock(&self.0.content);
        let lease = content.polls.lease.as_ref();
        let is_own = |held: &Held| held.process == self.0.process && held.leader == *member;
        let is_running = lease.is_some_and(|held| held.until > Instant::now() && !is_own(held));
        Ok((!is_running).then(|| content.term.next()))
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
        });
    }

    /// Changes the end of the lease of this term. Returns the newest term.
    fn set_end(&self, term: Term, until: Instant) -> Result<Term, JournalError> {
        self.0.reached()?;
        let mut content = lock(&self.0.content);
        let newest = content.term;
        if let Some(held) = &mut content.polls.lease
            && held.term == term
            && newest == term
        {
            held.until = until;
        }
        Ok(newest)
    }
}

impl Elections for MemoryElections {
    fn report(&self, report: &Report) -> BoxFuture<'_, Result<Seen, JournalError>> {
        let seen = self.report_now(report);
        async move { seen }.boxed()
    }

    fn leave(&self, member: &Member) -> BoxFuture<'_, Result<(), JournalError>> {
        let left = self.0.reached().map(|()| {
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
        let renewed = match self.set_end(term, Instant::now() + lease) {
            Ok(newest) if newest == term => Ok(()),
            Ok(newest) => Err(JournalError::Deposed { term, newest }),
            Err(error) => Err(error),
        };
        async move { renewed }.boxed()
    }

    fn release(&self, term: Term) -> BoxFuture<'_, Result<(), JournalError>> {
        let released = self.set_end(term, Instant::now()).map(|_| ());
        async move { released }.boxed()
    }
}
