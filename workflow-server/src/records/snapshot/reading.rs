//! Reads a snapshot: decodes its frames, and restores a World from them.

use std::sync::Arc;

use aftercall_definition::calendar::Calendar;
use aftercall_definition::time::Time;
use aftercall_engine::archive::Chunk;
use aftercall_engine::away::Away;
use aftercall_engine::batch::Batch;
use aftercall_engine::call::Call;
use aftercall_engine::erasure::Erasure;
use aftercall_engine::instance::Instance;
use aftercall_engine::saved_view::SavedView;
use aftercall_engine::world::definitions::{Version, Workflow};
use aftercall_engine::world::{Keeping, World};
use prost::Message as _;

use super::{FrameRecord, SnapshotHead};
use crate::records::RecordError;
use crate::records::v1::{HistoryChunkRecord, MarkRecord, TeamRecord};
use crate::records::version::versioned;

/// A decoded frame of a snapshot. It is restored after the frames before it.
#[derive(Debug)]
pub struct SnapshotFrame {
    head: Option<SnapshotHead>,
    teams: Vec<TeamRecord>,
    calendars: Vec<Calendar>,
    workflows: Vec<Workflow>,
    more_versions: Vec<Version>,
    calls: Vec<(u32, Arc<Call>)>,
    instances: Vec<Arc<Instance>>,
    batches: Vec<Batch>,
    chunks: Vec<Chunk>,
    history: Vec<HistoryChunkRecord>,
    erasures: Vec<Erasure>,
    views: Vec<SavedView>,
    away: Vec<Away>,
    marks: Vec<MarkRecord>,
}

/// Converts all records, or returns the first error.
fn all<R, T>(records: Vec<R>) -> Result<Vec<T>, RecordError>
where
    T: TryFrom<R, Error = RecordError>,
{
    records.into_iter().map(TryInto::try_into).collect()
}

impl SnapshotFrame {
    /// Decodes a frame. It depends on no other frame, so that threads can share this work.
    ///
    /// # Errors
    /// [`RecordError`] if the bytes are damaged or incomplete.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let frame = FrameRecord::decode(versioned(bytes)?)?;
        let instances = frame.instances.into_iter();
        let calls = frame.calls.into_iter();
        Ok(Self {
            head: frame.head,
            teams: frame.teams,
            calendars: all(frame.calendars)?,
            workflows: all(frame.workflows)?,
            more_versions: all(frame.more_versions)?,
            calls: calls
                .map(|call| (call.slot, Arc::new(call.into())))
                .collect(),
            instances: instances
                .map(|instance| Ok(Arc::new(instance.try_into()?)))
                .collect::<Result<_, RecordError>>()?,
            batches: all(frame.batches)?,
            chunks: all(frame.chunks)?,
            history: frame.history,
            erasures: all(frame.erasures)?,
            views: all(frame.views)?,
            away: all(frame.away)?,
            marks: frame.marks,
        })
    }
}

/// Restores a World, frame by frame.
#[derive(Debug)]
pub struct SnapshotReader {
    world: World,
    head: Option<SnapshotHead>,
    instances: u64,
    calls: u64,
}

impl SnapshotReader {
    /// Begins with an empty World.
    #[must_use]
    pub fn new(keeping: Keeping) -> Self {
        Self {
            world: World::new(keeping),
            head: None,
            instances: 0,
            calls: 0,
        }
    }

    /// Decodes and restores the next frame.
    ///
    /// # Errors
    /// [`RecordError`] if the frame is damaged or incomplete.
    pub fn frame(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        self.restore(SnapshotFrame::decode(bytes)?)
    }

    /// Restores the next frame.
    ///
    /// # Errors
    /// [`RecordError`] if the frame does not fit the frames before it.
    pub fn restore(&mut self, frame: SnapshotFrame) -> Result<(), RecordError> {
        if let Some(head) = frame.head {
            self.restore_head(head)?;
        }
        let world = &mut self.world;
        for team in frame.teams {
            world.restore_team(team.into());
        }
        for calendar in frame.calendars {
            world.restore_calendar(Arc::new(calendar));
        }
        for workflow in frame.workflows {
            world.restore_workflow(workflow);
        }
        for version in frame.more_versions {
            world.restore_version(version);
        }
        self.calls += frame.calls.len() as u64;
        for (slot, call) in frame.calls {
            world.restore_call(slot, call);
        }
        self.instances += frame.instances.len() as u64;
        for instance in frame.instances {
            world
                .restore_instance(instance)
                .map_err(|_| RecordError::Incomplete("call of an instance"))?;
        }
        for batch in frame.batches {
            world.restore_batch(batch);
        }
        for chunk in frame.chunks {
            world.restore_chunk(chunk);
        }
        for chunk in frame.history {
            world.restore_history(chunk.into());
        }
        for erasure in frame.erasures {
            world.restore_erasure(erasure);
        }
        for view in frame.views {
            world.restore_view(view);
        }
        for away in frame.away {
            world.restore_away(away);
        }
        for mark in frame.marks {
            world.restore_mark(mark.key(), mark.fingerprint, mark.sequence, Time(mark.at));
        }
        Ok(())
    }

    fn restore_head(&mut self, head: SnapshotHead) -> Result<(), RecordError> {
        self.world.restore_position(head.sequence, Time(head.at));
        let confirmed = head
            .purge_confirmed
            .clone()
            .map(TryInto::try_into)
            .transpose()?;
        self.world.restore_archive(head.newest_file, confirmed);
        self.world
            .restore_times_set_back(head.times_set_back.clone());
        self.head = Some(head);
        Ok(())
    }

    /// The position of the snapshot. `None` before the first frame.
    #[must_use]
    pub fn head(&self) -> Option<SnapshotHead> {
        self.head.clone()
    }

    /// Returns the World, if the snapshot is complete.
    ///
    /// # Errors
    /// [`RecordError::Incomplete`] if a part is missing.
    pub fn finish(self) -> Result<(World, SnapshotHead), RecordError> {
        let head = self
            .head
            .ok_or(RecordError::Incomplete("head of a snapshot"))?;
        let root = self.world.root();
        let chunks = root.archive.chunks.len() as u64;
        let history_chunks = root.history.chunks.len() as u64;
        let is_whole = self.instances == head.instances
            && self.calls == head.calls
            && chunks == head.chunks
            && history_chunks == head.history_chunks;
        if !is_whole {
            return Err(RecordError::Incomplete(
                "instances, calls or chunks of a snapshot",
            ));
        }
        Ok((self.world, head))
    }
}
