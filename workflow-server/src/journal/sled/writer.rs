//! The writer appends groups to the tail, one at a time. A thread takes the orders and answers each
//! when it is durable. If the writer is free, an append may run on the thread of its caller instead.
//!
//! Promise: a refused group has written nothing. After the first error of a write, nothing is
//! written any more. Must not: answer before the sync has returned.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc as threads};
use std::time::Instant;

use tokio::sync::mpsc;

use super::orders::{Answer, Message, WriterOrder};
use super::shared::Shared;
use super::watchdog::Watchdog;
use crate::journal::fault::Fault;
use crate::journal::head::HeadThread;
use crate::journal::lock::DirectoryLock;
use crate::journal::tail::Tail;
use crate::journal::{Disk, Group, JournalError, LOOK_BYTES_MAX, MOVE_BYTES, files};

// The fields are dropped in this order. The mover ends after its last sender is dropped, and closes
// sled. Then the directory is unlocked.
pub(super) struct Writer {
    pub(super) tail: Tail,
    pub(super) head: Arc<HeadThread>,
    pub(super) watchdog: Watchdog,
    pub(super) shared: Arc<Shared>,
    pub(super) mover: threads::Sender<Message>,
    pub(super) fault: Arc<Fault>,
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) reserve_bytes: u64,
    pub(super) look: Look,
    pub(super) _lock: Arc<DirectoryLock>,
}

/// When the free space was checked, and how much was written since.
#[derive(Debug, Default)]
pub(super) struct Look {
    at: Option<Instant>,
    bytes: usize,
}

/// Works until every handle is dropped.
pub(super) fn run(writer: &Mutex<Writer>, mut orders: mpsc::Receiver<(WriterOrder, Answer)>) {
    while let Some((order, answer)) = orders.blocking_recv() {
        let mut locked = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let done = match order {
            WriterOrder::Append(group) => locked.append(&group),
            WriterOrder::ClearTail => locked.clear_tail(),
        };
        drop(locked);
        // If the caller no longer waits, the change stays.
        let _ = answer.send(done);
    }
}

impl Writer {
    pub(super) fn append(&mut self, group: &Group) -> Result<(), JournalError> {
        self.fault.check()?;
        group.check_follows(self.shared.bounds().newest)?;
        if self.is_look_due(group.bytes.len()) {
            // After a refusal the disk is checked again next time.
            let at = self.look.at.take();
            files::check_space(&self.dir, self.reserve_bytes, self.disk.as_ref())?;
            self.look.at = at;
        }
        if self.tail.takes(group) {
            self.write(group)?;
            self.hand_to_mover(group);
        } else {
            // The group is durable when it is in sled.
            self.hand_to_mover(group);
            self.wait_moved(group.last)?;
            self.tail.skip();
        }
        self.shared.change(|bounds| bounds.newest = group.end());
        self.head.note_durable(group.end());
        Ok(())
    }

    fn write(&mut self, group: &Group) -> Result<(), JournalError> {
        self.wait_moved(self.tail.needs_moved(group))?;
        let Self { tail, watchdog, .. } = self;
        watchdog.watch(|| tail.append(group)).map_err(|error| {
            let path = self.tail.path().display();
            self.fault.raise(format!("writing {path}: {error}"))
        })
    }

    /// Lets the mover write a group to sled, soon or now.
    fn hand_to_mover(&self, group: &Group) {
        let (before, was_idle) = self.shared.add_waiting(group.clone());
        let is_full = before < MOVE_BYTES && before + group.bytes.len() >= MOVE_BYTES;
        if is_full {
            self.wake_mover(Message::MoveNow);
        } else if was_idle {
            self.wake_mover(Message::MoveSoon);
        }
    }

    fn wake_mover(&self, message: Message) {
        // The mover ends after the writer, so it has a receiver.
        let _ = self.mover.send(message);
    }

    /// Waits until sled has all groups up to `upto`.
    fn wait_moved(&self, upto: u64) -> Result<(), JournalError> {
        if self.shared.newest_moved().sequence >= upto {
            return Ok(());
        }
        self.wake_mover(Message::MoveNow);
        self.shared.wait_moved(upto, &self.fault)
    }

    fn clear_tail(&mut self) -> Result<(), JournalError> {
        self.fault.check()?;
        self.wait_moved(self.shared.bounds().newest.sequence)?;
        let Self { tail, watchdog, .. } = self;
        watchdog.watch(|| tail.clear()).map_err(|error| {
            let path = self.tail.path().display();
            self.fault.raise(format!("clearing {path}: {error}"))
        })
    }

    /// Whether an append of this size needs a check of the free space.
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
}
