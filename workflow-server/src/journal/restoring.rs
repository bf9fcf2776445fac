//! The mark of a store that is being filled from a backup. The store does not open while the mark
//! exists, because an incomplete restore is not a store.

use std::path::Path;

use super::{Disk, OpenError, files};

/// The name of the mark in the data directory.
pub(super) const MARK: &str = "restoring";

/// Sets the mark, before any other file of the store exists.
pub(crate) fn begin(dir: &Path, disk: &dyn Disk) -> Result<(), OpenError> {
    files::replace(dir, MARK, b"", disk).map_err(|error| OpenError::io("marking", dir, &error))
}

/// Removes the mark, because the store is complete.
pub(crate) fn finish(dir: &Path, disk: &dyn Disk) -> Result<(), OpenError> {
    files::remove(dir, MARK, disk).map_err(|error| OpenError::io("completing", dir, &error))
}

/// Returns an error if the directory has the mark.
pub(crate) fn check(dir: &Path) -> Result<(), OpenError> {
    match dir.join(MARK).try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(OpenError::HalfRestored {
            dir: dir.display().to_string(),
        }),
        Err(error) => Err(OpenError::io("looking into", dir, &error)),
    }
}
