//! The writer changes sled, one order at a time. A thread takes the orders and answers each when it
//! is durable. If the writer is free, an append may run on the thread of its caller instead.
//!
//! Promise: a refused group has written nothing. After the first error or panic of a commit,
//! nothing is written any more. Must not: answer before the sync has returned.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::shared::Shared;
use super::watchdog::Watchdog;
use super::{Place, Tree, Verified, chunk, copy};
use crate::journal::fault::Fault;
use crate::journal::head::HeadThread;
use crate::journal::lock::DirectoryLock;
use crate::journal::{
    BATCH_KEYS_MAX, Disk, Group, JournalError, LOOK_BYTES_MAX, OpenError, Position,
    TRIM_BATCH_BYTES, current, files, guard,
};

/// An order to the writer.
pub(super) enum Order {
    /// See [`LogWriter::append`](crate::journal::LogWriter::append).
    Append(Group),
    /// See [`LogWriter::trim`](crate::journal::LogWriter::trim).
    Trim(u64),
    /// See [`LogWriter::renew`](crate::journal::LogWriter::renew).
    Renew,
    /// See [`LogWriter::start_at`](crate::journal::LogWriter::start_at).
    StartAt(Position),
}

/// An order, and the channel for its answer.
pub(super) type Command = (Order, oneshot::Sender<Result<(), JournalError>>);

// The fields are dropped in this order: the head is written, sled is closed, then the directory is
// unlocked.
pub(super) struct Writer {
    pub(super) head: HeadThread,
    pub(super) watchdog: Watchdog,
    pub(super) shared: Arc<Shared>,
    pub(super) fault: Arc<Fault>,
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) reserve_bytes: u64,
    pub(super) open_limit: Duration,
    pub(super) look: Look,
    pub(super) _lock: Arc<DirectoryLock>,
}

/// When the disk was checked, and how much was written since.
#[derive(Debug, Default)]
pub(super) struct Look {
    at: Option<Instant>,
    bytes: usize,
}

/// Works until every handle is dropped.
pub(super) fn run(writer: &Mutex<Writer>, mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.blocking_recv() {
        obey(writer, command, &mut commands);
    }
}

fn obey(writer: &Mutex<Writer>, (order, answer): Command, commands: &mut mpsc::Receiver<Command>) {
    let done = loop {
        let mut locked = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let done = locked.guarded(|writer| writer.obey(&order));
        drop(locked);
        if done != Ok(true) {
            break done.map(|_| ());
        }
        // Appends are carried out between the steps of a trim.
        while let Ok(command) = commands.try_recv() {
            obey(writer, command, commands);
        }
    };
    // If the caller no longer waits, the change stays.
    let _ = answer.send(done);
}

impl Writer {
    /// Appends a group on the thread of the caller.
    pub(super) fn append_here(&mut self, group: &Group) -> Result<(), JournalError> {
        self.guarded(|writer| {
            writer.fault.check()?;
            writer.append(group)
        })
    }

    /// Carries out an order, or one step of it. Returns whether there may be another step.
    fn obey(&mut self, order: &Order) -> Result<bool, JournalError> {
        self.fault.check()?;
        match order {
            Order::Append(group) => self.append(group)?,
            Order::Trim(upto) => return self.trim_step(*upto),
            Order::Renew => self.renew()?,
            Order::StartAt(position) => self.start_at(*position)?,
        }
        Ok(false)
    }

    /// Runs `work`. A panic ends all writing.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        done.unwrap_or_else(|panic| {
            let panic = guard::message(panic.as_ref());
            Err(self.fault.raise(format!("sled panicked: {panic}")))
        })
    }

    fn append(&mut self, group: &Group) -> Result<(), JournalError> {
        group.check_follows(self.shared.bounds().newest)?;
        let is_look_due = self.is_look_due(group.bytes.len());
        if is_look_due {
            // After a refusal the disk is checked again next time.
            let at = self.look.at.take();
            files::check_space(&self.dir, self.reserve_bytes, self.disk.as_ref())?;
            self.look.at = at;
        }
        let mut chunks = chunk::encode(group).ok_or(JournalError::Malformed {
            first: group.first,
            last: group.last,
        })?;
        let keys = chunks.len();
        match chunks.pop() {
            Some((key, value)) if keys == 1 => {
                self.commit_with(|tree| tree.commit_one(&key, value))?;
            }
            last => {
                let mut batch = sled::Batch::default();
                for (key, value) in chunks.into_iter().chain(last) {
                    batch.insert(&key[..], value);
                }
                self.commit(batch, keys)?;
            }
        }
        if is_look_due {
            self.commit_with(Tree::check_blobs)?;
        }
        self.shared.change(|bounds| bounds.newest = group.end());
        self.head.note_durable(group.end());
        Ok(())
    }

    /// Whether an append of this size needs a check of the disk.
    fn is_look_due(&mut self, bytes: usize) -> bool {
        self.look.bytes += bytes;
        let lasts = self.disk.recheck_after();
        let is_fresh = self.look.at.is_some_and(|at| at.elapsed() < lasts);
        if is_fresh && self.look.bytes <= LOOK_BYTES_MAX {
            return false;
        }
        self.look = Look {
            at: Some(Instant::now()),
            bytes,
        };
        true
    }

    /// Removes some of the oldest groups up to `upto`. Returns whether there may be more.
    fn trim_step(&self, upto: u64) -> Result<bool, JournalError> {
        // The head must stay within the log, because the next open compares the two.
        let newest = self.shared.bounds().newest.sequence;
        self.watchdog
            .watch(|| self.head.wait_for(upto.min(newest)))?;
        let Some((batch, keys, base)) = self.next_trim(upto)? else {
            return Ok(false);
        };
        // The new range is published first, so that readers do not look for removed groups.
        self.shared.change(|bounds| bounds.base = base);
        self.commit(batch, keys)?;
        Ok(true)
    }

    /// A batch that removes the oldest groups up to `upto`, as many as fit. `None` if there are
    /// none.
    fn next_trim(&self, upto: u64) -> Result<Option<(sled::Batch, usize, Position)>, JournalError> {
        let mut base = self.shared.bounds().base;
        let mut batch = sled::Batch::default();
        // One key is for the base record.
        let (mut keys, mut bytes) = (1, 0);
        let tree = self.shared.tree();
        for group in super::read::groups(&tree, base.sequence + 1) {
            let group = group?;
            let chunks = chunk::chunks(group.bytes.len());
            bytes += group.bytes.len();
            if group.last > upto
                || keys + chunks > BATCH_KEYS_MAX
                || (keys > 1 && bytes > TRIM_BATCH_BYTES)
            {
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

    /// Copies the log as after a failure, while it is in use. Until the copy is complete, the old
    /// log stays valid, so nothing is lost.
    fn renew(&self) -> Result<(), JournalError> {
        let tree = self.shared.tree();
        files::check_space(&self.dir, self.reserve_bytes, self.disk.as_ref())?;
        let number = current::read(&self.dir).map_err(|error| failed(&error))?;
        let path = self.dir.join(current::directory(number + 1));
        let to = Place {
            path: path.clone(),
            called: path.clone(),
            ..tree.place.clone()
        };
        let verified = Verified {
            bounds: self.shared.bounds(),
            passes_head: true,
        };
        let copied = guard::guarded(&path, self.open_limit, move |progress| {
            copy(&tree, verified, &to, progress)
        });
        let copied = copied.map_err(|error| {
            // The next open removes files that cannot be removed now.
            let _ = current::remove_others(&self.dir, number, self.disk.as_ref());
            failed(&error)
        })?;
        // If this fails, it is not known which of the two is the log.
        current::write(&self.dir, number + 1, self.disk.as_ref()).map_err(|error| {
            self.fault
                .raise(format!("changing over to the copied log: {error}"))
        })?;
        self.shared.replace_tree(copied);
        current::remove_others(&self.dir, number + 1, self.disk.as_ref())
            .map_err(|error| JournalError::io("removing the old log in", &self.dir, &error))
    }

    fn start_at(&self, position: Position) -> Result<(), JournalError> {
        let newest = self.shared.bounds().newest;
        if newest.sequence != 0 {
            return Err(JournalError::NotEmpty {
                newest: newest.sequence,
            });
        }
        let mut batch = sled::Batch::default();
        batch.insert(chunk::BASE, chunk::encode_base(position));
        self.commit(batch, 1)?;
        self.shared
            .change(|bounds| (bounds.base, bounds.newest) = (position, position));
        self.head.note_durable(position);
        Ok(())
    }

    fn commit(&self, batch: sled::Batch, keys: usize) -> Result<(), JournalError> {
        self.commit_with(|tree| tree.commit(batch, keys))
    }

    fn commit_with(
        &self,
        commit: impl FnOnce(&Tree) -> Result<(), String>,
    ) -> Result<(), JournalError> {
        let done = self.watchdog.watch(|| commit(&self.shared.tree()));
        done.map_err(|reason| self.fault.raise(reason))
    }
}

/// Turns an error into one that says that nothing has changed: the old log is still in use.
fn failed(error: &OpenError) -> JournalError {
    JournalError::Io {
        what: "copying the log to fresh files".to_owned(),
        reason: error.to_string(),
    }
}
