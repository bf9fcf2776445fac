//! A log and a vault in memory, with faults on request: for simulations, and tests of the parts
//! that use a store.
//!
//! [`MemoryStore`] is a cheap handle on shared content. The log and the vault of one handle belong
//! to one process: after a failure they stay failed. [`MemoryStore::restart`] returns the handle of
//! another process on the same content. That process runs after this one, or at the same time. The
//! store obeys every rule of the traits, except that its content ends with the last handle.

mod elections;
mod log;
mod polls;
mod shared;
mod vault;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::watch;

use self::elections::{MemoryElections, lead};
use self::log::MemoryLog;
use self::shared::{Content, Shared, lock};
pub use self::shared::{FailAt, Written};
use self::vault::MemoryVault;
use super::{
    Bounds, Elections, FORMAT, Identity, JournalError, Leading, Log, Storage, Term, Vault,
};

/// A store in memory. Clones are handles of the same process.
#[derive(Clone)]
pub struct MemoryStore(Arc<Shared>);

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::over(Arc::default())
    }

    fn over(content: Arc<Mutex<Content>>) -> Self {
        let shared = Shared {
            content,
            process: rand::random(),
            reported: Mutex::default(),
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

    /// A handle of another process. It has the same durable content, and no failure, fault or held
    /// append.
    #[must_use]
    pub fn restart(&self) -> Self {
        Self::over(Arc::clone(&self.0.content))
    }

    /// The range of the log.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        lock(&self.0.content).bounds()
    }

    /// Makes the `nth` append after this call fail, and all later writing with it. Counts only
    /// well-formed appends, from 1.
    pub fn fail_append(&self, nth: u64, at: FailAt) {
        *lock(&self.0.fault) = Some((nth.max(1), at));
    }

    /// Sets whether the disk is below its reserve.
    pub fn set_full(&self, is_full: bool) {
        self.0.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Sets whether the store is unreachable for this process. It then neither reads nor writes.
    pub fn cut_off(&self, is_cut_off: bool) {
        self.0.is_cut_off.store(is_cut_off, Ordering::Relaxed);
    }

    /// Ends the term of the leader after this many more writes, of any kind and by any process.
    pub fn end_term_after(&self, writes: u64) {
        self.end_term_at("", writes);
    }

    /// Ends the term of the leader after this many more writes whose [`Written::what`] contains
    /// `text`.
    pub fn end_term_at(&self, text: &str, writes: u64) {
        lock(&self.0.content).writes_left = Some((text.to_owned(), writes));
    }

    /// The writes that were refused because the term had ended, in order.
    #[must_use]
    pub fn ended_at(&self) -> Vec<String> {
        lock(&self.0.content).ended_at.clone()
    }

    /// After this call, a new blob replaces one with the same name, as in a vault without that
    /// rule.
    pub fn replace_blobs(&self) {
        lock(&self.0.content).replaces_blobs = true;
    }

    /// After this call, writes of any term succeed, as if there were no terms.
    pub fn ignore_terms(&self) {
        lock(&self.0.content).ignores_terms = true;
    }

    /// Sets what the clock of the store shows now, in milliseconds since 1970.
    pub fn set_clock(&self, millis: i64) {
        lock(&self.0.content).polls.set_clock(millis);
    }

    /// All writes that succeeded, in order.
    #[must_use]
    pub fn written(&self) -> Vec<Written> {
        lock(&self.0.content).written.clone()
    }

    /// After this call, appends wait and store nothing, until [`Self::release_appends`].
    pub fn hold_appends(&self) {
        self.0.held.send_replace(true);
    }

    /// Releases the waiting appends.
    pub fn release_appends(&self) {
        self.0.held.send_replace(false);
    }

    /// Returns once at least `count` appends are waiting.
    pub async fn appends_held(&self, count: usize) {
        let mut waiting = self.0.waiting.subscribe();
        // The sender exists as long as `self`.
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

    fn elections(&self) -> Option<Arc<dyn Elections>> {
        Some(Arc::new(MemoryElections(Arc::clone(&self.0))))
    }

    fn newest_term(&self) -> BoxFuture<'_, Result<Term, JournalError>> {
        async move { self.0.reached().map(|()| lock(&self.0.content).term) }.boxed()
    }

    fn lead(&self, term: Term) -> BoxFuture<'_, Result<Leading, JournalError>> {
        async move { lead(&self.0, term) }.boxed()
    }
}

/// All stores in memory have the same identity, for tests that compare the bytes that two stores
/// wrote.
fn identity() -> Identity {
    Identity {
        epoch: "0".repeat(32),
        hash_key: [7; 16],
        format: FORMAT,
        created_at_millis: 0,
    }
}
