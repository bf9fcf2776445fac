//! The result of deciding a command.

use crate::entry::{Answer, Entry};

/// The result of deciding a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The command changes something: append this entry, then apply it.
    Commit(Box<Entry>),
    /// The entry with this sequence decided the same request before: build the answer from it.
    Repeat {
        /// The sequence of that entry.
        sequence: u64,
    },
    /// The command changes nothing. Nothing is stored.
    Unchanged(Answer),
}
