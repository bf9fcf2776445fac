//! Small file operations that are durable when they return: replace, remove, sync a tree.
//!
//! Blocking. Returns the errors of the file system. The callers turn them into sentences.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::disk::when_descriptors_are_free;
use super::{Disk, JournalError};

/// Only the owner has access: the directory holds callers' personal data and the key of the request
/// hashes.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Creates a directory and its parents if they are missing, and makes its name durable.
pub(crate) fn create_directory(path: &Path, disk: &dyn Disk) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => disk.sync_directory(parent),
        _ => disk.sync_directory(Path::new(".")),
    }
}

/// Creates or empties a file and opens it for writing. Only its owner can read it.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    when_descriptors_are_free(|| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(path)
    })
}

/// Replaces `dir/name` by `bytes`. After a crash the file is the whole old or the whole new one.
pub(crate) fn replace(dir: &Path, name: &str, bytes: &[u8], disk: &dyn Disk) -> io::Result<()> {
    let fresh = dir.join(format!("{name}.new"));
    let mut file = create_file(&fresh)?;
    file.write_all(bytes)?;
    disk.sync_all(&file, &fresh)?;
    fs::rename(&fresh, dir.join(name))?;
    disk.sync_directory(dir)
}

/// Removes `dir/name` durably, if it exists.
pub(crate) fn remove(dir: &Path, name: &str, disk: &dyn Disk) -> io::Result<()> {
    match fs::remove_file(dir.join(name)) {
        Ok(()) => disk.sync_directory(dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes a directory and its content durably, if it exists.
pub(crate) fn remove_tree(dir: &Path, name: &str, disk: &dyn Disk) -> io::Result<()> {
    match fs::remove_dir_all(dir.join(name)) {
        Ok(()) => disk.sync_directory(dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Syncs every file below `dir`, then the directories from the inside out.
pub(crate) fn sync_tree(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path, disk)?;
        } else {
            // sled drops old snapshots in the background. A removed file needs no sync.
            match File::open(&path) {
                Ok(file) => disk.sync_all(&file, &path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    disk.sync_directory(dir)
}

/// Copies every file below `from` to `to`, except those that `is_left_out` names, and makes the
/// copy durable. `to` must not exist.
pub(crate) fn copy_tree(
    from: &Path,
    to: &Path,
    is_left_out: fn(&str) -> bool,
    disk: &dyn Disk,
) -> io::Result<()> {
    create_directory(to, disk)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target, is_left_out, disk)?;
        } else if !is_left_out(&name.to_string_lossy()) {
            fs::copy(entry.path(), &target)?;
        }
    }
    sync_tree(to, disk)
}

/// The size of all files below a directory, in bytes.
pub(crate) fn bytes_below(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            bytes_below(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(bytes)
}

/// Returns an error while less than the reserve is free.
pub(crate) fn check_space(
    dir: &Path,
    reserve_bytes: u64,
    disk: &dyn Disk,
) -> Result<(), JournalError> {
    let free_bytes = disk
        .free_bytes(dir)
        .map_err(|error| JournalError::io("reading the free space of", dir, &error))?;
    if free_bytes < reserve_bytes {
        return Err(JournalError::NoSpace {
            free_bytes,
            reserve_bytes,
        });
    }
    Ok(())
}
