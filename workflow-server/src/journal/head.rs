//! The head file is beside the log, and holds the newest position that was acknowledged. If the log
//! loses its end, by lost writes or as an older copy, the next open detects this.
//!
//! The file has two slots, each in its own disk block. They are written in turn, so that one is
//! always whole. After acknowledged groups a thread writes and syncs the newest position, at most
//! once in [`HEAD_WRITE_EVERY`]. It skips the positions in between. So the head is never ahead of
//! the log, and the log is never trimmed past the head.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::fault::Fault;
use super::sealed::{self, Fields, SEAL_BYTES};
use super::{Disk, HEAD_WRITE_EVERY, JournalError, Position, files};

/// The name of the file in the data directory.
pub(crate) const FILE: &str = "head";

/// The distance between the slots, so that no disk block has parts of both.
const SLOT_STRIDE: u64 = 4096;
const SLOT_BYTES: usize = 1 + 8 + 8 + SEAL_BYTES;
const VERSION: u8 = 1;

fn slot(position: Position) -> Vec<u8> {
    let mut record = vec![VERSION];
    record.extend_from_slice(&position.sequence.to_le_bytes());
    record.extend_from_slice(&position.chain.to_le_bytes());
    sealed::seal(&mut record, sealed::seed(FILE, 0));
    record
}

fn read_slot(file: &File, index: u64) -> Option<Position> {
    let mut sealed = [0; SLOT_BYTES];
    file.read_exact_at(&mut sealed, index * SLOT_STRIDE).ok()?;
    let mut fields = Fields(sealed::unseal(&sealed, sealed::seed(FILE, 0))?);
    (fields.u8()? == VERSION).then_some(())?;
    Some(Position {
        sequence: fields.u64()?,
        chain: fields.u64()?,
    })
}

/// The content of the head file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The newest position in a readable slot.
    pub(crate) newest: Position,
    /// Whether both slots could be read. If not, the damaged one may have had a newer position.
    pub(crate) whole: bool,
}

/// Reads the head file. `None` if it is missing, or neither slot can be read.
pub(crate) fn read(dir: &Path) -> Option<Head> {
    let file = File::open(dir.join(FILE)).ok()?;
    match (read_slot(&file, 0), read_slot(&file, 1)) {
        (Some(a), Some(b)) => Some(Head {
            newest: if a.sequence > b.sequence { a } else { b },
            whole: true,
        }),
        (Some(newest), None) | (None, Some(newest)) => Some(Head {
            newest,
            whole: false,
        }),
        (None, None) => None,
    }
}

/// Replaces the head file by one with `position` in both slots.
pub(crate) fn write(dir: &Path, position: Position, disk: &dyn Disk) -> io::Result<()> {
    let mut bytes = slot(position);
    bytes.resize(usize::try_from(SLOT_STRIDE).map_err(io::Error::other)?, 0);
    bytes.extend_from_slice(&slot(position));
    bytes.resize(bytes.len().next_power_of_two(), 0);
    files::replace(dir, FILE, &bytes, disk)
}

struct State {
    wanted: Position,
    written: u64,
    /// Whether a caller waits for the write.
    is_urgent: bool,
    /// Whether the thread waits for a new position, not for the end of its interval.
    is_idle: bool,
    stop: bool,
}

struct Shared {
    state: Mutex<State>,
    /// Wakes the thread when it has work.
    wanted: Condvar,
    /// Wakes the callers when the thread has written.
    written: Condvar,
    fault: Arc<Fault>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that writes the head file. On drop it writes the newest position first.
pub(crate) struct HeadThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl HeadThread {
    /// Starts the thread. [`write`] must have written `position` before.
    pub(crate) fn start(
        dir: &Path,
        position: Position,
        fault: Arc<Fault>,
        disk: Arc<dyn Disk>,
    ) -> io::Result<Self> {
        let path = dir.join(FILE);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let state = Mutex::new(State {
            wanted: position,
            written: position.sequence,
            is_urgent: false,
            is_idle: false,
            stop: false,
        });
        let shared = Arc::new(Shared {
            state,
            wanted: Condvar::new(),
            written: Condvar::new(),
            fault,
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("journal-head".to_owned())
            .spawn(move || keep(&of_thread, &file, &path, disk.as_ref()))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Notes that the log is durable up to this position. Does not wait.
    pub(crate) fn note_durable(&self, position: Position) {
        let mut state = self.shared.state();
        state.wanted = position;
        // The thread wakes at the end of its interval without this.
        if state.is_idle {
            self.shared.wanted.notify_one();
        }
    }

    /// Waits until the head file has at least `sequence`. [`note_durable`](Self::note_durable) must
    /// have been called for it.
    pub(crate) fn wait_for(&self, sequence: u64) -> Result<(), JournalError> {
        let mut state = self.shared.state();
        while state.written < sequence {
            self.shared.fault.check()?;
            state.is_urgent = true;
            self.shared.wanted.notify_one();
            state = self
                .shared
                .written
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

impl Drop for HeadThread {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.wanted.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread stops without help. After a panic it has nothing left to write.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Waits until a position should be written, and returns it. `None` at the end.
    fn next(&self, last: Option<Instant>) -> Option<Position> {
        let mut state = self.state();
        loop {
            let is_new = state.wanted.sequence != state.written;
            if state.stop {
                return is_new.then_some(state.wanted);
            }
            let wait = last.map(|last| HEAD_WRITE_EVERY.saturating_sub(last.elapsed()));
            let wait = wait.filter(|wait| is_new && !state.is_urgent && !wait.is_zero());
            if let Some(wait) = wait {
                let waited = self.wanted.wait_timeout(state, wait);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else if is_new {
                state.is_urgent = false;
                return Some(state.wanted);
            } else {
                state.is_idle = true;
                let waited = self.wanted.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                state.is_idle = false;
            }
        }
    }
}

fn keep(shared: &Shared, file: &File, path: &Path, disk: &dyn Disk) {
    let (mut index, mut last) = (0, None);
    while let Some(position) = shared.next(last) {
        last = Some(Instant::now());
        let written = file
            .write_all_at(&slot(position), index * SLOT_STRIDE)
            .and_then(|()| disk.sync_data(file, path));
        if let Err(error) = written {
            shared
                .fault
                .raise(format!("syncing {}: {error}", path.display()));
            // With the lock, no caller is between its check for the failure and its wait.
            drop(shared.state());
            shared.written.notify_all();
            return;
        }
        index = 1 - index;
        shared.state().written = position.sequence;
        shared.written.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::RealDisk;

    fn at(sequence: u64) -> Position {
        Position {
            sequence,
            chain: sequence * 31,
        }
    }

    fn kept_up_to(dir: &Path, sequences: &[u64]) {
        write(dir, at(0), &RealDisk).unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let fault = Arc::new(Fault::new(dir, Arc::clone(&disk)));
        let thread = HeadThread::start(dir, at(0), fault, disk).unwrap();
        for &sequence in sequences {
            thread.note_durable(at(sequence));
            thread.wait_for(sequence).unwrap();
        }
    }

    #[test]
    fn the_newest_position_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        kept_up_to(dir.path(), &[1, 5, 9]);
        assert_eq!(
            read(dir.path()),
            Some(Head {
                newest: at(9),
                whole: true
            })
        );
    }

    #[test]
    fn a_position_noted_right_before_the_end_is_written() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), at(0), &RealDisk).unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let fault = Arc::new(Fault::new(dir.path(), Arc::clone(&disk)));
        let thread = HeadThread::start(dir.path(), at(0), fault, disk).unwrap();
        thread.note_durable(at(7));
        drop(thread);
        assert_eq!(read(dir.path()).unwrap().newest, at(7));
    }

    #[test]
    fn one_damaged_slot_is_tolerated_and_two_are_not() {
        let dir = tempfile::tempdir().unwrap();
        kept_up_to(dir.path(), &[1, 2]);
        let file = OpenOptions::new()
            .write(true)
            .open(dir.path().join(FILE))
            .unwrap();
        file.write_all_at(b"x", SLOT_STRIDE + 3).unwrap();
        assert_eq!(
            read(dir.path()),
            Some(Head {
                newest: at(1),
                whole: false
            })
        );
        file.write_all_at(b"x", 3).unwrap();
        assert_eq!(read(dir.path()), None);
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        assert_eq!(read(dir.path()), None);
    }
}
