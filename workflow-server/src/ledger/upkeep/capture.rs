//! The files that a backup copies. They make up the World at one sequence, and stay in place until
//! the backup has read them.
//!
//! The keeper makes a capture between two of its steps, so that the files are consistent. A capture
//! has a lease. During it the keeper removes no snapshot and trims nothing, and scrubbing and
//! purging wait. So no erasure is reported as done while a backup still copies the erased caller.

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

/// The key that holds the positions up to which backups were sent. It stays with the data
/// directory, because a copy of the directory has only its own past.
const BACKED_UP: &str = "backed-up";
/// The size of a position in this key, in bytes.
const POSITION_BYTES: usize = 16;

/// All that a backup copies, as of one sequence.
pub struct Capture {
    /// The World at that sequence.
    pub root: Arc<Root>,
    /// The range of the journal. Entries after the sequence of `root` do not belong to the capture.
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
    /// Whether a backup was sent up to this position. The store then has the same entries up to
    /// there, even if its journal no longer contains them.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn was_sent(&self, position: Position) -> Result<bool, JournalError> {
        let known = self.vault.get_key(BACKED_UP).await?.unwrap_or_default();
        Ok(known
            .chunks_exact(POSITION_BYTES)
            .any(|sent| *sent == place_bytes(position)))
    }

    /// Notes that a backup was sent up to this position. Only the newest positions are kept.
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

/// Keeps files in place while it exists. When it is dropped, the keeper catches up.
struct Lease {
    alive: Option<Arc<()>>,
    keeper: Arc<Notify>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Before the wake-up, because the keeper must find that the lease has ended.
        self.alive = None;
        self.keeper.notify_one();
    }
}

/// A lease that no backup has.
pub(in crate::ledger) fn no_lease() -> Weak<()> {
    Weak::new()
}

/// The first and last sequence of a chunk of the history with this name. `None` for other names.
#[must_use]
pub fn history_range(name: &str) -> Option<(u64, u64)> {
    history::range_of(name)
}

/// The name of a file of the archive.
#[must_use]
pub fn archive_name(file: u64) -> String {
    archive::file_name(file)
}

/// The entries of one frame of a history chunk.
///
/// # Errors
/// [`RecordError`] if the frame is damaged.
pub fn history_entries(frame: &[u8]) -> Result<Vec<Arc<Entry>>, RecordError> {
    history::frame_entries(frame)
}
