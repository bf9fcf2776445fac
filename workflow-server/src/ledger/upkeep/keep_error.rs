//! Why a step of upkeep failed.

use crate::journal::JournalError;
use crate::ledger::LedgerError;
use crate::ledger::read::history::HistoryError;

/// Why a step of upkeep failed; the next round tries again.
#[derive(Debug, thiserror::Error)]
pub(in crate::ledger) enum KeepError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{0} was cut off")]
    CutOff(&'static str),
    /// A person must do something first. Holds the whole sentence for them.
    #[error("{0}")]
    Waits(String),
}
