//! Commands of the server itself. No request can send them: see [`crate::command::Requested`].

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

/// Fires a timer that is due. Changes nothing if it no longer runs.
#[derive(Clone, Copy, Debug)]
pub struct Elapse {
    /// When the timer was due.
    pub due: Time,
    /// The instance's slot.
    pub slot: u32,
    /// What the timer does.
    pub wake: Wake,
}

/// Processes the next item of a batch. Changes nothing if the batch does not run.
#[derive(Clone, Copy, Debug)]
pub struct StepBatch {
    /// The batch.
    pub batch: u64,
}

/// Masks the next call of an erasure. Changes nothing if the erasure does not run.
#[derive(Clone, Copy, Debug)]
pub struct StepErasure {
    /// The erasure.
    pub erasure: u64,
}

/// Records that no byte of the erased calls remains in the files.
#[derive(Clone, Copy, Debug)]
pub struct EndErasure {
    /// The erasure.
    pub erasure: u64,
}

/// A call whose instances have all ended, as a search found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchivableCall {
    /// The slot of the call.
    pub slot: u32,
    /// The sequence of the call's newest change.
    pub sequence: u64,
    /// The sequence of the newest change of its instances; 0 if it has none.
    pub newest: u64,
}

/// Removes calls and their instances from memory: all of them or none.
#[derive(Clone, Debug)]
pub struct ArchiveCalls {
    /// The number of the file that contains them.
    pub file: u64,
    /// The calls as they were when the file was written.
    pub calls: Vec<ArchivableCall>,
}

/// Replaces a chunk of the archive by its rewritten form.
#[derive(Clone, Debug)]
pub struct ReplaceChunk {
    /// The chunk.
    pub id: u64,
    /// The new form; `None` if nothing is left of the chunk.
    pub new: Option<Arc<Chunk>>,
}

/// Adds chunks to the list of the history's files.
#[derive(Clone, Debug)]
pub struct PackHistory(pub HistoryChange);

/// Replaces a chunk of the history by its rewritten form, or removes it.
#[derive(Clone, Debug)]
pub struct RewriteHistory(pub HistoryChange);
