//! Everything that ever happened, entry by entry: the newest from the feed's ring, then the journal, then the packed
//! chunks that were made before the journal was trimmed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aftercall_engine::Entry;
use thiserror::Error;

use super::feed::{Feed, FeedError};
use crate::journal::{JournalError, Vault};
use crate::records::{RecordError, unpack_entries};

/// What the names of history chunks begin with.
pub(super) const PREFIX: &str = "history-";

/// Why history cannot be read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// There is no such entry.
    #[error("there is no entry {0} in the history")]
    NoSuchEntry(u64),
    /// The feed or journal could not be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// A chunk could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A chunk does not unpack.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Frames of one chunk: last sequence → offset, in order.
type Frames = Arc<Vec<(u64, u64)>>;

/// The entries of one frame, with the first sequence.
type Unpacked = Arc<Vec<Arc<Entry>>>;

/// The history.
pub struct History {
    feed: Arc<Feed>,
    vault: Arc<dyn Vault>,
    /// Last sequence → name and first sequence of each chunk.
    chunks: RwLock<BTreeMap<u64, (String, u64)>>,
    frames: Mutex<BTreeMap<String, Frames>>,
    newest_frame: Mutex<Option<Unpacked>>,
}

/// The name of the chunk that holds these sequences.
pub(super) fn chunk_name(first: u64, last: u64) -> String {
    format!("{PREFIX}{first:020}-{last:020}")
}

fn parse_name(name: &str) -> Option<(u64, u64)> {
    let (first, last) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

impl History {
    pub(super) async fn open(feed: Arc<Feed>, vault: Arc<dyn Vault>) -> Result<Self, JournalError> {
        let history =
            Self { feed, vault, chunks: RwLock::default(), frames: Mutex::default(), newest_frame: Mutex::default() };
        for name in history.vault.list(PREFIX).await? {
            history.add_chunk(name);
        }
        Ok(history)
    }

    /// Makes a finished chunk readable.
    pub(super) fn add_chunk(&self, name: String) {
        if let Some((first, last)) = parse_name(&name) {
            self.chunks.write().unwrap_or_else(PoisonError::into_inner).insert(last, (name, first));
        }
    }

    /// The newest sequence that is packed; 0 if none is.
    pub(super) fn packed_upto(&self) -> u64 {
        self.chunks.read().unwrap_or_else(PoisonError::into_inner).keys().next_back().copied().unwrap_or(0)
    }

    /// The entry with this sequence.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn entry(&self, sequence: u64) -> Result<Arc<Entry>, HistoryError> {
        if sequence >= self.feed.oldest() {
            match self.feed.items(sequence, 1).await {
                Ok(items) => {
                    let item = items.into_iter().next().ok_or(HistoryError::NoSuchEntry(sequence))?;
                    return Ok(item.entry);
                }
                // Trimmed since the look at `oldest`: it was packed before.
                Err(FeedError::OutOfRange { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.packed(sequence).await
    }

    /// Entries from a sequence on, in order: as many as are at hand, at most `entries_max`, and one at least.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn entries(&self, from: u64, entries_max: usize) -> Result<Vec<Arc<Entry>>, HistoryError> {
        if from >= self.feed.oldest() {
            match self.feed.items(from, entries_max).await {
                Ok(items) => return Ok(items.into_iter().map(|item| item.entry).collect()),
                // Trimmed since the look at `oldest`: it was packed before.
                Err(FeedError::OutOfRange { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let first = self.packed(from).await?;
        let frame = self.newest_frame.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rest = frame.iter().flat_map(|frame| frame.iter()).filter(|entry| entry.sequence > from).cloned();
        let mut entries = vec![first];
        // Another reader may have unpacked another frame meanwhile.
        for entry in rest.take(entries_max.saturating_sub(1)) {
            if entry.sequence == entries[entries.len() - 1].sequence + 1 {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    async fn packed(&self, sequence: u64) -> Result<Arc<Entry>, HistoryError> {
        if let Some(entry) = self.in_newest_frame(sequence) {
            return Ok(entry);
        }
        let name = self.chunk_of(sequence).ok_or(HistoryError::NoSuchEntry(sequence))?;
        let frames = self.frames_of(&name).await?;
        let at = frames.partition_point(|(last, _)| *last < sequence);
        let (_, offset) = *frames.get(at).ok_or(HistoryError::NoSuchEntry(sequence))?;
        let Some((bytes, _)) = self.vault.read_frame(&name, offset).await? else {
            return Err(HistoryError::NoSuchEntry(sequence));
        };
        let (_, packed) = split(&bytes)?;
        let unpacked: Unpacked = Arc::new(unpack_entries(packed)?.into_iter().map(Arc::new).collect());
        *self.newest_frame.lock().unwrap_or_else(PoisonError::into_inner) = Some(unpacked.clone());
        // Of this frame, not of whichever another reader may have unpacked since.
        in_frame(&unpacked, sequence).ok_or(HistoryError::NoSuchEntry(sequence))
    }

    fn in_newest_frame(&self, sequence: u64) -> Option<Arc<Entry>> {
        let frame = self.newest_frame.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        in_frame(&frame, sequence)
    }

    fn chunk_of(&self, sequence: u64) -> Option<String> {
        let chunks = self.chunks.read().unwrap_or_else(PoisonError::into_inner);
        let (_, (name, first)) = chunks.range(sequence..).next()?;
        (*first <= sequence).then(|| name.clone())
    }

    /// Reads where the frames of a chunk begin, once.
    async fn frames_of(&self, name: &str) -> Result<Frames, HistoryError> {
        if let Some(frames) = self.frames.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(frames.clone());
        }
        let (mut frames, mut offset) = (Vec::new(), 0);
        while let Some((bytes, next)) = self.vault.read_frame(name, offset).await? {
            frames.push((split(&bytes)?.0, offset));
            offset = next;
        }
        let frames: Frames = Arc::new(frames);
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), frames.clone());
        Ok(frames)
    }
}

fn in_frame(frame: &Unpacked, sequence: u64) -> Option<Arc<Entry>> {
    let first = frame.first()?.sequence;
    frame.get(usize::try_from(sequence.checked_sub(first)?).ok()?).cloned()
}

/// A frame: the last sequence in it, then packed entries.
pub(super) fn join(last: u64, packed: &[u8]) -> Vec<u8> {
    let mut frame = last.to_be_bytes().to_vec();
    frame.extend_from_slice(packed);
    frame
}

fn split(frame: &[u8]) -> Result<(u64, &[u8]), RecordError> {
    let (last, packed) = frame.split_first_chunk::<8>().ok_or(RecordError::Incomplete("frame of the history"))?;
    Ok((u64::from_be_bytes(*last), packed))
}
