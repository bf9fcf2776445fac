//! Chunks of the packed history in the World, and changes of them.

use aftercall_engine::history::{HistoryChange, HistoryChunk};

/// A chunk of the history.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct HistoryChunkRecord {
    #[prost(uint64, tag = "1")]
    first: u64,
    /// The number of entries after the first.
    #[prost(uint64, tag = "2")]
    more: u64,
    #[prost(uint32, tag = "3")]
    generation: u32,
    #[prost(uint64, tag = "4")]
    term: u64,
}

impl From<&HistoryChunk> for HistoryChunkRecord {
    fn from(chunk: &HistoryChunk) -> Self {
        Self {
            first: chunk.first,
            more: chunk.last.wrapping_sub(chunk.first),
            generation: chunk.generation,
            term: chunk.term,
        }
    }
}

impl From<HistoryChunkRecord> for HistoryChunk {
    fn from(record: HistoryChunkRecord) -> Self {
        Self {
            first: record.first,
            last: record.first.wrapping_add(record.more),
            generation: record.generation,
            term: record.term,
        }
    }
}

/// A change of the list of chunks.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HistoryChangeRecord {
    #[prost(message, repeated, tag = "1")]
    put: Vec<HistoryChunkRecord>,
    /// The last sequences of the removed chunks.
    #[prost(uint64, repeated, tag = "2")]
    removed: Vec<u64>,
}

impl From<&HistoryChange> for HistoryChangeRecord {
    fn from(change: &HistoryChange) -> Self {
        Self {
            put: change.put.iter().map(Into::into).collect(),
            removed: change.removed.to_vec(),
        }
    }
}

impl From<HistoryChangeRecord> for HistoryChange {
    fn from(record: HistoryChangeRecord) -> Self {
        Self {
            put: record.put.into_iter().map(Into::into).collect(),
            removed: record.removed.into(),
        }
    }
}
