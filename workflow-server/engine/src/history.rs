//! The packed history, as the World knows of it: which files hold the entries that have left the
//! journal.
//!
//! What a file holds lies outside. The World has a few numbers for each, so that every process that
//! reads the journal knows the files that count.

use imbl::OrdMap;

/// One file of packed entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryChunk {
    /// The first sequence in it.
    pub first: u64,
    /// The last sequence in it, at least `first`.
    pub last: u64,
    /// Counts how often the file was written again.
    pub generation: u32,
    /// The term of the leader that wrote it.
    pub term: u64,
}

/// What an entry changed of the list of chunks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryChange {
    /// Chunks that count after this entry. One with a known last sequence replaces that one.
    pub put: Box<[HistoryChunk]>,
    /// The last sequences of chunks of which nothing is left.
    pub removed: Box<[u64]>,
}

/// The chunks that count, by their last sequence.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// By last sequence.
    pub chunks: OrdMap<u64, HistoryChunk>,
}

impl History {
    /// The newest sequence that is packed; 0 if none is.
    #[must_use]
    pub fn packed_upto(&self) -> u64 {
        self.chunks.get_max().map_or(0, |(last, _)| *last)
    }

    /// Whether a change can follow: every chunk has a range below `sequence`, and every removed
    /// one exists.
    pub(crate) fn can_take(&self, change: &HistoryChange, sequence: u64) -> bool {
        let is_range = |chunk: &HistoryChunk| {
            0 < chunk.first && chunk.first <= chunk.last && chunk.last < sequence
        };
        change.put.iter().all(is_range)
            && change
                .removed
                .iter()
                .all(|last| self.chunks.contains_key(last))
    }

    pub(crate) fn take(&mut self, change: &HistoryChange) {
        for last in &change.removed {
            self.chunks.remove(last);
        }
        for chunk in &change.put {
            self.put(*chunk);
        }
    }

    pub(crate) fn put(&mut self, chunk: HistoryChunk) {
        self.chunks.insert(chunk.last, chunk);
    }
}
