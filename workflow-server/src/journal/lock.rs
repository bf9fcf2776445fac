//! The lock on a data directory. Only one process, and in it one handle, has it.
//!
//! It is released when the last writing part of the store is dropped.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{LOCK_RETRY, OpenError};

/// Holds the lock while it exists.
pub(crate) struct DirectoryLock {
    _file: File,
    /// Locks the directory itself. This lock still works if a person removes the lock file.
    _dir: Option<File>,
}

impl DirectoryLock {
    /// Takes the lock. Waits up to `wait` for a process that is ending.
    pub(crate) fn take(dir: &Path, wait: Duration) -> Result<Self, OpenError> {
        let path = dir.join("lock");
        let file = super::files::create_file(&path)
            .map_err(|error| OpenError::io("opening", &path, &error))?;
        let give_up = Instant::now() + wait;
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && !wait.is_zero() {
            let (dir, seconds) = (dir.display(), wait.as_secs_f64());
            tracing::info!(%dir, seconds, "another process has the data directory: waiting for it to end");
        }
        lock(&file, give_up).map_err(|error| refused(dir, &path, error))?;
        let opened = File::open(dir).map_err(|error| OpenError::io("opening", dir, &error))?;
        let locked_dir = match lock(&opened, give_up) {
            Ok(()) => Some(opened),
            Err(error @ TryLockError::WouldBlock) => return Err(refused(dir, dir, error)),
            // Some network file systems lock only files that are open for writing. The lock of the
            // file must then be enough.
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "the file system does not lock directories");
                None
            }
        };
        Ok(Self {
            _file: file,
            _dir: locked_dir,
        })
    }
}

fn lock(file: &File, give_up: Instant) -> Result<(), TryLockError> {
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => {
                std::thread::sleep(LOCK_RETRY);
            }
            result => return result,
        }
    }
}

fn refused(dir: &Path, locked: &Path, error: TryLockError) -> OpenError {
    match error {
        TryLockError::WouldBlock => OpenError::Locked {
            dir: dir.display().to_string(),
        },
        TryLockError::Error(error) => OpenError::io("locking", locked, &error),
    }
}
