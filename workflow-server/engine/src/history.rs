//! The packed history in the World: the list of files with the entries that have left the journal.
//!
//! The content of a file is outside of the engine. The World keeps a few numbers for each file, so
//! every process that reads the journal knows the valid files.

use imbl::OrdMap;

/// A file of packed entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryChunk {
    /// The first sequence in the file.
    pub first: u64,
    /// The last sequence in the file, at least `first`.
    pub last: u64,
    /// How often the file was rewritten.
    pub generation: u32,
    /// The term of the leader that wrote the file.
    pub term: u64,
}

/// A change of the list of chunks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryChange {
    /// Chunks that are valid after this entry. A chunk with the same last sequence as an existing
    /// one replaces it.
    pub put: Box<[HistoryChunk]>,
    /// The last sequences of the removed chunks.
    pub removed: Box<[u64]>,
}

/// The valid chunks.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The chunks by their last sequence.
    pub chunks: OrdMap<u64, HistoryChunk>,
}

impl History {
    /// The newest packed sequence; 0 if there is none.
    #[must_use]
    pub fn packed_upto(&self) -> u64 {
        self.chunks.get_max().map_or(0, |(last, _)| *last)
    }

    /// Whether the list allows a change: each chunk has a range below `sequence`, and each removed
    /// chunk exists.
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
