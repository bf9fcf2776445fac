//! The right to write to a store for one term.

use std::sync::Arc;

use super::{LogWriter, Term, VaultWriter};

/// The right to write to a store for one term. All clones belong to the same leader.
#[derive(Clone)]
pub struct Leading {
    term: Term,
    log: Arc<dyn LogWriter>,
    vault: Arc<dyn VaultWriter>,
}

impl Leading {
    /// For implementations of [`Storage::lead`](super::Storage::lead), and for wrappers.
    #[must_use]
    pub fn new(term: Term, log: Arc<dyn LogWriter>, vault: Arc<dyn VaultWriter>) -> Self {
        Self { term, log, vault }
    }

    /// The term of this leader.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term
    }

    /// The writer of the log.
    #[must_use]
    pub fn log(&self) -> &dyn LogWriter {
        self.log.as_ref()
    }

    /// The writer of the vault.
    #[must_use]
    pub fn vault(&self) -> &dyn VaultWriter {
        self.vault.as_ref()
    }

    /// The two writers, for implementations of [`Storage`](super::Storage) that wrap another store.
    #[must_use]
    pub fn into_writers(self) -> (Arc<dyn LogWriter>, Arc<dyn VaultWriter>) {
        (self.log, self.vault)
    }
}
