//! The traits of the log: one reads it, one writes it for one term.

use futures::future::BoxFuture;

use super::{Bounds, Group, JournalError, LogLimits, Position};

/// The ordered log of groups. Sequences begin at 1 and have no gap.
///
/// Any number of readers in any process. Only a [`Leading`](super::Leading) writes.
pub trait Log: Send + Sync {
    /// Returns the groups in order, from the one that contains `from`, until about `bytes_max`
    /// bytes. 0 is the same as 1. Returns at least one group if there is one, and none if `from` is
    /// newer than the newest entry. Returns only durable groups.
    ///
    /// Errors: [`JournalError::Trimmed`] if `from` is older than the oldest entry,
    /// [`JournalError::Damaged`], [`JournalError::Unreachable`].
    fn read(&self, from: u64, bytes_max: usize) -> BoxFuture<'_, Result<Vec<Group>, JournalError>>;

    /// The range of the log, as of the newest durable change.
    ///
    /// Errors: [`JournalError::Unreachable`].
    fn bounds(&self) -> BoxFuture<'_, Result<Bounds, JournalError>>;
}

/// Writes to the log, for one term. After a leader with a higher term has begun, each method
/// returns [`JournalError::Deposed`] and writes nothing.
pub trait LogWriter: Send + Sync {
    /// Appends a group. Returns after the group is durable.
    ///
    /// These errors mean that nothing was written, and allow another try:
    /// [`JournalError::NotContiguous`], [`JournalError::NotLinked`], [`JournalError::Malformed`],
    /// [`JournalError::TooLarge`], [`JournalError::NoSpace`], [`JournalError::DatabaseFull`],
    /// [`JournalError::Unreachable`]. After [`JournalError::Unknown`] only a read shows whether the
    /// log contains the group. Any other error ends all writing.
    fn append(&self, group: Group) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Appends a group on the calling thread. Blocks until the group is durable or refused. Errors
    /// are those of [`append`](Self::append). Returns `None`, and does nothing, if the log cannot
    /// append immediately.
    fn append_here(&self, _group: &Group) -> Option<Result<(), JournalError>> {
        None
    }

    /// Removes whole groups whose last sequence is at most `upto`, oldest first, in small durable
    /// batches.
    fn trim(&self, upto: u64) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Copies the log to new files and removes the old ones, so that no byte of trimmed groups
    /// remains. Appends wait meanwhile, so trim first.
    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Sets the position before the first group. For a store that is filled from a backup.
    ///
    /// Errors: [`JournalError::NotEmpty`] unless the log has never held a sequence.
    fn start_at(&self, position: Position) -> BoxFuture<'_, Result<(), JournalError>>;

    /// The sizes that this log accepts.
    fn limits(&self) -> LogLimits;
}
