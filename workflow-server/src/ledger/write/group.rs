//! A group that is being filled, and a group that is being written: entries, and the callers who
//! wait for them.

use std::sync::Arc;

use aftercall_engine::{Entry, Rejection, Root};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::journal::{Group, JournalError, LogLimits, Position};
use crate::ledger::read::feed::FeedItem;
use crate::ledger::{LedgerError, Outcome};
use crate::limits::GROUP_COMMANDS_MAX;
use crate::records::{GroupBytes, WorldImage};

type Answer = Result<Outcome, LedgerError>;

/// A caller who waits, and the answer to send once it is durable.
struct Waiting {
    to: oneshot::Sender<Answer>,
    answer: Answer,
}

/// What `OpenGroup::write` added to the group for one entry.
pub(in crate::ledger) struct Written {
    chain: u64,
    bytes: usize,
}

/// A group that still accepts commands.
pub(in crate::ledger) struct OpenGroup {
    limits: LogLimits,
    before: Position,
    bytes: GroupBytes,
    items: Vec<FeedItem>,
    waiting: Vec<Waiting>,
    /// The number of timers that fired in this group.
    timers: usize,
    /// The size of their entries.
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

    /// The largest sizes that the log accepts.
    pub(in crate::ledger) fn limits(&self) -> LogLimits {
        self.limits
    }

    /// Whether the group accepts another command. Commands and timers have separate room, so that
    /// neither delays the other.
    pub(in crate::ledger) fn has_room(&self) -> bool {
        self.waiting.len().max(self.items.len() - self.timers) < GROUP_COMMANDS_MAX
            && self.bytes.len() - self.timer_bytes < self.limits.group_bytes_soft()
            && self.bytes.len() < self.limits.group_bytes_full()
    }

    /// Whether another timer may fire in this group, if it may have this many.
    pub(in crate::ledger) fn has_room_for_timers(&self, timers_max: usize) -> bool {
        self.timers < timers_max
            && self.timer_bytes < self.limits.group_bytes_soft()
            && self.bytes.len() < self.limits.group_bytes_full()
    }

    /// The number of bytes written so far.
    pub(in crate::ledger) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Counts what was written after the first `before` bytes as the entry of a timer, if there is
    /// any.
    pub(in crate::ledger) fn count_timer(&mut self, before: usize) {
        let bytes = self.bytes.len() - before;
        self.timers += usize::from(bytes > 0);
        self.timer_bytes += bytes;
    }

    /// Whether callers wait for it.
    pub(in crate::ledger) fn has_callers(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(in crate::ledger) fn has_entries(&self) -> bool {
        !self.items.is_empty()
    }

    /// The position of the journal after this group.
    pub(in crate::ledger) fn end(&self) -> Position {
        match self.items.last() {
            Some(item) => Position {
                sequence: item.entry.sequence,
                chain: item.chain,
            },
            None => self.before,
        }
    }

    /// Encodes an entry before it is applied. `None` if the entry is larger than the log accepts.
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

    /// Adds the entry that was encoded last, after it has been applied.
    pub(in crate::ledger) fn add_entry(&mut self, entry: Entry, written: &Written) -> Arc<Entry> {
        let entry = Arc::new(entry);
        self.items.push(FeedItem {
            entry: entry.clone(),
            chain: written.chain,
            bytes: written.bytes,
        });
        entry
    }

    /// Keeps an answer until everything that it reports is durable.
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

    /// Takes the answers of a group without entries. They report only earlier groups.
    pub(in crate::ledger) fn take_answers(&mut self) -> Answers {
        Answers(std::mem::take(&mut self.waiting))
    }

    /// Ends the group. Returns the bytes to append, the answers and the items for the feed.
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

/// Answers that wait until a group is durable.
pub(in crate::ledger) struct Answers(Vec<Waiting>);

impl Answers {
    pub(in crate::ledger) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::ledger) fn join(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Sends the answers. A caller who has disconnected is ignored: the command has been carried
    /// out.
    pub(in crate::ledger) fn release(self) {
        for waiting in self.0 {
            let _ = waiting.to.send(waiting.answer);
        }
    }

    /// Reports to every caller that the server does not know whether the command became durable.
    pub(in crate::ledger) fn fail(self, reason: &Arc<str>) {
        for waiting in self.0 {
            let _ = waiting
                .to
                .send(Err(LedgerError::Unavailable(reason.clone())));
        }
    }
}

/// A group that is being written.
pub(in crate::ledger) struct InFlight {
    pub(in crate::ledger) appended: BoxFuture<'static, Result<(), JournalError>>,
    pub(in crate::ledger) answers: Answers,
    pub(in crate::ledger) items: Vec<FeedItem>,
    /// The World with this group. It is published once the group is durable.
    pub(in crate::ledger) root: Root,
    /// A snapshot to write after this group.
    pub(in crate::ledger) image: Option<WorldImage>,
}
