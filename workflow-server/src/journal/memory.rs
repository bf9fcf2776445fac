//! The log and the vault in memory, with faults on request: for tests of what stands above them,
//! and for simulations.
//!
//! [`MemoryStore`] is a cheap handle on shared content. Log and vault of one handle are one
//! process's: after a failure they stay in error. [`MemoryStore::restart`] returns the handle of
//! another process on the same content: one after this process, or beside it. It keeps every rule
//! of the traits, except that nothing outlives the last handle.

mod log;
mod vault;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use tokio::sync::watch;

use self::log::{MemoryLog, MemoryLogWriter};
use self::vault::{MemoryVault, MemoryVaultWriter};
use super::{
    Bounds, FORMAT, Group, Identity, JournalError, Leading, Log, Position, Storage, Term, Vault,
};

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
struct Content {
    /// The newest leader's.
    term: Term,
    /// How many writes are still carried out before the term ends without another leader, as if
    /// one began and ended.
    writes_left: Option<u64>,
    /// Writes are carried out whatever their term.
    ignores_terms: bool,
    written: Vec<Written>,
    changes: watch::Sender<Bounds>,
    base: Position,
    groups: Vec<Group>,
    blobs: BTreeMap<String, Blob>,
    keys: BTreeMap<String, Bytes>,
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
struct Blob {
    /// Offset and content of each frame.
    frames: Vec<(u64, Bytes)>,
    end: u64,
}

/// One process's view of the content.
struct Shared {
    content: Arc<Mutex<Content>>,
    /// The appends still to be counted until the fault, and where it strikes.
    fault: Mutex<Option<(u64, FailAt)>>,
    failed: OnceLock<String>,
    held: watch::Sender<bool>,
    is_full: AtomicBool,
    is_cut_off: AtomicBool,
    identity: Identity,
    waiting: watch::Sender<usize>,
}

/// A store in memory. Clones are handles of the same process.
#[derive(Clone)]
pub struct MemoryStore(Arc<Shared>);

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::over(Arc::default())
    }

    fn over(content: Arc<Mutex<Content>>) -> Self {
        let shared = Shared {
            content,
            fault: Mutex::new(None),
            failed: OnceLock::new(),
            held: watch::Sender::new(false),
            is_full: AtomicBool::new(false),
            is_cut_off: AtomicBool::new(false),
            identity: identity(),
            waiting: watch::Sender::new(0),
        };
        Self(Arc::new(shared))
    }

    /// A handle of another process: the same durable content, no failure, no fault, nothing held.
    #[must_use]
    pub fn restart(&self) -> Self {
        Self::over(Arc::clone(&self.0.content))
    }

    /// What the log keeps.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        lock(&self.0.content).bounds()
    }

    /// Makes the `nth` append from now on fail (1: the next one that is well formed), and with it
    /// all later writing.
    pub fn fail_append(&self, nth: u64, at: FailAt) {
        *lock(&self.0.fault) = Some((nth.max(1), at));
    }

    /// Says whether the disk is at its reserve from now on.
    pub fn set_full(&self, is_full: bool) {
        self.0.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Says whether this process is cut off from the store: then it neither reads nor writes.
    pub fn cut_off(&self, is_cut_off: bool) {
        self.0.is_cut_off.store(is_cut_off, Ordering::Relaxed);
    }

    /// Ends the term of the leader after so many more writes, of whatever kind and of whichever
    /// process.
    pub fn end_term_after(&self, writes: u64) {
        lock(&self.0.content).writes_left = Some(writes);
    }

    /// From now on writes are carried out whatever their term: what happens without terms.
    pub fn ignore_terms(&self) {
        lock(&self.0.content).ignores_terms = true;
    }

    /// Every write that was carried out, in order.
    #[must_use]
    pub fn written(&self) -> Vec<Written> {
        lock(&self.0.content).written.clone()
    }

    /// From now on appends wait, nothing stored, until [`Self::release_appends`].
    pub fn hold_appends(&self) {
        self.0.held.send_replace(true);
    }

    /// Lets the held appends go on.
    pub fn release_appends(&self) {
        self.0.held.send_replace(false);
    }

    /// Returns once at least `count` appends are held.
    pub async fn appends_held(&self, count: usize) {
        let mut waiting = self.0.waiting.subscribe();
        // The sender lives as long as `self`.
        let _ = waiting.wait_for(|waiting| *waiting >= count).await;
    }
}

impl Storage for MemoryStore {
    fn log(&self) -> Arc<dyn Log> {
        Arc::new(MemoryLog(Arc::clone(&self.0)))
    }

    fn vault(&self) -> Arc<dyn Vault> {
        Arc::new(MemoryVault(Arc::clone(&self.0)))
    }

    fn identity(&self) -> &Identity {
        &self.0.identity
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn changes(&self) -> watch::Receiver<Bounds> {
        lock(&self.0.content).changes.subscribe()
    }

    fn newest_term(&self) -> BoxFuture<'_, Result<Term, JournalError>> {
        async move { self.0.reached().map(|()| lock(&self.0.content).term) }.boxed()
    }

    fn lead(&self, term: Term) -> BoxFuture<'_, Result<Leading, JournalError>> {
        async move {
            self.0.reached()?;
            let mut content = lock(&self.0.content);
            if term <= content.term {
                return Err(JournalError::Deposed {
                    term,
                    newest: content.term,
                });
            }
            content.term = term;
            let log = MemoryLogWriter {
                shared: Arc::clone(&self.0),
                term,
            };
            let vault = MemoryVaultWriter {
                shared: Arc::clone(&self.0),
                term,
            };
            Ok(Leading::new(term, Arc::new(log), Arc::new(vault)))
        }
        .boxed()
    }
}

impl Content {
    /// Refuses the writes of a leader that another one has deposed, and notes the others.
    fn write(&mut self, term: Term, what: impl Into<String>) -> Result<(), JournalError> {
        if let Some(left) = &mut self.writes_left {
            let is_last = *left == 0;
            *left = left.saturating_sub(1);
            if is_last {
                (self.writes_left, self.term) = (None, self.term.next());
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
            what: what.into(),
        });
        Ok(())
    }
}

/// Every store in memory is the same one, for tests that compare what they wrote.
fn identity() -> Identity {
    Identity {
        epoch: "0".repeat(32),
        hash_key: [7; 16],
        format: FORMAT,
        created_at_millis: 0,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
