//! Why the history cannot be read.

use thiserror::Error;

use crate::journal::JournalError;
use crate::ledger::read::feed::FeedError;
use crate::records::RecordError;

/// Why the history cannot be read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// There is no such entry.
    #[error("there is no entry {0} in the history")]
    NoSuchEntry(u64),
    /// The feed or journal could not be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// A chunk could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A chunk could not be decoded.
    #[error(transparent)]
    Record(#[from] RecordError),
}
