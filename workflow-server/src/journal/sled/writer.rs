//! The writer: the one thread that changes sled. It takes commands in order and answers each when it is durable.
//!
//! It promises: a group that was refused has written nothing; after the first error or panic of a commit nothing is
//! written any more. It must not answer before the sync has returned.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
};

use tokio::sync::{mpsc, oneshot};

use super::super::{
    BATCH_KEYS_MAX, Disk, Group, JournalError, Position, fault::Fault, guard, head::HeadThread, lock::DirectoryLock,
};
use super::{chunk, shared::Shared, watchdog::Watchdog};

/// What is asked of the writer.
pub(super) enum Order {
    /// See [`Log::append`](super::super::Log::append).
    Append(Group),
    /// See [`Log::trim`](super::super::Log::trim).
    Trim(u64),
    /// See [`Log::start_at`](super::super::Log::start_at).
    StartAt(Position),
}

/// An order and where its answer goes.
pub(super) type Command = (Order, oneshot::Sender<Result<(), JournalError>>);

// The order of the fields is the order of their end: the head is written, sled closed, then the directory unlocked.
pub(super) struct Writer {
    pub(super) head: HeadThread,
    pub(super) watchdog: Watchdog,
    pub(super) shared: Arc<Shared>,
    pub(super) fault: Arc<Fault>,
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) reserve_bytes: u64,
    pub(super) _lock: Arc<DirectoryLock>,
}

impl Writer {
    /// Works until every handle is gone.
    pub(super) fn run(self, mut commands: mpsc::Receiver<Command>) {
        while let Some((order, answer)) = commands.blocking_recv() {
            let done = catch_unwind(AssertUnwindSafe(|| self.obey(order)));
            let done = done.unwrap_or_else(|panic| {
                Err(self.fault.raise(format!("sled panicked: {}", guard::message(panic.as_ref()))))
            });
            // Nobody waits any more: what was done stays done.
            let _ = answer.send(done);
        }
    }

    fn obey(&self, order: Order) -> Result<(), JournalError> {
        self.fault.check()?;
        match order {
            Order::Append(group) => self.append(&group),
            Order::Trim(upto) => self.trim(upto),
            Order::StartAt(position) => self.start_at(position),
        }
    }

    fn append(&self, group: &Group) -> Result<(), JournalError> {
        group.check_follows(self.shared.bounds().newest)?;
        super::super::files::check_space(&self.dir, self.reserve_bytes, self.disk.as_ref())?;
        let chunks = chunk::encode(group).ok_or(JournalError::Malformed { first: group.first, last: group.last })?;
        let keys = chunks.len();
        let mut batch = sled::Batch::default();
        for (key, value) in chunks {
            batch.insert(&key[..], value);
        }
        self.commit(batch, keys)?;
        self.shared.change(|bounds| bounds.newest = group.end());
        self.head.tell(group.end());
        Ok(())
    }

    fn trim(&self, upto: u64) -> Result<(), JournalError> {
        // The head must stay within the log, or the next open could not compare them.
        let newest = self.shared.bounds().newest.sequence;
        self.watchdog.watch(|| self.head.wait_for(upto.min(newest)))?;
        while let Some((batch, keys, base)) = self.next_trim(upto)? {
            // Readers are turned away before anything is gone from under them.
            self.shared.change(|bounds| bounds.base = base);
            self.commit(batch, keys)?;
        }
        Ok(())
    }

    /// The removal of the oldest groups up to `upto`, as many as fit in one batch; `None` when there are none.
    fn next_trim(&self, upto: u64) -> Result<Option<(sled::Batch, usize, Position)>, JournalError> {
        let mut base = self.shared.bounds().base;
        let mut batch = sled::Batch::default();
        // One for the base record.
        let mut keys = 1;
        for group in super::read::groups(&self.shared.tree, base.sequence + 1) {
            let group = group?;
            let chunks = chunk::chunks(group.bytes.len());
            if group.last > upto || keys + chunks > BATCH_KEYS_MAX {
                break;
            }
            for index in (0_u16..).take(chunks) {
                batch.remove(&chunk::key(group.first, index)[..]);
            }
            keys += chunks;
            base = group.end();
        }
        batch.insert(chunk::BASE, chunk::encode_base(base));
        Ok((keys > 1).then_some((batch, keys, base)))
    }

    fn start_at(&self, position: Position) -> Result<(), JournalError> {
        let newest = self.shared.bounds().newest;
        if newest.sequence != 0 {
            return Err(JournalError::NotEmpty { newest: newest.sequence });
        }
        let mut batch = sled::Batch::default();
        batch.insert(chunk::BASE, chunk::encode_base(position));
        self.commit(batch, 1)?;
        self.shared.change(|bounds| (bounds.base, bounds.newest) = (position, position));
        self.head.tell(position);
        Ok(())
    }

    fn commit(&self, batch: sled::Batch, keys: usize) -> Result<(), JournalError> {
        let done = self.watchdog.watch(|| self.shared.tree.commit(batch, keys));
        done.map_err(|reason| self.fault.raise(reason))
    }
}
