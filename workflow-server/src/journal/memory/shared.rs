//! The content that all processes on one memory store share, and the state of each process.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::polls::Polls;
use crate::journal::{Bounds, Group, Identity, JournalError, Position, Term};

/// The point of an append at which it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailAt {
    /// Nothing of the group is stored.
    BeforeStored,
    /// The group is stored and durable, but the append returns an error, as when the answer of a
    /// sync is lost.
    AfterStored,
    /// The store is unreachable. Nothing of the group is stored, and later appends succeed.
    Unreachable,
    /// The connection breaks before the group is stored, and the answer is lost. Later appends
    /// succeed.
    AnswerLostBefore,
    /// The group is stored and durable, and the answer is lost. Later appends succeed.
    AnswerLostAfter,
}

/// The content that survives a restart.
#[derive(Default)]
pub(super) struct Content {
    /// The term of the newest leader.
    pub(super) term: Term,
    /// How many more writes whose text contains this succeed. Then the term ends without a new
    /// leader, as if one began and ended.
    pub(super) writes_left: Option<(String, u64)>,
    /// The writes that were refused because the term had ended.
    pub(super) ended_at: Vec<String>,
    /// Whether writes of any term succeed.
    pub(super) ignores_terms: bool,
    /// Whether a new blob replaces one with the same name.
    pub(super) replaces_blobs: bool,
    pub(super) written: Vec<Written>,
    pub(super) changes: watch::Sender<Bounds>,
    pub(super) base: Position,
    pub(super) groups: Vec<Group>,
    pub(super) blobs: BTreeMap<String, Blob>,
    pub(super) keys: BTreeMap<String, Bytes>,
    pub(super) polls: Polls,
}

/// A write that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The term of the leader that wrote it.
    pub term: Term,
    /// The newest term at that moment.
    pub newest: Term,
    /// The kind of the write, and the name of the blob or key.
    pub what: String,
}

#[derive(Clone, Default)]
pub(super) struct Blob {
    /// The offset and content of each frame.
    pub(super) frames: Vec<(u64, Bytes)>,
    pub(super) end: u64,
}

/// The content as one process sees it.
pub(super) struct Shared {
    pub(super) content: Arc<Mutex<Content>>,
    /// A random number, which distinguishes this process from others.
    pub(super) process: u64,
    /// The newest term that a report of this process has shown.
    pub(super) reported: Mutex<Option<Term>>,
    /// The number of appends before the fault, and where it happens.
    pub(super) fault: Mutex<Option<(u64, FailAt)>>,
    pub(super) failed: OnceLock<String>,
    pub(super) held: watch::Sender<bool>,
    pub(super) is_full: AtomicBool,
    pub(super) is_cut_off: AtomicBool,
    pub(super) identity: Identity,
    pub(super) waiting: watch::Sender<usize>,
}

impl Content {
    /// Refuses the write if another leader has deposed this one. Otherwise notes it.
    pub(super) fn write(
        &mut self,
        term: Term,
        what: impl Into<String>,
    ) -> Result<(), JournalError> {
        let what = what.into();
        if let Some((counted, left)) = &mut self.writes_left
            && what.contains(counted.as_str())
        {
            let is_last = *left == 0;
            *left = left.saturating_sub(1);
            if is_last {
                (self.writes_left, self.term) = (None, self.term.next());
                self.ended_at.push(what.clone());
            }
        }
        if self.term != term && !self.ignores_terms {
            return Err(JournalError::Deposed {
                term,
                newest: self.term,
            });
        }
        self.written.push(Written {
            term,
            newest: self.term,
            what,
        });
        Ok(())
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
