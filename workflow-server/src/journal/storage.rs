//! A store that several processes may share, and the right to write to it.
//!
//! Promise: at most one [`Leading`] of a store writes at any time. The store itself checks the term
//! of each write. So a process that was paused or disconnected cannot write after another process
//! has taken over.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::watch;

use super::{Bounds, Elections, Identity, JournalError, Leading, Log, Tables, Term, Vault};

/// A store: its readers, and its leader.
pub trait Storage: Send + Sync {
    /// The log, for reading.
    fn log(&self) -> Arc<dyn Log>;

    /// The vault, for reading.
    fn vault(&self) -> Arc<dyn Vault>;

    /// The identity of the store. A persistent store keeps it in its vault.
    fn identity(&self) -> &Identity;

    /// The location of the store for people: a directory or an address, without secrets.
    fn location(&self) -> String;

    /// The places where bytes of the store may remain after their removal, because the store cannot
    /// reach them. For people. Empty if there are none.
    fn out_of_reach(&self) -> &'static [&'static str] {
        &[]
    }

    /// Wakes the followers of the log, and shows its approximate range. A wake-up may be lost, so
    /// only a read shows the exact range.
    fn changes(&self) -> watch::Receiver<Bounds>;

    /// The term of the newest leader. 0 before the first leader, and for a store that only one
    /// process uses.
    fn newest_term(&self) -> BoxFuture<'_, Result<Term, JournalError>>;

    /// Leads with this term. After that, every write with a lower term is refused.
    ///
    /// Errors: [`JournalError::Deposed`] if `term` is not higher than [`Self::newest_term`],
    /// because another process was first.
    fn lead(&self, term: Term) -> BoxFuture<'_, Result<Leading, JournalError>>;

    /// Leads with the next term. Deposes the current leader, if there is one.
    ///
    /// Errors: those of [`Self::newest_term`] and [`Self::lead`].
    fn take_over(&self) -> BoxFuture<'_, Result<Leading, JournalError>> {
        async move { self.lead(self.newest_term().await?.next()).await }.boxed()
    }

    /// The tables that other programs read with SQL, for the leader with this term. `None` if the
    /// store has none.
    fn tables(&self, _term: Term) -> Option<Arc<dyn Tables>> {
        None
    }

    /// Who leads, if several processes share the store. `None` if only one process can use it.
    fn elections(&self) -> Option<Arc<dyn Elections>> {
        None
    }
}
