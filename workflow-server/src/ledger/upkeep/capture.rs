//! What a backup copies: the files that make up the World at one sequence, held in place until it
//! has read them.
//!
//! The keeper takes a capture between two of its steps, so that the files fit together. While the
//! lease of a capture lives, the keeper removes no snapshot and trims nothing, and scrubbing and
//! purging wait. Erasing is therefore never reported as done while a backup still copies what was
//! erased.

mod taking;

use std::sync::{Arc, Weak};

use aftercall_engine::{Entry, Root};
use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::keep_error::KeepError;
use super::purger::{PURGED_FOR, PURGED_ON};
use crate::journal::{Bounds, JournalError, Leading, Log, Position, Vault};
pub use crate::ledger::read::snapshots::snapshot_sequence;
use crate::ledger::read::{archive, history};
use crate::limits::BACKUPS_NOTED_MAX;
use crate::records::RecordError;

/// The keys of the vault that belong to the data.
pub(crate) const KEYS: [&str; 2] = [PURGED_ON, PURGED_FOR];

/// The key under which is noted up to where backups were sent. It stays with the data directory: a
/// copy of it knows only its own past.
const BACKED_UP: &str = "backed-up";
/// Bytes of a place in it.
const POSITION_BYTES: usize = 16;

/// Everything that a backup copies, as of one sequence.
pub struct Capture {
    /// The World at that sequence.
    pub root: Arc<Root>,
    /// What the journal keeps. Entries after the sequence of `root` do not belong to the capture.
    pub bounds: Bounds,
    /// The names of the snapshots, oldest first.
    pub snapshots: Vec<String>,
    /// The names of the chunks of the history, oldest first.
    pub history: Vec<String>,
    /// The names of the chunks of the archive that the World names.
    pub archive: Vec<String>,
    /// The keys of the vault, with their values.
    pub keys: Vec<(String, Bytes)>,
    /// The journal.
    pub log: Arc<dyn Log>,
    /// The files.
    pub vault: Arc<dyn Vault>,
    leading: Leading,
    _lease: Lease,
}

impl Capture {
    /// Whether a backup was sent up to this place: then this store has the same entries up to
    /// there, also where its journal no longer reaches back to it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn was_sent(&self, position: Position) -> Result<bool, JournalError> {
        let known = self.vault.get_key(BACKED_UP).await?.unwrap_or_default();
        Ok(known
            .chunks_exact(POSITION_BYTES)
            .any(|sent| *sent == place_bytes(position)))
    }

    /// Notes that a backup was sent up to this place. The newest are kept.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn note_sent(&self, position: Position) -> Result<(), JournalError> {
        let known = self.vault.get_key(BACKED_UP).await?.unwrap_or_default();
        let mut kept = place_bytes(position).to_vec();
        kept.extend(
            known
                .chunks_exact(POSITION_BYTES)
                .take(BACKUPS_NOTED_MAX - 1)
                .flatten(),
        );
        self.leading.vault().put_key(BACKED_UP, kept.into()).await
    }
}

fn place_bytes(position: Position) -> [u8; POSITION_BYTES] {
    let mut bytes = [0; POSITION_BYTES];
    let (sequence, chain) = bytes.split_at_mut(POSITION_BYTES / 2);
    sequence.copy_from_slice(&position.sequence.to_le_bytes());
    chain.copy_from_slice(&position.chain.to_le_bytes());
    bytes
}

/// A request for a capture.
pub(in crate::ledger) type CaptureRequest = oneshot::Sender<Result<Capture, KeepError>>;

/// Keeps files in place for as long as it lives; the keeper then catches up.
struct Lease {
    alive: Option<Arc<()>>,
    keeper: Arc<Notify>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        // First: the keeper must find that it has ended.
        self.alive = None;
        self.keeper.notify_one();
    }
}

/// The lease of no backup.
pub(in crate::ledger) fn no_lease() -> Weak<()> {
    Weak::new()
}

/// Whether a blob of this name is a chunk of the history; then its first and last sequence.
#[must_use]
pub fn history_range(name: &str) -> Option<(u64, u64)> {
    history::range_of(name)
}

/// The name of a file of the archive.
#[must_use]
pub fn archive_name(file: u64) -> String {
    archive::file_name(file)
}

/// The entries of a frame of a chunk of the history.
///
/// # Errors
/// [`RecordError`] where it does not read whole.
pub fn history_entries(frame: &[u8]) -> Result<Vec<Arc<Entry>>, RecordError> {
    history::frame_entries(frame)
}
