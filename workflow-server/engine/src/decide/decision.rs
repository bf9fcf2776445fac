//! The result of deciding a command.

use crate::entry::{Answer, Entry};

/// The result of deciding a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It changes something: append this, and apply it.
    Commit(Box<Entry>),
    /// The same request was decided before, by the entry with this sequence: answer from that.
    Repeat {
        /// The entry's sequence.
        sequence: u64,
    },
    /// It changes nothing, and leaves nothing to remember.
    Unchanged(Answer),
}
