//! Tables beside the log, which other programs read with SQL.
//!
//! The tables show what the log says, a moment later. They are never read by the server, and can be
//! filled again from the history at any time. The rows come as text in JSON: the journal does not
//! read them.

use futures::future::BoxFuture;

use super::JournalError;

/// The rows that some entries lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRows {
    /// The sequence that the tables show before these rows.
    pub after: u64,
    /// The sequence of the newest of these entries.
    pub upto: u64,
    /// A JSON array of rows of `follow_up`, each instance at most once. A row replaces that of the
    /// same instance.
    pub follow_ups: String,
    /// A JSON array of rows of `stage_change`.
    pub stage_changes: String,
}

/// The tables, for one term. After a leader with a higher term has begun, each method that writes
/// returns [`JournalError::Deposed`] and writes nothing.
pub trait Tables: Send + Sync {
    /// The sequence of the newest entry that the tables show. 0 if they are empty.
    ///
    /// Errors: [`JournalError::Unreachable`].
    fn upto(&self) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Writes rows, and moves [`Self::upto`], in one step. Writes nothing and returns `false` if
    /// the tables do not end at [`TableRows::after`], because they were emptied meanwhile.
    ///
    /// Errors: [`JournalError::Deposed`], [`JournalError::Unreachable`], [`JournalError::Unknown`].
    fn write(&self, rows: TableRows) -> BoxFuture<'_, Result<bool, JournalError>>;

    /// Clears the personal data of these instances. Their rows stay.
    ///
    /// Errors: those of [`Self::write`].
    fn erase(&self, instances: Vec<String>) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Removes the rows of the instances of a workflow that ended before this time, in milliseconds
    /// since 1970.
    ///
    /// Errors: those of [`Self::write`].
    fn remove_ended(
        &self,
        workflow: String,
        before_millis: i64,
    ) -> BoxFuture<'_, Result<(), JournalError>>;
}
