//! Makes a capture: a backup requests it through the handle, and the keeper answers.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Capture, CaptureRequest, KEYS, Lease};
use crate::ledger::read::history::Place;
use crate::ledger::read::{archive, snapshots};
use crate::ledger::upkeep::keep_error::KeepError;
use crate::ledger::upkeep::keeper::Keeper;
use crate::ledger::{Handle, LedgerError};
use crate::limits::{BACKUP_TURN_MAX, SNAPSHOTS_KEPT};

impl Handle {
    /// Captures all files at the newest durable sequence, for a backup. Waits until the keeper has
    /// finished its current step.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if the server is shutting down, the keeper is busy for too
    /// long, or files cannot be read.
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
    /// Whether a backup is reading the files.
    pub(in crate::ledger) fn is_leased(&self) -> bool {
        self.lease.strong_count() > 0
    }

    /// Answers a request for a capture.
    pub(in crate::ledger) async fn answer_capture(&mut self, request: CaptureRequest) {
        // If the caller no longer waits, dropping the answer ends the lease.
        let _ = request.send(self.capture().await);
    }

    /// Answers all requests for a capture that are waiting.
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

    /// Removes and trims what was postponed during a backup.
    pub(in crate::ledger) async fn catch_up(&mut self) -> Result<(), KeepError> {
        if self.has_postponed && !self.is_leased() {
            self.has_postponed = false;
            self.remove_and_trim(SNAPSHOTS_KEPT).await?;
        }
        Ok(())
    }
}
