//! The lock on a data directory: one process at a time, and in it one handle.
//!
//! It is held until the last part of the store that writes has let go of it.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::{Duration, Instant},
};

use super::{LOCK_RETRY, OpenError};

/// Held as long as it lives.
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, waiting up to `wait` for a process that is just ending.
    pub(crate) fn take(dir: &Path, wait: Duration) -> Result<Self, OpenError> {
        let path = dir.join("lock");
        let file = super::files::create_file(&path).map_err(|error| OpenError::io("opening", &path, &error))?;
        let give_up = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < give_up => std::thread::sleep(LOCK_RETRY),
                Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { dir: dir.display().to_string() }),
                Err(TryLockError::Error(error)) => return Err(OpenError::io("locking", &path, &error)),
            }
        }
    }
}
