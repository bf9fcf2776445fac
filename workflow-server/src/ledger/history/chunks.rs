//! The packed chunks of the history: which there are, how one is read, and how one is written anew.
//!
//! A chunk is never changed where it lies: it is written beside, under a name with a higher generation, and then takes the
//! place of the older one. A reader that comes too late for the older one looks again.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use aftercall_engine::Entry;
use bytes::Bytes;

use super::HistoryError;
use crate::journal::{Group, JournalError, Leading, Term, Vault};
use crate::limits::HISTORY_FRAME_ENTRIES;
use crate::records::{RecordError, decode_group, pack_entries, unpack_entries};

/// What the names of history chunks begin with.
const PREFIX: &str = "history-";
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
    generation: u32,
    /// The term in which it was written.
    term: Term,
}

impl Place {
    fn name(&self) -> String {
        match (self.generation, self.range_name()) {
            (0, range) if self.term <= Term::FIRST => range,
            (generation, range) => format!("{range}-{generation}{}", self.term.suffix()),
        }
    }

    /// What the names of all files of its range begin with.
    fn range_name(&self) -> String {
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
        let term = parts.next().map_or(Some(Term::FIRST), |part| part.parse().ok().map(Term))?;
        parts.next().is_none().then_some(Self { first, last, generation, term })
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

/// What is left of an entry when its chunk is written anew.
pub(in crate::ledger) enum Rewritten {
    /// As it was.
    Same(Arc<Entry>),
    /// This instead.
    Other(Arc<Entry>),
    /// Nothing but that something happened then.
    Gone(Arc<Entry>),
}

/// Frames of one chunk: last sequence → offset, in order.
type Frames = Arc<Vec<(u64, u64)>>;

/// The entries of one frame, in order, each one more than the one before.
type Unpacked = Arc<Vec<Arc<Entry>>>;

pub(super) struct Chunks {
    vault: Arc<dyn Vault>,
    leading: Leading,
    /// By last sequence.
    places: RwLock<BTreeMap<u64, Place>>,
    frames: Mutex<BTreeMap<String, Frames>>,
    newest_frame: Mutex<Option<(Place, Unpacked)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chunks {
    /// Finds the chunks that count. Where a crash has left two of one, the one that was written later is whole.
    pub(super) async fn open(vault: Arc<dyn Vault>, leading: Leading) -> Result<Self, JournalError> {
        let mut places: BTreeMap<u64, Place> = BTreeMap::new();
        for place in vault.list(PREFIX).await?.iter().filter_map(|name| Place::parse(name)) {
            let known = places.get(&place.last).copied();
            let (kept, left) = match known {
                Some(known) if known.rank() > place.rank() => (known, Some(place)),
                known => (place, known),
            };
            if let Some(left) = left {
                leading.vault().remove(&left.name()).await?;
            }
            places.insert(kept.last, kept);
        }
        let (places, frames, newest_frame) = (RwLock::new(places), Mutex::default(), Mutex::default());
        Ok(Self { vault, leading, places, frames, newest_frame })
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
        self.read_places().range(sequence..).next().map(|(_, place)| *place)
    }

    pub(super) async fn entry(&self, sequence: u64) -> Result<Arc<Entry>, HistoryError> {
        let frame = self.frame(sequence).await?.ok_or(HistoryError::NoSuchEntry(sequence))?;
        in_frame(&frame, sequence).ok_or(HistoryError::NoSuchEntry(sequence))
    }

    /// Entries of one frame from a sequence on, or from the first after it; none where nothing is packed from there on.
    pub(super) async fn entries(&self, from: u64, entries_max: usize) -> Result<Vec<Arc<Entry>>, HistoryError> {
        let Some(frame) = self.frame(from).await? else { return Ok(Vec::new()) };
        Ok(frame.iter().filter(|entry| entry.sequence >= from).take(entries_max).cloned().collect())
    }

    /// The frame with this sequence, or else the first after it.
    async fn frame(&self, sequence: u64) -> Result<Option<Unpacked>, HistoryError> {
        for _ in 0..LOOKS_MAX {
            let Some(place) = self.at_or_after(sequence) else { return Ok(None) };
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
        if let Some((_, frame)) =
            newest.filter(|(of, frame)| *of == place && in_frame(frame, sequence.max(place.first)).is_some())
        {
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
            entries.extend(unpacking.await.map_err(|_| cut_off("unpacking the history"))??.iter().cloned());
            offset = next;
        }
        Ok(entries)
    }

    /// Removes what was written anew and lies there still.
    pub(super) async fn remove_others(&self) -> Result<(), JournalError> {
        let kept: HashSet<String> = self.read_places().values().map(Place::name).collect();
        for name in self.vault.list(PREFIX).await?.into_iter().filter(|name| !kept.contains(name)) {
            self.leading.vault().remove(&name).await?;
        }
        Ok(())
    }

    /// Packs the entries of whole groups, from a sequence on.
    pub(super) async fn pack(
        &self,
        from: u64,
        groups: Vec<Group>,
        change: impl Fn(Arc<Entry>) -> Arc<Entry> + Send + 'static,
    ) -> Result<(), HistoryError> {
        let Some(last) = groups.last().map(|group| group.last) else { return Ok(()) };
        let place = self.unwritten(Place { first: from, last, generation: 0, term: self.leading.term() }).await?;
        let unpacked = move || {
            let mut entries = Vec::new();
            for group in &groups {
                let linked = decode_group(&group.bytes, group.chain_before, group.chain)?;
                entries.extend(linked.into_iter().map(|linked| Arc::new(linked.entry)));
            }
            Ok(entries.into_iter().filter(|entry| entry.sequence >= from).map(change).collect())
        };
        self.write(place, unpacked).await?;
        self.put(place);
        Ok(())
    }

    /// Writes a chunk anew with what `change` leaves of each entry, or removes it where nothing is left at all.
    pub(super) async fn rewrite(
        &self,
        place: Place,
        change: impl FnMut(Arc<Entry>) -> Rewritten + Send + 'static,
    ) -> Result<bool, HistoryError> {
        let entries = self.all_of(place).await?;
        // Looking at each takes a while: not on a thread that serves others.
        let changing = tokio::task::spawn_blocking(move || entries.into_iter().map(change).collect::<Vec<_>>());
        let changed = changing.await.map_err(|_| cut_off("looking through the history"))?;
        if changed.iter().all(|one| matches!(one, Rewritten::Same(_))) {
            return Ok(false);
        }
        // The newest stays, emptied: the history has to reach the journal, else a lost chunk could not be told from a removed one.
        let is_gone = changed.iter().all(|one| matches!(one, Rewritten::Gone(_))) && place.last != self.newest();
        if is_gone {
            self.places.write().unwrap_or_else(PoisonError::into_inner).remove(&place.last);
        } else {
            let next = Place { generation: place.generation + 1, term: self.leading.term(), ..place };
            let next = self.unwritten(next).await?;
            let entry = |one| match one {
                Rewritten::Same(entry) | Rewritten::Other(entry) | Rewritten::Gone(entry) => entry,
            };
            self.write(next, move || Ok(changed.into_iter().map(entry).collect())).await?;
            self.put(next);
        }
        self.forget(place).await?;
        Ok(true)
    }

    /// The place with the next generation that no file has: the answer to an earlier write may have been lost, and a file is never
    /// replaced.
    async fn unwritten(&self, mut place: Place) -> Result<Place, JournalError> {
        let names = self.vault.list(&place.range_name()).await?;
        while names.contains(&place.name()) {
            place.generation += 1;
        }
        Ok(place)
    }

    fn put(&self, place: Place) {
        self.places.write().unwrap_or_else(PoisonError::into_inner).insert(place.last, place);
    }

    async fn forget(&self, place: Place) -> Result<(), HistoryError> {
        lock(&self.newest_frame).take_if(|(of, _)| *of == place);
        lock(&self.frames).remove(&place.name());
        Ok(self.leading.vault().remove(&place.name()).await?)
    }

    async fn write(
        &self,
        place: Place,
        entries: impl FnOnce() -> Result<Vec<Arc<Entry>>, RecordError> + Send + 'static,
    ) -> Result<(), HistoryError> {
        // Unpacking and compressing take a while: not on a thread that serves others.
        let packing = tokio::task::spawn_blocking(move || frames(&entries()?));
        let frames = packing.await.map_err(|_| cut_off("packing the history"))??;
        let mut blob = self.leading.vault().create(&place.name()).await?;
        for frame in frames {
            blob.write(frame).await?;
        }
        Ok(blob.finish().await?)
    }
}

fn in_frame(frame: &Unpacked, sequence: u64) -> Option<Arc<Entry>> {
    let first = frame.first()?.sequence;
    frame.get(usize::try_from(sequence.checked_sub(first)?).ok()?).cloned()
}

/// Entries as frames of a chunk.
fn frames(entries: &[Arc<Entry>]) -> Result<Vec<Bytes>, RecordError> {
    let frame = |entries: &[Arc<Entry>]| {
        let last = entries.last().map_or(0, |entry| entry.sequence);
        Ok(join(last, &pack_entries(entries.iter().map(|entry| &**entry))?).into())
    };
    entries.chunks(HISTORY_FRAME_ENTRIES).map(frame).collect()
}

fn unpack(frame: &[u8]) -> Result<Unpacked, RecordError> {
    let (_, packed) = split(frame)?;
    Ok(Arc::new(unpack_entries(packed)?.into_iter().map(Arc::new).collect()))
}

/// A frame: the last sequence in it, then packed entries.
fn join(last: u64, packed: &[u8]) -> Vec<u8> {
    let mut frame = last.to_be_bytes().to_vec();
    frame.extend_from_slice(packed);
    frame
}

fn split(frame: &[u8]) -> Result<(u64, &[u8]), RecordError> {
    let (last, packed) = frame.split_first_chunk::<8>().ok_or(RecordError::Incomplete("frame of the history"))?;
    Ok((u64::from_be_bytes(*last), packed))
}

fn cut_off(what: &str) -> JournalError {
    JournalError::Io { what: what.to_owned(), reason: "it was cut off".to_owned() }
}
