//! Snapshots of the World: frames of bounded size, in a fixed order. Equal Worlds have equal bytes.

mod reading;

use aftercall_engine::Root;
use aftercall_engine::world::World;
use aftercall_engine::world::definitions::Workflow;
use aftercall_engine::world::requests::Marks;
use prost::Message;
pub use reading::{SnapshotFrame, SnapshotReader};

use super::RECORDS_VERSION;
use super::v1::{
    AwayRecord, BatchRecord, CalendarRecord, CallRecord, ChunkRecord, ErasureRecord,
    HistoryChunkRecord, InstanceRecord, MarkRecord, PurgeConfirmationRecord, SavedViewRecord,
    TeamRecord, VersionRecord, WorkflowRecord,
};

/// The approximate size of a frame. It limits the memory that writing a snapshot takes.
const FRAME_BYTES: usize = 256 * 1024;

/// The position of a snapshot in the journal, and the number of its records.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SnapshotHead {
    /// The newest sequence in the snapshot.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// The chain hash at that sequence.
    #[prost(fixed64, tag = "2")]
    pub chain: u64,
    /// When that entry was decided, in milliseconds.
    #[prost(sint64, tag = "3")]
    pub at: i64,
    /// How many instances follow.
    #[prost(uint64, tag = "4")]
    pub instances: u64,
    /// How many calls follow.
    #[prost(uint64, tag = "5")]
    pub calls: u64,
    /// The highest number that a file of the archive has had.
    #[prost(uint64, tag = "6")]
    pub newest_file: u64,
    /// How many archive chunks follow.
    #[prost(uint64, tag = "7")]
    pub chunks: u64,
    /// The sequences of the entries that set the time back.
    #[prost(uint64, repeated, tag = "8")]
    pub times_set_back: Vec<u64>,
    /// The newest confirmation of a purge.
    #[prost(message, optional, tag = "9")]
    pub purge_confirmed: Option<PurgeConfirmationRecord>,
    /// How many chunks of the history follow.
    #[prost(uint64, tag = "10")]
    pub history_chunks: u64,
}

impl SnapshotHead {
    fn new(image: &WorldImage) -> Self {
        let root = &image.root;
        let confirmed = root.archive.purge_confirmed.as_ref();
        Self {
            sequence: root.sequence,
            chain: image.chain,
            at: root.at.0,
            instances: root.counters.open() + root.counters.ended(),
            calls: root.calls.iter().flatten().count() as u64,
            newest_file: root.archive.newest_file,
            chunks: root.archive.chunks.len() as u64,
            times_set_back: root.time_set_back.to_vec(),
            purge_confirmed: confirmed.map(|confirmed| (&**confirmed).into()),
            history_chunks: root.history.chunks.len() as u64,
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct FrameRecord {
    #[prost(message, optional, tag = "1")]
    head: Option<SnapshotHead>,
    #[prost(message, repeated, tag = "2")]
    teams: Vec<TeamRecord>,
    #[prost(message, repeated, tag = "3")]
    workflows: Vec<WorkflowRecord>,
    #[prost(message, repeated, tag = "4")]
    calls: Vec<CallRecord>,
    #[prost(message, repeated, tag = "5")]
    instances: Vec<InstanceRecord>,
    #[prost(message, repeated, tag = "6")]
    marks: Vec<MarkRecord>,
    #[prost(message, repeated, tag = "7")]
    batches: Vec<BatchRecord>,
    #[prost(message, repeated, tag = "8")]
    chunks: Vec<ChunkRecord>,
    #[prost(message, repeated, tag = "9")]
    erasures: Vec<ErasureRecord>,
    #[prost(message, repeated, tag = "10")]
    calendars: Vec<CalendarRecord>,
    /// More versions of the newest workflow in the earlier frames, which has too many for one
    /// frame.
    #[prost(message, repeated, tag = "11")]
    more_versions: Vec<VersionRecord>,
    #[prost(message, repeated, tag = "12")]
    history: Vec<HistoryChunkRecord>,
    #[prost(message, repeated, tag = "13")]
    views: Vec<SavedViewRecord>,
    #[prost(message, repeated, tag = "14")]
    away: Vec<AwayRecord>,
}

impl FrameRecord {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![RECORDS_VERSION];
        // Writing to a Vec cannot fail: it grows.
        let _ = self.encode(&mut bytes);
        bytes
    }
}

/// The data of a snapshot. To take it from a World is cheap. It is then written while the owner
/// continues.
#[derive(Debug)]
pub struct WorldImage {
    root: Root,
    marks: Marks,
    chain: u64,
}

/// Writes a snapshot frame by frame. Stops at the first error of `write`.
///
/// # Errors
/// The errors of `write`.
pub fn snapshot_frames<E>(
    image: &WorldImage,
    mut write: impl FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let root = &image.root;
    let first = FrameRecord {
        head: Some(SnapshotHead::new(image)),
        teams: root.teams.by_place().map(Into::into).collect(),
        ..FrameRecord::default()
    };
    write(first.bytes())?;
    write_definitions(root, &mut write)?;
    write_follow_ups(root, &mut write)?;
    let views = root.views.by_id();
    let views = views.map(|view| SavedViewRecord::from(&**view));
    in_frames(views, &mut write, |views| FrameRecord {
        views,
        ..FrameRecord::default()
    })?;
    let away = root.absences.all();
    let away = away.map(|away| AwayRecord::from(&**away));
    in_frames(away, &mut write, |away| FrameRecord {
        away,
        ..FrameRecord::default()
    })?;
    write_upkeep(root, &mut write)?;
    let marks = image.marks.iter().map(|mark| MarkRecord {
        sequence: mark.remembered.sequence,
        at: mark.at.0,
        ..MarkRecord::new(mark.key, mark.remembered.fingerprint)
    });
    in_frames(marks, &mut write, |marks| FrameRecord {
        marks,
        ..FrameRecord::default()
    })
}

/// Writes the calendars and workflows.
fn write_definitions<E>(
    root: &Root,
    write: &mut impl FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let calendars = root
        .calendars
        .by_name()
        .map(|calendar| CalendarRecord::from(&**calendar));
    in_frames(calendars, write, |calendars| FrameRecord {
        calendars,
        ..FrameRecord::default()
    })?;
    for workflow in root.workflows.by_place() {
        write_workflow(workflow, write)?;
    }
    Ok(())
}

/// Writes the calls, instances and batches.
fn write_follow_ups<E>(
    root: &Root,
    write: &mut impl FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let calls = root
        .calls
        .iter()
        .enumerate()
        .filter_map(|(slot, call)| Some(CallRecord::new(slot as u32, call.as_ref()?)));
    in_frames(calls, write, |calls| FrameRecord {
        calls,
        ..FrameRecord::default()
    })?;
    let instances = root
        .instances
        .iter()
        .flatten()
        .map(|instance| InstanceRecord::from(&**instance));
    in_frames(instances, write, |instances| FrameRecord {
        instances,
        ..FrameRecord::default()
    })?;
    let batches = root
        .batches
        .values()
        .map(|batch| BatchRecord::from(&**batch));
    in_frames(batches, write, |batches| FrameRecord {
        batches,
        ..FrameRecord::default()
    })
}

/// Writes the erasures, and the chunks of archive and history.
fn write_upkeep<E>(root: &Root, write: &mut impl FnMut(Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    let chunks = root
        .archive
        .chunks
        .values()
        .map(|chunk| ChunkRecord::from(&**chunk));
    in_frames(chunks, write, |chunks| FrameRecord {
        chunks,
        ..FrameRecord::default()
    })?;
    let history = root.history.chunks.values().map(HistoryChunkRecord::from);
    in_frames(history, write, |history| FrameRecord {
        history,
        ..FrameRecord::default()
    })?;
    let erasures = root
        .erasures
        .values()
        .map(|erasure| ErasureRecord::from(&**erasure));
    in_frames(erasures, write, |erasures| FrameRecord {
        erasures,
        ..FrameRecord::default()
    })
}

/// Writes a workflow over several frames, because one that is amended every day is larger than a
/// frame.
fn write_workflow<E>(
    workflow: &Workflow,
    write: &mut impl FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut versions = workflow.versions.iter().map(VersionRecord::from);
    let (mut first, mut bytes) = (Vec::new(), 0);
    while bytes < FRAME_BYTES
        && let Some(version) = versions.next()
    {
        bytes += version.encoded_len();
        first.push(version);
    }
    let workflows = vec![WorkflowRecord::with_versions(workflow, first)];
    write(
        FrameRecord {
            workflows,
            ..FrameRecord::default()
        }
        .bytes(),
    )?;
    in_frames(versions, write, |more_versions| FrameRecord {
        more_versions,
        ..FrameRecord::default()
    })
}

fn in_frames<R: Message, E>(
    records: impl Iterator<Item = R>,
    write: &mut impl FnMut(Vec<u8>) -> Result<(), E>,
    frame: impl Fn(Vec<R>) -> FrameRecord,
) -> Result<(), E> {
    let (mut held, mut bytes) = (Vec::new(), 0);
    for record in records {
        bytes += record.encoded_len();
        held.push(record);
        if bytes >= FRAME_BYTES {
            write(frame(std::mem::take(&mut held)).bytes())?;
            bytes = 0;
        }
    }
    if held.is_empty() {
        Ok(())
    } else {
        write(frame(held).bytes())
    }
}

impl WorldImage {
    /// Takes the image of a World whose newest entry has this chain hash. The image shares the
    /// World's data and copies nothing.
    #[must_use]
    pub fn take(world: &World, chain: u64) -> Self {
        Self {
            root: world.root().clone(),
            marks: world.requests().marks().clone(),
            chain,
        }
    }

    /// Takes the image without the request ids. How many of them a server keeps depends on its
    /// settings.
    #[must_use]
    pub fn without_marks(world: &World) -> Self {
        Self::of_root(world.root().clone())
    }

    /// The image of what readers see of a World.
    #[must_use]
    pub fn of_root(root: Root) -> Self {
        Self {
            root,
            marks: Marks::default(),
            chain: 0,
        }
    }

    /// The newest sequence in the image.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.root.sequence
    }
}

/// Encodes a whole World in a fixed order, so that equal Worlds have equal bytes.
#[must_use]
pub fn encode_world(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written: Result<(), std::convert::Infallible> =
        snapshot_frames(&WorldImage::take(world, 0), |frame| {
            bytes.extend(frame);
            Ok(())
        });
    match written {
        Ok(()) => bytes,
        Err(never) => match never {},
    }
}
