//! The lock on a data directory: one process at a time, and in it one handle.
//!
//! It is held until the last part of the store that writes has released it.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{LOCK_RETRY, OpenError};

/// Held as long as it lives.
pub(crate) struct DirectoryLock {
    _file: File,
    /// The directory itself: its lock holds also where somebody has removed the file.
    _dir: Option<File>,
}

impl DirectoryLock {
    /// Takes the lock, waiting up to `wait` for a process that is just ending.
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
            // Some network file systems lock only what is open for writing: there the file's lock
            // alone counts.
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
