//! The packed chunks of the history: which there are, and how one is read.
//!
//! A chunk is never changed where it lies: another one takes its place, and it is removed. A reader
//! that comes too late for it looks again.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use aftercall_engine::Entry;

use super::HistoryError;
use crate::journal::{JournalError, Term, Vault};
use crate::records::{RecordError, unpack_entries};

/// What the names of history chunks begin with.
pub(in crate::ledger) const PREFIX: &str = "history-";
/// How often a reader looks again for a chunk that was written anew.
const LOOKS_MAX: usize = 8;

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Place {
    /// The first sequence in it.
    pub(in crate::ledger) first: u64,
    /// The last.
    pub(in crate::ledger) last: u64,
    /// Counts how often it was written again.
    pub(in crate::ledger) generation: u32,
    /// The term in which it was written.
    pub(in crate::ledger) term: Term,
}

impl Place {
    pub(in crate::ledger) fn name(&self) -> String {
        match (self.generation, self.range_name()) {
            (0, range) if self.term <= Term::FIRST => range,
            (generation, range) => format!("{range}-{generation}{}", self.term.suffix()),
        }
    }

    /// What the names of all files of its range begin with.
    pub(in crate::ledger) fn range_name(&self) -> String {
        let Self { first, last, .. } = self;
        format!("{PREFIX}{first:020}-{last:020}")
    }

    /// Of two files of one range the higher counts.
    fn rank(&self) -> (u32, Term) {
        (self.generation, self.term)
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.split('-');
        let (first, last) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let generation = parts.next().map_or(Some(0), |part| part.parse().ok())?;
        let term = parts
            .next()
            .map_or(Some(Term::FIRST), |part| part.parse().ok().map(Term))?;
        parts.next().is_none().then_some(Self {
            first,
            last,
            generation,
            term,
        })
    }
}

/// The first and the last sequence of the chunk with this name; none where it is no chunk.
pub(in crate::ledger) fn range_of(name: &str) -> Option<(u64, u64)> {
    Place::parse(name).map(|place| (place.first, place.last))
}

/// The entries of a frame of a chunk.
pub(in crate::ledger) fn frame_entries(frame: &[u8]) -> Result<Vec<Arc<Entry>>, RecordError> {
    unpack(frame).map(|unpacked| unpacked.to_vec())
}

/// Frames of one chunk: last sequence → offset, in order.
type Frames = Arc<Vec<(u64, u64)>>;

/// The entries of one frame, in order, each one more than the one before.
type Unpacked = Arc<Vec<Arc<Entry>>>;

pub(super) struct Chunks {
    vault: Arc<dyn Vault>,
    /// By last sequence.
    places: RwLock<BTreeMap<u64, Place>>,
    frames: Mutex<BTreeMap<String, Frames>>,
    newest_frame: Mutex<Option<(Place, Unpacked)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chunks {
    /// Finds the chunks that count. Where a crash has left two of one range, the one that was
    /// written later is whole.
    pub(super) async fn open(vault: Arc<dyn Vault>) -> Result<Self, JournalError> {
        let mut places: BTreeMap<u64, Place> = BTreeMap::new();
        for place in vault
            .list(PREFIX)
            .await?
            .iter()
            .filter_map(|name| Place::parse(name))
        {
            let kept = places.entry(place.last).or_insert(place);
            *kept = if kept.rank() > place.rank() {
                *kept
            } else {
                place
            };
        }
        let (places, frames, newest_frame) =
            (RwLock::new(places), Mutex::default(), Mutex::default());
        Ok(Self {
            vault,
            places,
            frames,
            newest_frame,
        })
    }

    fn read_places(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<u64, Place>> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest sequence that is packed; 0 if none is.
    pub(super) fn newest(&self) -> u64 {
        self.read_places().keys().next_back().copied().unwrap_or(0)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.read_places().values().map(Place::name).collect()
    }

    pub(super) fn places(&self, within: RangeInclusive<u64>) -> Vec<Place> {
        let places = self.read_places();
        places
            .range(within.start()..)
            .map(|(_, place)| *place)
            .take_while(|place| place.first <= *within.end())
            .collect()
    }

    /// The chunk with this sequence, or else the next one.
    fn at_or_after(&self, sequence: u64) -> Option<Place> {
        self.read_places()
            .range(sequence..)
            .next()
            .map(|(_, place)| *place)
    }

    pub(super) async fn entry(&self, sequence: u64) -> Result<Arc<Entry>, HistoryError> {
        let frame = self
            .frame(sequence)
            .await?
            .ok_or(HistoryError::NoSuchEntry(sequence))?;
        in_frame(&frame, sequence).ok_or(HistoryError::NoSuchEntry(sequence))
    }

    /// Entries of one frame from a sequence on, or from the first after it; none where nothing is
    /// packed from there on.
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

    /// The frame with this sequence, or else the first after it.
    async fn frame(&self, sequence: u64) -> Result<Option<Unpacked>, HistoryError> {
        for _ in 0..LOOKS_MAX {
            let Some(place) = self.at_or_after(sequence) else {
                return Ok(None);
            };
            match self.frame_of(place, sequence).await {
                // It was written anew since the look.
                Err(HistoryError::Journal(JournalError::NotFound { .. })) => {}
                frame => return frame.map(Some),
            }
        }
        Err(HistoryError::NoSuchEntry(sequence))
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
        // Of this frame, not of whichever another reader may have unpacked since.
        Ok(frame)
    }

    /// Reads where the frames of a chunk begin, once.
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

    /// Lets a chunk take the place of the one of its range.
    pub(super) fn put(&self, place: Place) {
        self.places
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(place.last, place);
    }

    /// Nothing is left of the range of this chunk.
    pub(super) fn take_out(&self, place: Place) {
        self.places
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&place.last);
    }

    /// Releases what is in memory of a chunk that is removed.
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

/// A frame: the last sequence in it, then packed entries.
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
        reason: "it was cut off".to_owned(),
    }
}
