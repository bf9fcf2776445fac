//! Reads and writes blobs of a vault that is not open, before its store opens.
//!
//! Blocking. The caller has the lock of the directory. These blobs have one frame.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::blob::{self, ReadError};
use crate::journal::{Disk, OpenError, files};

/// The name of the vault in the data directory.
pub(in crate::journal) const DIRECTORY: &str = "vault";

/// Makes the empty directories of a vault.
pub(in crate::journal) fn create_directories(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
    let vault = dir.join(DIRECTORY);
    files::create_directory(&vault, disk)?;
    ["blobs", "keys", "tmp"]
        .iter()
        .try_for_each(|name| files::create_directory(&vault.join(name), disk))
}

/// The directory of the blobs of the vault in `dir`.
fn directory(dir: &Path) -> PathBuf {
    dir.join(DIRECTORY).join("blobs")
}

/// Returns an error if the vault of a data directory has lost its blobs.
pub(in crate::journal) fn check_has_blobs(dir: &Path) -> Result<(), OpenError> {
    let path = directory(dir);
    if path.is_dir() {
        Ok(())
    } else {
        Err(OpenError::damaged(&path, "it is missing"))
    }
}

/// The names of the files in a directory that begin with `prefix`, sorted.
pub(super) fn names_in(dir: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        if let Ok(name) = entry?.file_name().into_string()
            && name.starts_with(prefix)
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The names of the blobs that begin with `prefix`, sorted.
pub(in crate::journal) fn blobs(dir: &Path, prefix: &str) -> io::Result<Vec<String>> {
    names_in(&directory(dir), prefix)
}

/// The only frame of a blob.
pub(in crate::journal) fn read_blob(dir: &Path, name: &str) -> Result<Bytes, OpenError> {
    let path = directory(dir).join(name);
    let failed = |error| match error {
        ReadError::Io(error) => OpenError::io("reading", &path, &error),
        ReadError::Damaged(what) => OpenError::damaged(&path, what),
    };
    let file = File::open(&path).map_err(|error| OpenError::io("opening", &path, &error))?;
    let first = blob::read_frame(&file, name, 0).map_err(failed)?;
    let (frame, next) = first.ok_or_else(|| OpenError::damaged(&path, "it is empty"))?;
    match blob::read_frame(&file, name, next).map_err(failed)? {
        None => Ok(frame),
        Some(_) => Err(OpenError::damaged(&path, "it has more than one frame")),
    }
}

/// Writes a blob with one frame. It is durable under its name, or not visible. A blob is never
/// replaced.
pub(in crate::journal) fn create_blob(
    dir: &Path,
    name: &str,
    frame: &[u8],
    disk: &dyn Disk,
) -> io::Result<()> {
    let (tmp, blobs) = (dir.join(DIRECTORY).join("tmp"), directory(dir));
    let too_large = || io::Error::other("a frame over every limit");
    let mut bytes = blob::encode_frame(frame, name, 0).ok_or_else(too_large)?;
    let end = blob::encode_end(name, bytes.len() as u64).ok_or_else(too_large)?;
    bytes.extend_from_slice(&end);
    files::create_directory(&tmp, disk)?;
    let (unfinished, finished) = (tmp.join(name), blobs.join(name));
    let mut file = files::create_file(&unfinished)?;
    file.write_all(&bytes)?;
    disk.sync_all(&file, &unfinished)?;
    if finished.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(&unfinished, &finished)?;
    disk.sync_directory(&blobs)
}

/// Removes a blob durably. Removing a blob that does not exist is not an error.
pub(in crate::journal) fn remove_blob(dir: &Path, name: &str, disk: &dyn Disk) -> io::Result<()> {
    files::remove(&directory(dir), name, disk)
}
