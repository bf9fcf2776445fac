//! Commands of the server itself. No request leads to them: see [`crate::command::Requested`].

use std::sync::Arc;

use aftercall_definition::time::Time;

use crate::archive::Chunk;
use crate::history::HistoryChange;
use crate::instance::Wake;

/// A command of the server itself.
#[derive(Clone, Debug)]
pub enum UpkeepCommand {
    /// See [`Elapse`].
    Elapse(Elapse),
    /// See [`StepBatch`].
    StepBatch(StepBatch),
    /// See [`StepErasure`].
    StepErasure(StepErasure),
    /// See [`EndErasure`].
    EndErasure(EndErasure),
    /// See [`ArchiveCalls`].
    ArchiveCalls(ArchiveCalls),
    /// See [`ReplaceChunk`].
    ReplaceChunk(ReplaceChunk),
    /// See [`PackHistory`].
    PackHistory(PackHistory),
    /// See [`RewriteHistory`].
    RewriteHistory(RewriteHistory),
}

family!(Upkeep, UpkeepCommand:
    Elapse, StepBatch, StepErasure, EndErasure, ArchiveCalls, ReplaceChunk, PackHistory,
    RewriteHistory,
);

/// Carries out what has fallen due. What no longer runs changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Elapse {
    /// When it was due.
    pub due: Time,
    /// The instance's slot.
    pub slot: u32,
    /// What was due.
    pub wake: Wake,
}

/// Does the next item of a batch. A batch that does not run is not changed.
#[derive(Clone, Copy, Debug)]
pub struct StepBatch {
    /// The batch.
    pub batch: u64,
}

/// Masks the next call of an erasure. An erasure that does not run is not changed.
#[derive(Clone, Copy, Debug)]
pub struct StepErasure {
    /// The erasure.
    pub erasure: u64,
}

/// Records that no byte remains of what an erasure was about.
#[derive(Clone, Copy, Debug)]
pub struct EndErasure {
    /// The erasure.
    pub erasure: u64,
}

/// A call of which all instances have ended, as it was at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchivableCall {
    /// Its slot.
    pub slot: u32,
    /// The sequence of its newest change.
    pub sequence: u64,
    /// The sequence of the newest change of its instances; 0 where it has none.
    pub newest: u64,
}

/// Removes calls with their instances from memory, all or none of them.
#[derive(Clone, Debug)]
pub struct ArchiveCalls {
    /// The number of the file that holds them.
    pub file: u64,
    /// The calls, as they were when the chunk was written.
    pub calls: Vec<ArchivableCall>,
}

/// Replaces a chunk of the archive by its rewritten form.
#[derive(Clone, Debug)]
pub struct ReplaceChunk {
    /// The chunk.
    pub id: u64,
    /// Its new form; none where nothing is left of it.
    pub new: Option<Arc<Chunk>>,
}

/// Adds chunks to the list of the history.
#[derive(Clone, Debug)]
pub struct PackHistory(pub HistoryChange);

/// Replaces a chunk of the history by its rewritten form, or removes it.
#[derive(Clone, Debug)]
pub struct RewriteHistory(pub HistoryChange);
