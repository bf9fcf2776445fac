//! The durable result of a command.

use std::sync::Arc;

use aftercall_engine::Entry;
use aftercall_engine::entry::Answer;

/// The durable result of a command.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The command made this entry.
    Committed(Arc<Entry>),
    /// An earlier, equal request made the entry with this sequence.
    Repeated {
        /// The sequence of the entry.
        sequence: u64,
    },
    /// The command changed nothing.
    Unchanged(Answer),
}
