//! What the processes on one store in memory share, and what each of them has of its own.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::journal::{Bounds, Group, Identity, JournalError, Position, Term};

/// Where in an append a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailAt {
    /// Nothing of the group is stored.
    BeforeStored,
    /// The group is stored and durable, but the answer is an error: as when a sync's answer is
    /// lost.
    AfterStored,
    /// The store is not reached; nothing of the group is stored, and later appends succeed.
    Unreachable,
    /// The connection breaks before the group is stored, and the answer is lost. Later appends
    /// succeed.
    AnswerLostBefore,
    /// The group is stored and durable, and the answer is lost. Later appends succeed.
    AnswerLostAfter,
}

/// What outlives a restart.
#[derive(Default)]
pub(super) struct Content {
    /// The newest leader's.
    pub(super) term: Term,
    /// How many writes whose text holds this are still carried out before the term ends without
    /// another leader, as if one began and ended.
    pub(super) writes_left: Option<(String, u64)>,
    /// The writes that were refused because the term ended at them.
    pub(super) ended_at: Vec<String>,
    /// Writes of any term are carried out.
    pub(super) ignores_terms: bool,
    /// A blob replaces one with its name.
    pub(super) replaces_blobs: bool,
    pub(super) written: Vec<Written>,
    pub(super) changes: watch::Sender<Bounds>,
    pub(super) base: Position,
    pub(super) groups: Vec<Group>,
    pub(super) blobs: BTreeMap<String, Blob>,
    pub(super) keys: BTreeMap<String, Bytes>,
}

/// A write that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The term of the leader that wrote.
    pub term: Term,
    /// The newest term when it was written.
    pub newest: Term,
    /// What was written, and the name of the blob or key.
    pub what: String,
}

#[derive(Clone, Default)]
pub(super) struct Blob {
    /// Offset and content of each frame.
    pub(super) frames: Vec<(u64, Bytes)>,
    pub(super) end: u64,
}

/// One process's view of the content.
pub(super) struct Shared {
    pub(super) content: Arc<Mutex<Content>>,
    /// The appends still to be counted until the fault, and where it strikes.
    pub(super) fault: Mutex<Option<(u64, FailAt)>>,
    pub(super) failed: OnceLock<String>,
    pub(super) held: watch::Sender<bool>,
    pub(super) is_full: AtomicBool,
    pub(super) is_cut_off: AtomicBool,
    pub(super) identity: Identity,
    pub(super) waiting: watch::Sender<usize>,
}

impl Content {
    /// Refuses the writes of a leader that another one has deposed, and notes the others.
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
