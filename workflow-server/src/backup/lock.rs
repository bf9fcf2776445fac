//! The lock on a directory of backups: one command that writes, or several that read.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::BackupError;
use crate::journal::files;

/// The name of the locked file.
pub(super) const FILE: &str = "lock";

/// Held as long as it lives.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// For a command that writes.
    pub(super) fn to_write(dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join(FILE);
        let file = files::create_file(&path).map_err(BackupError::io("opening", &path))?;
        Self::taken(dir, file.try_lock(), file)
    }

    /// For a command that only reads. A directory on a read-only medium has nobody who writes.
    pub(super) fn to_read(dir: &Path) -> Result<Option<Self>, BackupError> {
        let Ok(file) = File::open(dir.join(FILE)) else {
            return Ok(None);
        };
        Self::taken(dir, file.try_lock_shared(), file).map(Some)
    }

    fn taken(dir: &Path, tried: Result<(), TryLockError>, file: File) -> Result<Self, BackupError> {
        match tried {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(BackupError::Locked {
                dir: dir.display().to_string(),
            }),
            Err(TryLockError::Error(error)) => Err(BackupError::io("locking", dir)(error)),
        }
    }
}
