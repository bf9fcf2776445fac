//! Why a step of upkeep failed.

use crate::journal::JournalError;
use crate::ledger::LedgerError;
use crate::ledger::read::history::HistoryError;

/// Why a step of upkeep failed. The next round tries it again.
#[derive(Debug, thiserror::Error)]
pub(in crate::ledger) enum KeepError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{0} was interrupted")]
    CutOff(&'static str),
    /// A person must act first. Contains the whole sentence for that person.
    #[error("{0}")]
    Waits(String),
}
