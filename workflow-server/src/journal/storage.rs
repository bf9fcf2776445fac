//! A store that several processes may share, and who may write to it.
//!
//! Promise: at most one [`Leading`] of a store writes at any time. The store itself checks the term
//! of each write, so that a process which was paused or cut off cannot write after another one has
//! taken over.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::watch;

use super::{Bounds, Identity, JournalError, Log, LogWriter, Term, Vault, VaultWriter};

/// A store: who reads it, and who leads it.
pub trait Storage: Send + Sync {
    /// The log, to read.
    fn log(&self) -> Arc<dyn Log>;

    /// The vault, to read.
    fn vault(&self) -> Arc<dyn Vault>;

    /// Which store it is. A store that outlives its process keeps this in its vault.
    fn identity(&self) -> &Identity;

    /// Where it is, for people: a directory or an address, without secrets.
    fn location(&self) -> String;

    /// Wakes those who follow the log: shows what the log keeps, about as of now. A wake-up may be
    /// lost; reading shows the truth.
    fn changes(&self) -> watch::Receiver<Bounds>;

    /// The term of the newest leader; 0 before anybody has led, and where one process has the store
    /// for itself.
    fn newest_term(&self) -> BoxFuture<'_, Result<Term, JournalError>>;

    /// Leads with this term from now on: every write with a lower term is refused.
    ///
    /// Errors: [`JournalError::Deposed`] where `term` is not higher than [`Self::newest_term`]:
    /// somebody else was first.
    fn lead(&self, term: Term) -> BoxFuture<'_, Result<Leading, JournalError>>;

    /// Leads with the next term, and deposes the leader that there may be.
    ///
    /// Errors: those of [`Self::newest_term`] and [`Self::lead`].
    fn take_over(&self) -> BoxFuture<'_, Result<Leading, JournalError>> {
        async move { self.lead(self.newest_term().await?.next()).await }.boxed()
    }
}

/// The right to write to a store for one term. Clones are of the same leader.
#[derive(Clone)]
pub struct Leading {
    term: Term,
    log: Arc<dyn LogWriter>,
    vault: Arc<dyn VaultWriter>,
}

impl Leading {
    /// For implementations of [`Storage::lead`], and for those that wrap one.
    #[must_use]
    pub fn new(term: Term, log: Arc<dyn LogWriter>, vault: Arc<dyn VaultWriter>) -> Self {
        Self { term, log, vault }
    }

    /// The term that is written with.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term
    }

    /// Writes to the log.
    #[must_use]
    pub fn log(&self) -> &dyn LogWriter {
        self.log.as_ref()
    }

    /// Writes to the vault.
    #[must_use]
    pub fn vault(&self) -> &dyn VaultWriter {
        self.vault.as_ref()
    }

    /// The two writers, for implementations of [`Storage`] that wrap another one.
    #[must_use]
    pub fn into_writers(self) -> (Arc<dyn LogWriter>, Arc<dyn VaultWriter>) {
        (self.log, self.vault)
    }
}
