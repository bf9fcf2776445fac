//! What can go wrong with a backup on the operator's side, each in a sentence that says what to do.

use std::io;
use std::path::Path;

use aftercall_engine::world::ApplyError;
use thiserror::Error;

use crate::journal::{JournalError, OpenError};
use crate::ledger::RecoverError;
use crate::records::RecordError;

/// Why a backup was not taken, verified or restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The directory holds something else.
    #[error(
        "{dir} is not a directory of backups: name one that `aftercall backup --to` has written, or an empty one to begin"
    )]
    NotABackup {
        /// The directory.
        dir: String,
    },
    /// Somebody else uses the directory.
    #[error("another command is using the backups in {dir}: wait for it to end")]
    Locked {
        /// The directory.
        dir: String,
    },
    /// There is nothing to restore.
    #[error("there is no complete backup in {dir}: make one with `aftercall backup --to {dir}`")]
    Empty {
        /// The directory.
        dir: String,
    },
    /// No such generation.
    #[error(
        "there is no backup number {generation} in {dir}: `aftercall backup list {dir}` lists the existing backups"
    )]
    NoSuchGeneration {
        /// The directory.
        dir: String,
        /// The number that was named.
        generation: u32,
    },
    /// A newer version made it.
    #[error(
        "{place} has format {format}, and this version reads formats up to {known}: use the version that made it"
    )]
    NewerFormat {
        /// The manifest.
        place: String,
        /// Format found.
        format: u32,
        /// Newest format known here.
        known: u32,
    },
    /// A file is not what was written.
    #[error(
        "{place} is damaged: {what}. Use another backup (`aftercall backup list` shows them), and check the disk"
    )]
    Damaged {
        /// The file.
        place: String,
        /// What does not fit.
        what: String,
    },
    /// The stream broke a rule.
    #[error(
        "the server sent what does not belong in a backup ({0}): nothing was kept; are server and command line of one version?"
    )]
    Protocol(String),
    /// The point lies outside of what the backups hold.
    #[error("{point} cannot be restored from these backups: {reach}")]
    OutOfReach {
        /// The point that was named.
        point: String,
        /// What can be restored.
        reach: String,
    },
    /// The directory to restore into holds something.
    #[error(
        "{dir} is not empty: restore into an empty or a new directory, and keep the old one until the restored server is checked"
    )]
    NotEmpty {
        /// The directory.
        dir: String,
    },
    /// What verifying found to be wrong, apart from checksums.
    #[error("{0}")]
    Unsound(String),
    /// The file system.
    #[error("{doing} {path}: {error}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: String,
        /// The system's reason.
        error: io::Error,
    },
    /// A store could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A store could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A World could not be rebuilt.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// A record could not be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// An entry does not fit.
    #[error(transparent)]
    ApplyError(#[from] ApplyError),
}

impl BackupError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::Io { doing, path, error }
    }

    pub(super) fn damaged(place: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            place: place.display().to_string(),
            what: what.into(),
        }
    }
}
