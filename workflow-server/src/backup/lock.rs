//! The lock on a directory of backups: for one writing command, or for several reading ones.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::BackupError;
use crate::journal::files;

/// The name of the locked file.
pub(super) const FILE: &str = "lock";

/// Holds the lock while it exists.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks for a command that writes.
    pub(super) fn to_write(dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join(FILE);
        let file = files::create_file(&path).map_err(BackupError::io("opening", &path))?;
        Self::taken(dir, file.try_lock(), file)
    }

    /// Locks for a command that only reads. `None` on a read-only medium, because no command can
    /// write there.
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
