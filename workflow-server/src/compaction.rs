//! Compaction: the journal is copied to fresh files, which releases the space that trimming has
//! freed inside the old ones.
//!
//! Promise: the copy is verified and durable before the old files go; interrupted anywhere, the
//! next open finds one of the two whole. A server must not run on the directory meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use crate::journal::{Birth, Bounds, OpenError, Options, RealDisk, Store};

/// What a compaction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes of all files of the data directory before.
    pub bytes_before: u64,
    /// Bytes afterwards.
    pub bytes_after: u64,
    /// The oldest and the newest sequence of the journal, which are as they were.
    pub bounds: Bounds,
}

/// Copies the journal of a data directory to fresh files. Blocks until it is done.
///
/// # Errors
/// [`OpenError`]: the directory is in use, damaged, or no store of ours; or the copy could not be written. Nothing is lost.
pub fn compact(dir: &Path) -> Result<Compacted, OpenError> {
    let looking = |error: io::Error| OpenError::Io {
        what: format!("looking into {}", dir.display()),
        reason: error.to_string(),
    };
    // A store is compacted, never made: a misspelt path must not become an empty one.
    if !dir
        .join(crate::journal::IDENTITY_FILE)
        .try_exists()
        .unwrap_or(false)
    {
        return Err(OpenError::NoStore {
            dir: dir.display().to_string(),
        });
    }
    let bytes_before = bytes_of(dir).map_err(looking)?;
    let birth = Birth {
        epoch: String::new(),
        hash_key: [0; 16],
        created_at_millis: 0,
    };
    let mut options = Options::new(birth, Arc::new(crate::server::end_process));
    options.fresh_copy = true;
    let store = Store::open(dir, &options, Arc::new(RealDisk))?;
    let bounds = store.bounds();
    drop(store);
    Ok(Compacted {
        bytes_before,
        bytes_after: bytes_of(dir).map_err(looking)?,
        bounds,
    })
}

fn bytes_of(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let of_entry = if entry.file_type()?.is_dir() {
            bytes_of(&entry.path())
        } else {
            entry.metadata().map(|file| file.len())
        };
        bytes += match of_entry {
            // Removed since the look at the directory.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            bytes => bytes?,
        };
    }
    Ok(bytes)
}
