//! The traits of the log: one to read it, one to write it for one term.

use futures::future::BoxFuture;

use super::{Bounds, Group, JournalError, LogLimits, Position};

/// The ordered log of groups. Sequences begin at 1 and have no gap.
///
/// Any number of readers, in any process; only a [`Leading`](super::Leading) writes.
pub trait Log: Send + Sync {
    /// The groups from the one that contains `from` (0 counts as 1), in order, until about
    /// `bytes_max` bytes; at least one if there is one. Empty when `from` is newer than the newest.
    /// Only durable groups are ever read.
    ///
    /// Errors: [`JournalError::Trimmed`] when `from` is older than what is kept,
    /// [`JournalError::Damaged`], [`JournalError::Unreachable`].
    fn read(&self, from: u64, bytes_max: usize) -> BoxFuture<'_, Result<Vec<Group>, JournalError>>;

    /// What is kept, as of the newest durable change.
    ///
    /// Errors: [`JournalError::Unreachable`].
    fn bounds(&self) -> BoxFuture<'_, Result<Bounds, JournalError>>;
}

/// Writes to the log, for one term. After a leader with a higher term has begun, each of these
/// answers [`JournalError::Deposed`] and writes nothing.
pub trait LogWriter: Send + Sync {
    /// Appends a group and makes it durable; answers only then.
    ///
    /// Errors that write nothing and can be tried again: [`JournalError::NotContiguous`],
    /// [`JournalError::NotLinked`], [`JournalError::Malformed`], [`JournalError::TooLarge`],
    /// [`JournalError::NoSpace`], [`JournalError::Unreachable`]. After [`JournalError::Unknown`]
    /// only reading the log shows whether the group is in it. Any other ends all writing.
    fn append(&self, group: Group) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Appends a group on the calling thread, which it blocks until the group is durable or refused.
    /// Errors as of [`append`](Self::append). `None` if this log cannot do that at once: nothing has
    /// happened.
    fn append_here(&self, _group: &Group) -> Option<Result<(), JournalError>> {
        None
    }

    /// Drops whole groups whose last sequence is at most `upto`, oldest first, in bounded durable
    /// batches.
    fn trim(&self, upto: u64) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Copies what is kept to fresh files and removes the old ones, so that no byte remains of what
    /// was trimmed. Appends wait meanwhile: trim first.
    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Sets the position that the first group must follow: for a store that is filled from a
    /// backup.
    ///
    /// Errors: [`JournalError::NotEmpty`] unless the log has never held a sequence.
    fn start_at(&self, position: Position) -> BoxFuture<'_, Result<(), JournalError>>;

    /// The sizes that this log takes.
    fn limits(&self) -> LogLimits;
}
