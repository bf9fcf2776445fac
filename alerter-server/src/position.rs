//! Places in the journal.

/// A place in the journal: a sequence and the chain hash at it. The default is the place before all
/// entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The sequence of an entry; 0 before the first.
    pub(crate) sequence: u64,
    /// The chain hash at it; 0 before the first.
    pub(crate) chain: u64,
}
