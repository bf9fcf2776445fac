//! A new epoch for a data directory that was copied or put back: without one, clients of the
//! original would take it for the same store.

use std::path::Path;

use crate::journal::{OpenError, RealDisk, replace_epoch};

/// Gives the store in a directory a new epoch; returns the old one and the new one. Everything else
/// stays as it is.
///
/// # Errors
/// [`OpenError`]: the directory is in use or damaged, or there is no store.
pub fn new_epoch(dir: &Path) -> Result<(String, String), OpenError> {
    let epoch = format!("{:032x}", rand::random::<u128>());
    let old = replace_epoch(dir, &epoch, &RealDisk)?;
    Ok((old, epoch))
}
