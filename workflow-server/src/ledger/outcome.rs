//! The durable result of a command.

use std::sync::Arc;

use aftercall_engine::Entry;
use aftercall_engine::entry::Answer;

/// The durable result of a command.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It made this entry.
    Committed(Arc<Entry>),
    /// The same request made the entry with this sequence before.
    Repeated {
        /// The entry's sequence.
        sequence: u64,
    },
    /// It changed nothing.
    Unchanged(Answer),
}
