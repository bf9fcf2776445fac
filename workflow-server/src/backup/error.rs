//! The errors of backups for operators. Each is a sentence that says what to do.

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
    /// The directory contains other files.
    #[error(
        "{dir} is not a directory of backups: name one that `aftercall backup --to` has written, or an empty one to begin"
    )]
    NotABackup {
        /// The directory.
        dir: String,
    },
    /// Another command uses the directory.
    #[error("another command is using the backups in {dir}: wait for it to end")]
    Locked {
        /// The directory.
        dir: String,
    },
    /// There is no backup to restore.
    #[error("there is no complete backup in {dir}: make one with `aftercall backup --to {dir}`")]
    Empty {
        /// The directory.
        dir: String,
    },
    /// There is no such generation.
    #[error(
        "there is no backup number {generation} in {dir}: `aftercall backup list {dir}` lists the existing backups"
    )]
    NoSuchGeneration {
        /// The directory.
        dir: String,
        /// The requested number.
        generation: u32,
    },
    /// A newer version made it.
    #[error(
        "{place} has format {format}, and this version reads formats up to {known}: use the version that made it"
    )]
    NewerFormat {
        /// The manifest.
        place: String,
        /// The format of the backup.
        format: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// The bytes of a file are not those that were written.
    #[error(
        "{place} is damaged: {what}. Use another backup (`aftercall backup list` shows them), and check the disk"
    )]
    Damaged {
        /// The file.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// The server broke a rule of the stream.
    #[error(
        "the server sent an invalid backup ({0}): nothing was kept; check that server and command line have the same version"
    )]
    Protocol(String),
    /// The point is outside of the range of the backups.
    #[error("{point} cannot be restored from these backups: {reach}")]
    OutOfReach {
        /// The requested point.
        point: String,
        /// What can be restored.
        reach: String,
    },
    /// The directory to restore into is not empty.
    #[error(
        "{dir} is not empty: restore into an empty or a new directory, and keep the old one until the restored server is checked"
    )]
    NotEmpty {
        /// The directory.
        dir: String,
    },
    /// An error that `verify` found, other than a wrong checksum.
    #[error("{0}")]
    Unsound(String),
    /// An error of the file system.
    #[error("{doing} {path}: {error}")]
    Io {
        /// The operation.
        doing: &'static str,
        /// The file.
        path: String,
        /// The reason from the system.
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
    /// An entry does not fit the World before it.
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
