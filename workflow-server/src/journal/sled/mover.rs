//! The mover moves groups from the tail to sled, many in one commit. It also trims and copies the
//! log. Its thread is the only one that writes to sled.
//!
//! Promise: after the first error or panic of a commit, nothing is written any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::batch::GroupBatch;
use super::orders::{Message, MoverOrder};
use super::shared::Shared;
use super::watchdog::Watchdog;
use super::{Place, Tree, Verified, chunk, copy};
use crate::journal::fault::Fault;
use crate::journal::head::HeadThread;
use crate::journal::lock::DirectoryLock;
use crate::journal::{
    BATCH_KEYS_MAX, Bounds, Disk, Group, JournalError, MOVE_EVERY, OpenError, Position,
    TRIM_BATCH_BYTES, current, files, guard, tail,
};

// The fields are dropped in this order: the head is written, sled is closed, then the directory is
// unlocked.
pub(super) struct Mover {
    pub(super) head: Arc<HeadThread>,
    pub(super) watchdog: Watchdog,
    pub(super) shared: Arc<Shared>,
    pub(super) fault: Arc<Fault>,
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) reserve_bytes: u64,
    pub(super) open_limit: Duration,
    pub(super) tail_bytes: usize,
    pub(super) _lock: Arc<DirectoryLock>,
}

/// Works until the log and its writer are dropped. Then moves what is left.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the mover closes sled on this thread"
)]
pub(super) fn run(mover: Mover, messages: &Receiver<Message>) {
    let mut due: Option<Instant> = None;
    loop {
        let message = match due {
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => messages.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match message {
            Ok(Message::MoveSoon) => {
                due.get_or_insert_with(|| Instant::now() + MOVE_EVERY);
                continue;
            }
            Ok(Message::Order(order, answer)) => {
                let done = mover.guarded(|| mover.obey(&order));
                // If the caller no longer waits, the change stays.
                let _ = answer.send(done);
            }
            Ok(Message::MoveNow) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // After a failure the next open moves the groups.
                let _ = mover.guarded(|| mover.finish());
                return;
            }
        }
        // The writer and the callers see the failure at the fault.
        let moved = mover.guarded(|| mover.move_all());
        due = (moved == Ok(true)).then(|| Instant::now() + MOVE_EVERY);
    }
}

impl Mover {
    /// Runs `work`. A panic ends all writing.
    fn guarded<T>(
        &self,
        work: impl FnOnce() -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let panic = guard::message(panic.as_ref());
            Err(self.fault.raise(format!("sled panicked: {panic}")))
        });
        if self.fault.reason().is_some() {
            self.shared.note_failed();
        }
        done
    }

    fn obey(&self, order: &MoverOrder) -> Result<(), JournalError> {
        self.fault.check()?;
        match order {
            MoverOrder::Trim(upto) => self.trim(*upto),
            MoverOrder::Copy => self.copy(),
            MoverOrder::StartAt(position) => self.start_at(*position),
        }
    }

    /// Moves the groups that wait now. Returns whether others wait.
    fn move_all(&self) -> Result<bool, JournalError> {
        self.fault.check()?;
        let upto = self.shared.bounds().newest.sequence;
        loop {
            let groups = self.shared.oldest_waiting();
            let Some(last) = groups.last().map(Group::end) else {
                return Ok(false);
            };
            self.commit_with(|tree| {
                let mut batch = GroupBatch::default();
                for group in &groups {
                    if !batch.has_room(group) {
                        batch.commit(tree)?;
                    }
                    batch.add(group)?;
                }
                batch.commit(tree)
            })?;
            let has_more = self.shared.note_moved(last);
            if last.sequence >= upto {
                return Ok(has_more);
            }
        }
    }

    /// Moves everything, and empties the tail. So the next open finds out if sled loses its end while
    /// the store is closed. The writer has ended.
    fn finish(&self) -> Result<(), JournalError> {
        self.move_all()?;
        tail::renew(&self.dir, self.tail_bytes, self.disk.as_ref())
            .map_err(|error| JournalError::io("emptying the tail in", &self.dir, &error))
    }

    fn trim(&self, upto: u64) -> Result<(), JournalError> {
        while self.trim_step(upto)? {}
        Ok(())
    }

    /// Removes some of the oldest groups up to `upto`. Returns whether there may be more.
    fn trim_step(&self, upto: u64) -> Result<bool, JournalError> {
        self.move_all()?;
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
    /// log stays valid, so nothing is lost. Appends continue in the tail meanwhile.
    fn copy(&self) -> Result<(), JournalError> {
        self.move_all()?;
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
            bounds: Bounds {
                base: self.shared.bounds().base,
                newest: self.shared.newest_moved(),
            },
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
        self.shared.note_moved(position);
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
