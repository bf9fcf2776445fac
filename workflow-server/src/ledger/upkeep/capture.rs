//! What a backup copies: the files that make up the World at one sequence, held in place until it
//! has read them.
//!
//! The keeper takes a capture between two of its steps, so that the files fit together. While the
//! lease of a capture lives, the keeper removes no snapshot and trims nothing, and scrubbing and
//! purging wait. Erasing is therefore never reported as done while a backup still copies what was
//! erased.

use std::sync::{Arc, Weak};

use aftercall_engine::{Entry, Root};
use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::keeper::{KeepError, Keeper};
use super::purger::{PURGED_FOR, PURGED_ON};
use crate::journal::{Bounds, JournalError, Leading, Log, Position, Vault};
use crate::ledger::read::history::Place;
pub use crate::ledger::read::snapshots::snapshot_sequence;
use crate::ledger::read::{archive, history, snapshots};
use crate::ledger::{Handle, LedgerError};
use crate::limits::{BACKUP_TURN_MAX, BACKUPS_NOTED_MAX, SNAPSHOTS_KEPT};
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

impl Handle {
    /// Captures everything at the newest durable sequence, for a backup. Waits for the keeper to
    /// finish what it is doing.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] where the server is shutting down, the keeper is busy for too
    /// long or files cannot be read.
    pub async fn capture(&self) -> Result<Capture, LedgerError> {
        let (answer, answered) = oneshot::channel();
        self.captures
            .send(answer)
            .await
            .map_err(|_| self.unavailable())?;
        let captured = tokio::time::timeout(BACKUP_TURN_MAX, answered).await;
        let busy = |_| {
            LedgerError::Unavailable(
                "erasing or purging keeps the files busy: try the backup again later".into(),
            )
        };
        let captured = captured.map_err(busy)?.map_err(|_| self.unavailable())?;
        captured.map_err(|error| {
            LedgerError::Unavailable(format!("the files cannot be read: {error}").into())
        })
    }
}

impl Keeper {
    /// Whether a backup reads the files.
    pub(in crate::ledger) fn is_leased(&self) -> bool {
        self.lease.strong_count() > 0
    }

    /// Answers a request for a capture.
    pub(in crate::ledger) async fn answer_capture(&mut self, request: CaptureRequest) {
        // Where nobody waits any more, dropping the answer ends the lease.
        let _ = request.send(self.capture().await);
    }

    /// The same, where one waits.
    pub(in crate::ledger) async fn serve_captures(&mut self) {
        while let Ok(request) = self.captures.try_recv() {
            self.answer_capture(request).await;
        }
    }

    async fn capture(&mut self) -> Result<Capture, KeepError> {
        let alive = self.lease.upgrade().unwrap_or_default();
        self.lease = Arc::downgrade(&alive);
        let lease = Lease {
            alive: Some(alive),
            keeper: self.wake.clone(),
        };
        let root = self.handle.root();
        let mut keys = Vec::new();
        for name in KEYS {
            keys.extend(
                self.vault
                    .get_key(name)
                    .await?
                    .map(|value| (name.to_owned(), value)),
            );
        }
        Ok(Capture {
            bounds: self.log.bounds().await?,
            snapshots: snapshots::names(self.vault.as_ref()).await?,
            history: root
                .history
                .chunks
                .values()
                .map(|chunk| Place::from(*chunk).name())
                .collect(),
            archive: root
                .archive
                .chunks
                .values()
                .map(|chunk| archive::file_name(chunk.file))
                .collect(),
            keys,
            root,
            log: self.log.clone(),
            vault: self.vault.clone(),
            leading: self.leading.clone(),
            _lease: lease,
        })
    }

    /// Removes and trims what was put off while a backup ran.
    pub(in crate::ledger) async fn catch_up(&mut self) -> Result<(), KeepError> {
        if self.put_off && !self.is_leased() {
            self.put_off = false;
            self.remove_and_trim(SNAPSHOTS_KEPT).await?;
        }
        Ok(())
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
