//! The first failure of a store. After it, nothing is written any more in this process.
//!
//! Promise: the first reason is kept, and is never cleared. The marker is written immediately, so
//! that the next open copies the store.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::{Disk, JournalError};

/// The name of the marker in the data directory.
pub(crate) const MARKER: &str = "sync-failed";

/// Shared by the log, its head file and the vault of one store.
pub(crate) struct Fault {
    reason: OnceLock<String>,
    dir: PathBuf,
    disk: Arc<dyn Disk>,
}

impl Fault {
    pub(crate) fn new(dir: &Path, disk: Arc<dyn Disk>) -> Self {
        Self {
            reason: OnceLock::new(),
            dir: dir.to_owned(),
            disk,
        }
    }

    /// Returns the first failure as an error, if there is one.
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        match self.reason.get() {
            None => Ok(()),
            Some(reason) => Err(JournalError::Failed {
                reason: reason.clone(),
            }),
        }
    }

    /// Ends all writing. Returns an error with the first reason.
    pub(crate) fn raise(&self, reason: String) -> JournalError {
        let first = self.reason.set(reason).is_ok();
        let kept = self.reason.get().cloned().unwrap_or_default();
        if first {
            tracing::error!(reason = %kept, dir = %self.dir.display(), "the store has failed: nothing is written any more; \
                 restart the server, it will copy the store to fresh files before it serves");
            leave_marker(&self.dir, &kept, self.disk.as_ref());
        }
        JournalError::Failed { reason: kept }
    }

    /// The first reason. `None` while all is well.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}

/// Leaves a marker, so that the next open copies the log. This is best effort: the disk has just
/// failed, and may fail here too.
pub(crate) fn leave_marker(dir: &Path, reason: &str, disk: &dyn Disk) {
    let path = dir.join(MARKER);
    let written = File::create(&path)
        .and_then(|mut file| {
            file.write_all(reason.as_bytes())?;
            disk.sync_all(&file, &path)
        })
        .and_then(|()| disk.sync_directory(dir));
    if let Err(error) = written {
        tracing::error!(path = %path.display(), %error, "the marker of the failure could not be made durable: if the machine \
             stays up, create this file by hand before the restart");
    }
}
