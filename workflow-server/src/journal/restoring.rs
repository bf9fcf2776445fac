//! The mark of a store that is being filled from a backup. While it is there the store does not
//! open: half a restore must never be taken for a store.

use std::path::Path;

use super::{Disk, OpenError, files};

/// The mark in the data directory.
pub(super) const MARK: &str = "restoring";

/// Sets the mark, before anything else of the store is there.
pub(crate) fn begin(dir: &Path, disk: &dyn Disk) -> Result<(), OpenError> {
    files::replace(dir, MARK, b"", disk).map_err(|error| OpenError::io("marking", dir, &error))
}

/// Removes the mark: the store is complete.
pub(crate) fn finish(dir: &Path, disk: &dyn Disk) -> Result<(), OpenError> {
    files::remove(dir, MARK, disk).map_err(|error| OpenError::io("completing", dir, &error))
}

/// Refuses a directory with the mark.
pub(crate) fn check(dir: &Path) -> Result<(), OpenError> {
    match dir.join(MARK).try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(OpenError::HalfRestored {
            dir: dir.display().to_string(),
        }),
        Err(error) => Err(OpenError::io("looking into", dir, &error)),
    }
}
