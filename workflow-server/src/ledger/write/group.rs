//! A group in the making, and a group on its way to the disk: entries, and everybody who waits for
//! them.

use std::sync::Arc;

use aftercall_engine::{Entry, Rejection, Root};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::journal::{Group, JournalError, LogLimits, Position};
use crate::ledger::read::feed::FeedItem;
use crate::ledger::{LedgerError, Outcome};
use crate::limits::{GROUP_COMMANDS_MAX, TIMERS_PER_GROUP};
use crate::records::{GroupBytes, WorldImage};

type Answer = Result<Outcome, LedgerError>;

/// A caller who waits, and the answer once it is durable.
struct Waiting {
    to: oneshot::Sender<Answer>,
    answer: Answer,
}

/// What an entry came to in the group.
pub(in crate::ledger) struct Written {
    chain: u64,
    bytes: usize,
}

/// A group that still takes commands.
pub(in crate::ledger) struct OpenGroup {
    limits: LogLimits,
    before: Position,
    bytes: GroupBytes,
    items: Vec<FeedItem>,
    waiting: Vec<Waiting>,
    /// Timers that fired in it.
    timers: usize,
    /// Bytes of their entries.
    timer_bytes: usize,
}

impl OpenGroup {
    pub(in crate::ledger) fn after(before: Position, limits: LogLimits) -> Self {
        Self {
            limits,
            before,
            bytes: GroupBytes::new(before.chain),
            items: Vec::new(),
            waiting: Vec::new(),
            timers: 0,
            timer_bytes: 0,
        }
    }

    /// The sizes that the log takes.
    pub(in crate::ledger) fn limits(&self) -> LogLimits {
        self.limits
    }

    /// Whether it takes another command. Commands and timers have room of their own, so that
    /// neither keeps the other waiting.
    pub(in crate::ledger) fn has_room(&self) -> bool {
        self.waiting.len().max(self.items.len() - self.timers) < GROUP_COMMANDS_MAX
            && self.bytes.len() - self.timer_bytes < self.limits.group_bytes_soft()
            && self.bytes.len() < self.limits.group_bytes_full()
    }

    /// Whether another timer may fire in it.
    pub(in crate::ledger) fn has_room_for_timers(&self) -> bool {
        self.timers < TIMERS_PER_GROUP
            && self.timer_bytes < self.limits.group_bytes_soft()
            && self.bytes.len() < self.limits.group_bytes_full()
    }

    /// Bytes that have been written.
    pub(in crate::ledger) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Counts what follows on the first `before` bytes as the entry of a timer, if anything does.
    pub(in crate::ledger) fn count_timer(&mut self, before: usize) {
        let bytes = self.bytes.len() - before;
        self.timers += usize::from(bytes > 0);
        self.timer_bytes += bytes;
    }

    pub(in crate::ledger) fn has_entries(&self) -> bool {
        !self.items.is_empty()
    }

    /// The position of the journal once this group is in it.
    pub(in crate::ledger) fn end(&self) -> Position {
        match self.items.last() {
            Some(item) => Position {
                sequence: item.entry.sequence,
                chain: item.chain,
            },
            None => self.before,
        }
    }

    /// Writes an entry down that is to be applied next; nothing where it is too large to be one.
    pub(in crate::ledger) fn write(&mut self, entry: &Entry) -> Option<Written> {
        let before = self.bytes.len();
        let chain = self
            .bytes
            .push_within(entry, self.limits.entry_bytes_max())?;
        Some(Written {
            chain,
            bytes: self.bytes.len() - before,
        })
    }

    /// Adds the entry that was written down last, once it has been applied.
    pub(in crate::ledger) fn add_entry(&mut self, entry: Entry, written: &Written) -> Arc<Entry> {
        let entry = Arc::new(entry);
        self.items.push(FeedItem {
            entry: entry.clone(),
            chain: written.chain,
            bytes: written.bytes,
        });
        entry
    }

    /// Keeps an answer until everything that it speaks of is durable.
    pub(in crate::ledger) fn add_answer(
        &mut self,
        to: oneshot::Sender<Answer>,
        answer: Result<Outcome, Rejection>,
    ) {
        self.waiting.push(Waiting {
            to,
            answer: answer.map_err(|rejection| LedgerError::Rejected(Box::new(rejection))),
        });
    }

    /// Answers that speak of nothing in this group: of what is durable already, or of the group
    /// before it.
    pub(in crate::ledger) fn take_answers(&mut self) -> Answers {
        Answers(std::mem::take(&mut self.waiting))
    }

    /// What is to be appended.
    pub(in crate::ledger) fn close(self) -> (Group, Answers, Vec<FeedItem>) {
        let end = self.end();
        let group = Group {
            first: self.before.sequence + 1,
            last: end.sequence,
            chain_before: self.before.chain,
            chain: end.chain,
            bytes: self.bytes.into_bytes().into(),
        };
        (group, Answers(self.waiting), self.items)
    }
}

/// Answers that wait for something to become durable.
pub(in crate::ledger) struct Answers(Vec<Waiting>);

impl Answers {
    pub(in crate::ledger) fn join(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Gives them. One who has gone away is not missed: what he asked for has been done.
    pub(in crate::ledger) fn release(self) {
        for waiting in self.0 {
            let _ = waiting.to.send(waiting.answer);
        }
    }

    /// Answers all callers that it cannot be known whether this became durable.
    pub(in crate::ledger) fn fail(self, reason: &Arc<str>) {
        for waiting in self.0 {
            let _ = waiting
                .to
                .send(Err(LedgerError::Unavailable(reason.clone())));
        }
    }
}

/// A group on its way to the disk.
pub(in crate::ledger) struct InFlight {
    pub(in crate::ledger) appended: BoxFuture<'static, Result<(), JournalError>>,
    pub(in crate::ledger) answers: Answers,
    pub(in crate::ledger) items: Vec<FeedItem>,
    /// The World with this group, to be shown once it is durable.
    pub(in crate::ledger) root: Root,
    /// A snapshot to be written from there on.
    pub(in crate::ledger) image: Option<WorldImage>,
}
