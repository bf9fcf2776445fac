//! The packed chunks of the history, and how to read them. The World names the valid chunks.
//! A chunk is never changed in place. A new chunk replaces it, and the old file is removed. A
//! reader whose file has been removed looks for the new one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aftercall_engine::{Entry, Root};
use arc_swap::ArcSwap;

use super::error::HistoryError;
use super::place::Place;
use crate::journal::{JournalError, Vault};
use crate::records::{RecordError, unpack_entries};

/// How often a reader looks for a chunk that is being rewritten.
const LOOKS_MAX: usize = 8;

/// The entries in one frame of a chunk.
pub(in crate::ledger) fn frame_entries(frame: &[u8]) -> Result<Vec<Arc<Entry>>, RecordError> {
    unpack(frame).map(|unpacked| unpacked.to_vec())
}

/// The frames of one chunk: last sequence and offset, in order.
type Frames = Arc<Vec<(u64, u64)>>;

/// The entries of one frame. Their sequences are consecutive.
type Unpacked = Arc<Vec<Arc<Entry>>>;

pub(super) struct Chunks {
    vault: Arc<dyn Vault>,
    /// The newest root. It names the valid chunks.
    root: Arc<ArcSwap<Root>>,
    frames: Mutex<BTreeMap<String, Frames>>,
    newest_frame: Mutex<Option<(Place, Unpacked)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chunks {
    pub(super) fn new(vault: Arc<dyn Vault>, root: Arc<ArcSwap<Root>>) -> Self {
        Self {
            vault,
            root,
            frames: Mutex::default(),
            newest_frame: Mutex::default(),
        }
    }

    pub(super) fn places(&self, within: RangeInclusive<u64>) -> Vec<Place> {
        let root = self.root.load();
        root.history
            .chunks
            .range(*within.start()..)
            .map(|(_, chunk)| Place::from(*chunk))
            .take_while(|place| place.first <= *within.end())
            .collect()
    }

    /// The chunk with this sequence, or else the next chunk.
    fn at_or_after(&self, sequence: u64) -> Option<Place> {
        let root = self.root.load();
        let (_, chunk) = root.history.chunks.range(sequence..).next()?;
        Some((*chunk).into())
    }

    pub(super) async fn entry(&self, sequence: u64) -> Result<Arc<Entry>, HistoryError> {
        let frame = self
            .frame(sequence)
            .await?
            .ok_or(HistoryError::NoSuchEntry(sequence))?;
        in_frame(&frame, sequence).ok_or(HistoryError::NoSuchEntry(sequence))
    }

    /// Entries of one frame, from a sequence on or from the next packed one. `None` if no packed
    /// entries follow.
    pub(super) async fn entries(
        &self,
        from: u64,
        entries_max: usize,
    ) -> Result<Vec<Arc<Entry>>, HistoryError> {
        let Some(frame) = self.frame(from).await? else {
            return Ok(Vec::new());
        };
        Ok(frame
            .iter()
            .filter(|entry| entry.sequence >= from)
            .take(entries_max)
            .cloned()
            .collect())
    }

    /// The frame with this sequence, or else the next frame.
    async fn frame(&self, sequence: u64) -> Result<Option<Unpacked>, HistoryError> {
        let mut looks = 1;
        loop {
            let Some(place) = self.at_or_after(sequence) else {
                return Ok(None);
            };
            match self.frame_of(place, sequence).await {
                // The chunk was rewritten after the root was read.
                Err(HistoryError::Journal(JournalError::NotFound { .. })) if looks < LOOKS_MAX => {
                    looks += 1;
                }
                frame => return frame.map(Some),
            }
        }
    }

    async fn frame_of(&self, place: Place, sequence: u64) -> Result<Unpacked, HistoryError> {
        let newest = lock(&self.newest_frame).clone();
        if let Some((_, frame)) = newest.filter(|(of, frame)| {
            *of == place && in_frame(frame, sequence.max(place.first)).is_some()
        }) {
            return Ok(frame);
        }
        let name = place.name();
        let frames = self.frames_of(&name).await?;
        let at = frames.partition_point(|(last, _)| *last < sequence);
        let (_, offset) = *frames.get(at).ok_or(HistoryError::NoSuchEntry(sequence))?;
        let Some((bytes, _)) = self.vault.read_frame(&name, offset).await? else {
            return Err(HistoryError::NoSuchEntry(sequence));
        };
        let frame = unpack(&bytes)?;
        *lock(&self.newest_frame) = Some((place, frame.clone()));
        // This frame, because another reader may have replaced the one in memory.
        Ok(frame)
    }

    /// Reads where the frames of a chunk begin, once per chunk.
    async fn frames_of(&self, name: &str) -> Result<Frames, HistoryError> {
        if let Some(frames) = lock(&self.frames).get(name) {
            return Ok(frames.clone());
        }
        let (mut frames, mut offset) = (Vec::new(), 0);
        while let Some((bytes, next)) = self.vault.read_frame(name, offset).await? {
            frames.push((split(&bytes)?.0, offset));
            offset = next;
        }
        let frames: Frames = Arc::new(frames);
        lock(&self.frames).insert(name.to_owned(), frames.clone());
        Ok(frames)
    }

    /// All entries of a chunk.
    pub(super) async fn all_of(&self, place: Place) -> Result<Vec<Arc<Entry>>, HistoryError> {
        let (name, mut offset, mut entries) = (place.name(), 0, Vec::new());
        while let Some((bytes, next)) = self.vault.read_frame(&name, offset).await? {
            let unpacking = tokio::task::spawn_blocking(move || unpack(&bytes));
            entries.extend(
                unpacking
                    .await
                    .map_err(|_| cut_off("unpacking the history"))??
                    .iter()
                    .cloned(),
            );
            offset = next;
        }
        Ok(entries)
    }

    /// Forgets the content of a removed chunk.
    pub(super) fn forget(&self, place: Place) {
        lock(&self.newest_frame).take_if(|(of, _)| *of == place);
        lock(&self.frames).remove(&place.name());
    }
}

fn in_frame(frame: &Unpacked, sequence: u64) -> Option<Arc<Entry>> {
    let first = frame.first()?.sequence;
    frame
        .get(usize::try_from(sequence.checked_sub(first)?).ok()?)
        .cloned()
}

fn unpack(frame: &[u8]) -> Result<Unpacked, RecordError> {
    let (_, packed) = split(frame)?;
    Ok(Arc::new(
        unpack_entries(packed)?.into_iter().map(Arc::new).collect(),
    ))
}

/// Makes a frame: the last sequence in it, then the packed entries.
pub(in crate::ledger) fn join_frame(last: u64, packed: &[u8]) -> Vec<u8> {
    let mut frame = last.to_be_bytes().to_vec();
    frame.extend_from_slice(packed);
    frame
}

fn split(frame: &[u8]) -> Result<(u64, &[u8]), RecordError> {
    let (last, packed) = frame
        .split_first_chunk::<8>()
        .ok_or(RecordError::Incomplete("frame of the history"))?;
    Ok((u64::from_be_bytes(*last), packed))
}

fn cut_off(what: &str) -> JournalError {
    JournalError::Io {
        what: what.to_owned(),
        reason: "it was interrupted".to_owned(),
    }
}
