//! The log in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future::{BoxFuture, FutureExt};

use super::shared::{Content, FailAt, Shared, lock};
use crate::journal::{
    Bounds, Group, JournalError, LOG_LIMITS, Log, LogLimits, LogWriter, Position,
    SPACE_RESERVE_BYTES, Term,
};

pub(super) struct MemoryLog(pub(super) Arc<Shared>);

pub(super) struct MemoryLogWriter {
    pub(super) shared: Arc<Shared>,
    pub(super) term: Term,
}

impl Content {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            base: self.base,
            newest: self.groups.last().map_or(self.base, Group::end),
        }
    }
}

impl Content {
    fn push(&mut self, group: Group) {
        self.groups.push(group);
        self.announce();
    }

    fn announce(&self) {
        self.changes.send_replace(self.bounds());
    }
}

impl Shared {
    /// Returns an error if the store is unreachable for this process.
    pub(super) fn reached(&self) -> Result<(), JournalError> {
        if self.is_cut_off.load(Ordering::Relaxed) {
            Err(unreachable())
        } else {
            Ok(())
        }
    }

    /// Returns the first failure of this process, or that the store is unreachable.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        self.reached()?;
        self.failed.get().map_or(Ok(()), |reason| {
            Err(JournalError::Failed {
                reason: reason.clone(),
            })
        })
    }

    /// Returns an error while the disk is set to be full.
    pub(super) fn check_space(&self) -> Result<(), JournalError> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(JournalError::NoSpace {
                free_bytes: 0,
                reserve_bytes: SPACE_RESERVE_BYTES,
            });
        }
        Ok(())
    }

    fn fail(&self, reason: &str) -> JournalError {
        let reason = self.failed.get_or_init(|| reason.to_owned());
        JournalError::Failed {
            reason: reason.clone(),
        }
    }

    async fn wait_while_held(&self) {
        let mut held = self.held.subscribe();
        if *held.borrow_and_update() {
            let _counted = Counted::new(self);
            // The sender exists as long as `self`.
            let _ = held.wait_for(|held| !held).await;
        }
    }

    /// Counts an append. Returns where it must fail, if this one must.
    fn strike(&self) -> Option<FailAt> {
        let mut fault = lock(&self.fault);
        let (left, at) = fault.as_mut()?;
        *left -= 1;
        let at = (*left == 0).then_some(*at);
        if at.is_some() {
            *fault = None;
        }
        at
    }

    fn store(&self, term: Term, group: Group) -> Result<(), JournalError> {
        self.check()?;
        let mut content = lock(&self.content);
        content.write(term, "append")?;
        group.check_follows(content.bounds().newest)?;
        self.check_space()?;
        let lost = || JournalError::Unknown {
            reason: "the test has broken the connection".to_owned(),
        };
        match self.strike() {
            None => content.push(group),
            Some(FailAt::BeforeStored) => {
                return Err(self.fail("the test wants a failure before the group is stored"));
            }
            Some(FailAt::Unreachable) => return Err(unreachable()),
            Some(FailAt::AnswerLostBefore) => return Err(lost()),
            Some(FailAt::AfterStored) => {
                content.push(group);
                return Err(self.fail("the test wants a failure after the group is stored"));
            }
            Some(FailAt::AnswerLostAfter) => {
                content.push(group);
                return Err(lost());
            }
        }
        Ok(())
    }

    fn read(&self, from: u64, bytes_max: usize) -> Result<Vec<Group>, JournalError> {
        self.reached()?;
        let content = lock(&self.content);
        let from = from.max(1);
        if from <= content.base.sequence {
            return Err(JournalError::Trimmed {
                oldest: content.bounds().oldest(),
            });
        }
        let start = content.groups.partition_point(|group| group.last < from);
        let mut bytes = 0;
        let fits = |(index, group): &(usize, &Group)| {
            bytes += group.bytes.len();
            *index == 0 || bytes <= bytes_max
        };
        Ok(content.groups[start..]
            .iter()
            .enumerate()
            .take_while(fits)
            .map(|(_, group)| group.clone())
            .collect())
    }

    fn trim(&self, term: Term, upto: u64) -> Result<(), JournalError> {
        self.check()?;
        let mut content = lock(&self.content);
        content.write(term, "trim")?;
        let count = content.groups.partition_point(|group| group.last <= upto);
        let newest_gone = content.groups.drain(..count).next_back();
        if let Some(group) = newest_gone {
            content.base = group.end();
            content.announce();
        }
        Ok(())
    }

    fn start_at(&self, term: Term, position: Position) -> Result<(), JournalError> {
        self.check()?;
        let mut content = lock(&self.content);
        content.write(term, "start_at")?;
        match content.bounds().newest.sequence {
            0 => content.base = position,
            newest => return Err(JournalError::NotEmpty { newest }),
        }
        Ok(())
    }
}

/// Counts one waiting append. Dropping it, also early, ends the count.
struct Counted<'a>(&'a Shared);

impl<'a> Counted<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.waiting.send_modify(|waiting| *waiting += 1);
        Self(shared)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

fn unreachable() -> JournalError {
    JournalError::Unreachable {
        reason: "the test has cut the connection".to_owned(),
    }
}

impl Log for MemoryLog {
    fn read(&self, from: u64, bytes_max: usize) -> BoxFuture<'_, Result<Vec<Group>, JournalError>> {
        async move { self.0.read(from, bytes_max) }.boxed()
    }

    fn bounds(&self) -> BoxFuture<'_, Result<Bounds, JournalError>> {
        async move { self.0.reached().map(|()| lock(&self.0.content).bounds()) }.boxed()
    }
}

impl LogWriter for MemoryLogWriter {
    fn append(&self, group: Group) -> BoxFuture<'_, Result<(), JournalError>> {
        async move {
            self.shared.wait_while_held().await;
            self.shared.store(self.term, group)
        }
        .boxed()
    }

    fn trim(&self, upto: u64) -> BoxFuture<'_, Result<(), JournalError>> {
        async move { self.shared.trim(self.term, upto) }.boxed()
    }

    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        // The memory of trimmed groups is freed already.
        async move {
            self.shared
                .check()
                .and_then(|()| lock(&self.shared.content).write(self.term, "renew"))
        }
        .boxed()
    }

    fn start_at(&self, position: Position) -> BoxFuture<'_, Result<(), JournalError>> {
        async move { self.shared.start_at(self.term, position) }.boxed()
    }

    fn limits(&self) -> LogLimits {
        LOG_LIMITS
    }
}
