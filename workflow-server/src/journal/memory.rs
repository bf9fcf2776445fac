//! The log and the vault in memory, with faults on request: for tests of what stands above them, and for simulations.
//!
//! [`MemoryStore`] is a cheap handle on shared content. Log and vault of one handle are one process's: after a failure
//! they stay in error. [`MemoryStore::restart`] gives the next process's handle on the same content. It keeps every rule of
//! the traits, except that nothing outlives the last handle.

mod log;
mod vault;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::watch;

use super::{Group, Log, Position, Vault};

use self::{log::MemoryLog, vault::MemoryVault};

/// Where in an append a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailAt {
    /// Nothing of the group is stored.
    BeforeStored,
    /// The group is stored and durable, but the answer is an error: as when a sync's answer is lost.
    AfterStored,
}

/// What outlives a restart.
#[derive(Default)]
struct Content {
    base: Position,
    groups: Vec<Group>,
    blobs: BTreeMap<String, Blob>,
    keys: BTreeMap<String, Bytes>,
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
            waiting: watch::Sender::new(0),
        };
        Self(Arc::new(shared))
    }

    /// A handle of the next process: the same durable content, no failure, no fault, nothing held. Handles of the old
    /// process must not be written through any more.
    #[must_use]
    pub fn restart(&self) -> Self {
        Self::over(Arc::clone(&self.0.content))
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> Arc<dyn Log> {
        Arc::new(MemoryLog(Arc::clone(&self.0)))
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> Arc<dyn Vault> {
        Arc::new(MemoryVault(Arc::clone(&self.0)))
    }

    /// Makes the `nth` append from now on fail (1: the next one that is well formed), and with it all later writing.
    pub fn fail_append(&self, nth: u64, at: FailAt) {
        *lock(&self.0.fault) = Some((nth.max(1), at));
    }

    /// Says whether the disk is at its reserve from now on.
    pub fn set_full(&self, is_full: bool) {
        self.0.is_full.store(is_full, Ordering::Relaxed);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
