//! Chunks of the archive in the World, and changes of them.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::Actor;
use aftercall_engine::archive::{ArchiveChange, Chunk, PurgeConfirmation, Tally};

use super::codes::Coded;
use crate::records::RecordError;

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct TallyRecord {
    #[prost(uint32, tag = "1")]
    workflow: u32,
    #[prost(uint32, tag = "2")]
    version: u32,
    #[prost(int32, tag = "3")]
    status: i32,
    #[prost(uint32, tag = "4")]
    count: u32,
    #[prost(sint64, tag = "5")]
    oldest_end: i64,
    #[prost(sint64, tag = "6")]
    newest_end: i64,
}

/// A chunk of the archive.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ChunkRecord {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint32, tag = "2")]
    calls: u32,
    #[prost(uint32, tag = "3")]
    instances: u32,
    #[prost(message, repeated, tag = "4")]
    tallies: Vec<TallyRecord>,
    #[prost(uint64, tag = "5")]
    file: u64,
    #[prost(sint64, tag = "6")]
    oldest: i64,
    #[prost(uint64, tag = "7")]
    newest: u64,
}

/// The newest confirmation of a purge.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PurgeConfirmationRecord {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(sint64, tag = "2")]
    at: i64,
    #[prost(int32, tag = "3")]
    actor_kind: i32,
    /// Personal.
    #[prost(string, tag = "4")]
    actor_name: String,
    #[prost(uint64, tag = "5")]
    instances: u64,
}

impl From<&PurgeConfirmation> for PurgeConfirmationRecord {
    fn from(confirmed: &PurgeConfirmation) -> Self {
        Self {
            sequence: confirmed.sequence,
            at: confirmed.at.0,
            actor_kind: confirmed.actor.kind.code(),
            actor_name: confirmed.actor.name.to_string(),
            instances: confirmed.instances,
        }
    }
}

impl TryFrom<PurgeConfirmationRecord> for PurgeConfirmation {
    type Error = RecordError;

    fn try_from(record: PurgeConfirmationRecord) -> Result<Self, RecordError> {
        Ok(Self {
            sequence: record.sequence,
            at: Time(record.at),
            actor: Actor {
                kind: Coded::from_code(record.actor_kind)?,
                name: record.actor_name.into(),
                subject: None,
            },
            instances: record.instances,
        })
    }
}

impl From<&Chunk> for ChunkRecord {
    fn from(chunk: &Chunk) -> Self {
        let tally = |tally: &Tally| TallyRecord {
            workflow: tally.workflow,
            version: tally.version,
            status: tally.status.code(),
            count: tally.count,
            oldest_end: tally.oldest_end.0,
            newest_end: tally.newest_end.0,
        };
        let tallies = chunk.tallies.iter().map(tally).collect();
        Self {
            id: chunk.id,
            file: chunk.file,
            calls: chunk.calls,
            instances: chunk.instances,
            oldest: chunk.oldest.0,
            newest: chunk.newest,
            tallies,
        }
    }
}

impl TryFrom<ChunkRecord> for Chunk {
    type Error = RecordError;

    fn try_from(record: ChunkRecord) -> Result<Self, RecordError> {
        let tally = |tally: TallyRecord| {
            Ok(Tally {
                workflow: tally.workflow,
                version: tally.version,
                status: Coded::from_code(tally.status)?,
                count: tally.count,
                oldest_end: Time(tally.oldest_end),
                newest_end: Time(tally.newest_end),
            })
        };
        let tallies = record
            .tallies
            .into_iter()
            .map(tally)
            .collect::<Result<_, RecordError>>()?;
        Ok(Self {
            id: record.id,
            file: record.file,
            calls: record.calls,
            instances: record.instances,
            oldest: Time(record.oldest),
            newest: record.newest,
            tallies,
        })
    }
}

/// A change of the archive: a chunk with these calls was added, or a chunk was replaced.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ArchiveChangeRecord {
    #[prost(message, optional, tag = "1")]
    chunk: Option<ChunkRecord>,
    /// The slots of the calls.
    #[prost(uint32, repeated, tag = "2")]
    calls: Vec<u32>,
    /// The chunk that was rewritten; 0 for none.
    #[prost(uint64, tag = "3")]
    replaced: u64,
}

impl From<&ArchiveChange> for ArchiveChangeRecord {
    fn from(change: &ArchiveChange) -> Self {
        match change {
            ArchiveChange::Stored { chunk, calls } => Self {
                chunk: Some((&**chunk).into()),
                calls: calls.to_vec(),
                replaced: 0,
            },
            ArchiveChange::Replaced { id, new } => Self {
                chunk: new.as_ref().map(|new| (&**new).into()),
                calls: Vec::new(),
                replaced: *id,
            },
        }
    }
}

impl TryFrom<ArchiveChangeRecord> for ArchiveChange {
    type Error = RecordError;

    fn try_from(record: ArchiveChangeRecord) -> Result<Self, RecordError> {
        let chunk = record.chunk.map(Chunk::try_from).transpose()?.map(Arc::new);
        match (record.replaced, chunk) {
            (0, Some(chunk)) => Ok(Self::Stored {
                chunk,
                calls: record.calls.into(),
            }),
            (0, None) => Err(RecordError::Incomplete("chunk of the archive")),
            (id, new) => Ok(Self::Replaced { id, new }),
        }
    }
}
