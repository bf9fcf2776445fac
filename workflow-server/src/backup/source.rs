//! Sends a backup: every file of a capture that the client does not have, in parts.
//!
//! Promise: it never runs on the ledger's thread. It reads the next part only when the client has
//! taken enough. The journal and the vault check all bytes that are read. The checksum that is sent
//! covers the bytes that were read.

use std::collections::HashMap;
use std::hash::Hasher as _;

use aftercall_definition::time::Time;
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use twox_hash::XxHash3_64;

use super::{Begun, ERASURES, FORMAT, IDENTITY, KEYS, frames, journal_name, journal_range};
use crate::journal::{Identity, JournalError, Position};
use crate::ledger::capture::Capture;
use crate::limits::{
    BACKUP_JOURNAL_FILE_ENTRIES, BACKUP_PIECE_BYTES, BACKUP_READ_BYTES, BACKUP_STALL_MAX,
    BACKUP_TIME_MAX,
};
use crate::records::{RecordError, decode_group, encode_erasure};

/// A part of a backup.
#[derive(Clone, Debug)]
pub enum Part {
    /// The backup begins.
    Begin {
        /// The properties of the backup.
        begun: Begun,
        /// Why all files are sent. `None` if the base is used.
        full: Option<FullReason>,
        /// The approximate number of files.
        files: u64,
    },
    /// A file with this name begins.
    File(String),
    /// The next bytes of the file.
    Piece(Bytes),
    /// The file ends.
    FileEnd {
        /// Its size.
        bytes: u64,
        /// The xxh3-64 of its bytes.
        checksum: u64,
    },
    /// A file that the client has already.
    Kept(String),
    /// The backup is complete.
    End {
        /// The chain hash at its sequence.
        chain: u64,
        /// The time of the entry at its sequence.
        at: Time,
    },
}

/// The files that the client has from an earlier backup.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The epoch of its store.
    pub epoch: String,
    /// Its position in the journal.
    pub position: Position,
    /// The files by name, each with its xxh3-64. A file without one is identified by its name
    /// alone.
    pub files: HashMap<String, Option<u64>>,
}

/// Why all files are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullReason {
    /// The client has no earlier backup.
    NoBase,
    /// The base comes from a store with another epoch.
    OtherEpoch,
    /// The store has another entry at the sequence of the base, or none yet.
    OtherHistory,
    /// The journal does not reach back to the sequence of the base.
    TooOld,
}

/// Why a backup was not completed.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The store could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record could not be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The client has disconnected.
    #[error("the client has disconnected")]
    Gone,
    /// The client read nothing for too long.
    #[error("the client read nothing for {} s", BACKUP_STALL_MAX.as_secs())]
    Stalled,
    /// The whole backup took too long.
    #[error("the backup took longer than {} s", BACKUP_TIME_MAX.as_secs())]
    TooSlow,
}

/// The file that is being sent.
struct Sending {
    parts: mpsc::Sender<Part>,
    give_up: Instant,
    buffer: BytesMut,
    hasher: XxHash3_64,
    bytes: u64,
}

impl Sending {
    async fn part(&self, part: Part) -> Result<(), SourceError> {
        if Instant::now() >= self.give_up {
            return Err(SourceError::TooSlow);
        }
        match timeout(BACKUP_STALL_MAX, self.parts.send(part)).await {
            Ok(sent) => sent.map_err(|_| SourceError::Gone),
            Err(_) => Err(SourceError::Stalled),
        }
    }

    async fn begin(&mut self, name: &str) -> Result<(), SourceError> {
        (self.bytes, self.hasher) = (0, XxHash3_64::new());
        self.part(Part::File(name.to_owned())).await
    }

    async fn frame(&mut self, frame: &[u8]) -> Result<(), SourceError> {
        frames::put(&mut self.buffer, frame);
        while self.buffer.len() >= BACKUP_PIECE_BYTES {
            self.piece(BACKUP_PIECE_BYTES).await?;
        }
        Ok(())
    }

    async fn piece(&mut self, bytes: usize) -> Result<(), SourceError> {
        let piece = self.buffer.split_to(bytes).freeze();
        self.hasher.write(&piece);
        self.bytes += piece.len() as u64;
        self.part(Part::Piece(piece)).await
    }

    async fn end(&mut self) -> Result<(), SourceError> {
        if !self.buffer.is_empty() {
            self.piece(self.buffer.len()).await?;
        }
        self.part(Part::FileEnd {
            bytes: self.bytes,
            checksum: self.hasher.finish(),
        })
        .await
    }

    async fn small_file(&mut self, name: &str, frames: Vec<Vec<u8>>) -> Result<(), SourceError> {
        self.begin(name).await?;
        for frame in frames {
            self.frame(&frame).await?;
        }
        self.end().await
    }
}

/// Sends all of a capture that is not in `base`.
///
/// # Errors
/// [`SourceError`]. The parts that were sent before are then not a complete backup.
pub async fn send(
    capture: &Capture,
    identity: &Identity,
    (base, now): (Option<Base>, Time),
    parts: mpsc::Sender<Part>,
) -> Result<u64, SourceError> {
    let mut sending = Sending {
        parts,
        give_up: Instant::now() + BACKUP_TIME_MAX,
        buffer: BytesMut::with_capacity(2 * BACKUP_PIECE_BYTES),
        hasher: XxHash3_64::new(),
        bytes: 0,
    };
    let (full, known) = match usable(capture, identity, base).await? {
        Ok(known) => (None, known),
        Err(reason) => (Some(reason), HashMap::new()),
    };
    let blobs = [&capture.snapshots[..], &capture.history, &capture.archive].concat();
    let begun = begun(capture, identity, now);
    // The other four files are the identity, the keys, the erasures and the journal.
    let files = blobs.len() as u64 + 4;
    sending.part(Part::Begin { begun, full, files }).await?;
    let mut sent = send_small(&mut sending, capture, identity).await?;
    for name in &blobs {
        if let Some(checksum) = known.get(name)
            && is_same(capture, name, *checksum).await?
        {
            sending.part(Part::Kept(name.clone())).await?;
            continue;
        }
        let mut offset = 0;
        sending.begin(name).await?;
        while let Some((frame, next)) = capture.vault.read_frame(name, offset).await? {
            sending.frame(&frame).await?;
            offset = next;
        }
        sending.end().await?;
        sent += sending.bytes;
    }
    let (chain, bytes) = Journal::new(capture, &known).send(&mut sending).await?;
    // Before the end: a client that has received the end may use this backup as a base.
    capture
        .note_sent(Position {
            sequence: capture.root.sequence,
            chain,
        })
        .await?;
    // Without an entry a store has no time of its own.
    let at = if capture.root.sequence > 0 {
        capture.root.at
    } else {
        now
    };
    sending.part(Part::End { chain, at }).await?;
    Ok(sent + bytes)
}

fn begun(capture: &Capture, identity: &Identity, now: Time) -> Begun {
    use aftercall_engine::erasure::ErasureState::Done;
    let unfinished = capture
        .root
        .erasures
        .values()
        .filter(|erasure| erasure.state != Done);
    Begun {
        format: FORMAT,
        epoch: identity.epoch.clone(),
        sequence: capture.root.sequence,
        created_at_millis: now.0,
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        unfinished_erasures: unfinished.map(|erasure| erasure.id).collect(),
    }
}

async fn send_small(
    sending: &mut Sending,
    capture: &Capture,
    identity: &Identity,
) -> Result<u64, SourceError> {
    sending
        .small_file(IDENTITY, vec![identity.text().into_bytes()])
        .await?;
    let keys = capture
        .keys
        .iter()
        .flat_map(|(name, value)| [name.clone().into_bytes(), value.to_vec()]);
    sending.small_file(KEYS, keys.collect()).await?;
    let erasures = capture
        .root
        .erasures
        .values()
        .map(|erasure| encode_erasure(erasure));
    sending.small_file(ERASURES, erasures.collect()).await?;
    Ok(sending.bytes)
}

/// The files of a base that also belong to this store. Otherwise why they cannot be used.
async fn usable(
    capture: &Capture,
    identity: &Identity,
    base: Option<Base>,
) -> Result<Result<HashMap<String, Option<u64>>, FullReason>, SourceError> {
    let Some(base) = base else {
        return Ok(Err(FullReason::NoBase));
    };
    if base.epoch != identity.epoch {
        return Ok(Err(FullReason::OtherEpoch));
    }
    let (Position { sequence, chain }, oldest) = (base.position, capture.bounds.base);
    if sequence > capture.root.sequence {
        return Ok(Err(FullReason::OtherHistory));
    }
    if sequence < oldest.sequence {
        return Ok(if capture.was_sent(base.position).await? {
            Ok(base.files)
        } else {
            Err(FullReason::TooOld)
        });
    }
    let here = if sequence == oldest.sequence {
        Some(oldest.chain)
    } else {
        chain_at(capture, sequence).await?
    };
    Ok(if here == Some(chain) {
        Ok(base.files)
    } else {
        Err(FullReason::OtherHistory)
    })
}

/// Whether this store has the same file under this name. Journal files need no check, because the
/// chain hash proves them.
async fn is_same(
    capture: &Capture,
    name: &str,
    checksum: Option<u64>,
) -> Result<bool, SourceError> {
    let Some(checksum) = checksum else {
        return Ok(true);
    };
    let (mut hasher, mut offset) = (XxHash3_64::new(), 0);
    while let Some((frame, next)) = capture.vault.read_frame(name, offset).await? {
        frames::hash(&mut hasher, &frame);
        offset = next;
    }
    Ok(hasher.finish() == checksum)
}

async fn chain_at(capture: &Capture, sequence: u64) -> Result<Option<u64>, SourceError> {
    let groups = capture.log.read(sequence, 1).await?;
    let Some(group) = groups.first() else {
        return Ok(None);
    };
    let linked = decode_group(&group.bytes, group.chain_before, group.chain)?;
    Ok(linked
        .iter()
        .find(|linked| linked.entry.sequence == sequence)
        .map(|linked| linked.chain))
}

/// The journal part of a backup.
struct Journal<'c> {
    capture: &'c Capture,
    /// The ranges of the client's journal files, except those with entries that were trimmed here.
    known: Vec<(u64, u64)>,
}

impl<'c> Journal<'c> {
    fn new(capture: &'c Capture, names: &HashMap<String, Option<u64>>) -> Self {
        let oldest = capture.bounds.oldest();
        let mut known: Vec<_> = names
            .keys()
            .filter_map(|name| journal_range(name))
            .collect();
        // The trimmed entries may contain erased data, so the client must not keep them.
        known.retain(|(first, last)| {
            *first >= oldest && *last <= capture.root.sequence && first <= last
        });
        Self { capture, known }
    }

    /// Sends the entries from the oldest up to the capture's sequence. Returns the chain hash
    /// there, and the number of bytes sent.
    async fn send(self, sending: &mut Sending) -> Result<(u64, u64), SourceError> {
        let (mut next, upto) = (self.capture.bounds.oldest(), self.capture.root.sequence);
        let (mut chain, mut sent) = (self.capture.bounds.base.chain, 0);
        while next <= upto {
            if let Some((first, last)) =
                self.known.iter().copied().find(|(first, _)| *first == next)
            {
                sending.part(Part::Kept(journal_name(first, last))).await?;
                chain = chain_at(self.capture, last)
                    .await?
                    .ok_or_else(|| missing(last))?;
                next = last + 1;
                continue;
            }
            let last = self.last_of_file(next).await?;
            sending.begin(&journal_name(next, last)).await?;
            while next <= last {
                let groups = self.capture.log.read(next, BACKUP_READ_BYTES).await?;
                for group in groups.iter().filter(|group| group.last <= last) {
                    sending.frame(&frames::group_frame(group)).await?;
                    (next, chain) = (group.last + 1, group.chain);
                }
                if groups.is_empty() {
                    return Err(missing(next));
                }
            }
            sending.end().await?;
            sent += sending.bytes;
        }
        Ok((chain, sent))
    }

    /// The last entry of the file that begins with `first`. It is the end of a group, and before
    /// the first range that the client has.
    async fn last_of_file(&self, first: u64) -> Result<u64, SourceError> {
        let upto = self.capture.root.sequence;
        let enough = first
            .saturating_add(BACKUP_JOURNAL_FILE_ENTRIES - 1)
            .min(upto);
        let group = self
            .capture
            .log
            .read(enough, 1)
            .await?
            .into_iter()
            .next()
            .ok_or_else(|| missing(enough))?;
        let known = self
            .known
            .iter()
            .map(|(first, _)| *first)
            .filter(|known| *known > first)
            .min();
        Ok(known.map_or(upto, |known| known - 1).min(group.last))
    }
}

fn missing(sequence: u64) -> SourceError {
    JournalError::Damaged {
        what: format!("entry {sequence} is missing"),
        place: "the journal".to_owned(),
    }
    .into()
}
