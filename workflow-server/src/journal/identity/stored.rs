//! The identity of a data directory is a blob of the vault. The file `identity` beside the vault
//! marks the directory as a store. It holds only the format, so that an older server refuses the
//! directory.
//!
//! A blob is never replaced. A new identity gets the next number, and the highest number is the
//! valid one. In format 1 the file itself held the identity, and before format 3 there was no tail.
//! [`find`] brings an older directory to the newest format, and changes the file last. Until then
//! the directory has its old format, even if the vault already has a newer blob.
//!
//! Blocking. The caller has the lock of the directory, and there is no leader meanwhile.

use std::path::Path;
use std::{fs, io};

use super::{FORMAT, Identity, checked, field, with_checksum};
use crate::journal::lock::DirectoryLock;
use crate::journal::vault::{blobs, check_has_blobs, create_blob, read_blob, remove_blob};
use crate::journal::{Disk, LOCK_WAIT, OpenError, files, tail};

/// The name of the file in the data directory.
pub(crate) const FILE: &str = "identity";

/// Servers of format 1 noted in this file that timers were held. The sign of life in the vault has
/// replaced it, and no server reads it now.
const CLOCK_HELD: &str = "clock-held";

/// The prefix of the names of the blobs.
const PREFIX: &str = "identity-";

/// The first format whose identity is a blob.
const FORMAT_OF_BLOB: u32 = 2;

/// The content of the file `identity`.
enum Marker {
    Missing,
    /// The identity itself: format 1.
    Whole(Identity),
    /// Only the format, which is this one.
    Newest,
    /// Only the format, which is an older one.
    Older,
}

/// Finds the identity of the store in `dir`, also if an older server wrote it. `None` if there is
/// no store.
pub(in crate::journal) fn find(dir: &Path, disk: &dyn Disk) -> Result<Option<Identity>, OpenError> {
    let identity = match read_marker(dir)? {
        Marker::Missing => return Ok(None),
        Marker::Whole(identity) => adopt(dir, identity, disk)?,
        Marker::Older => adopt(dir, newest(dir)?, disk)?,
        Marker::Newest => newest(dir)?,
    };
    remove_superseded(dir, disk)
        .map_err(|error| OpenError::io("removing superseded files in", dir, &error))?;
    Ok(Some(identity))
}

/// Stores the identity of a new store, as the last step of its creation.
pub(in crate::journal) fn create(
    dir: &Path,
    identity: &Identity,
    disk: &dyn Disk,
) -> io::Result<()> {
    put(dir, identity, disk)?;
    write_marker(dir, disk)
}

/// Replaces the epoch of the store in `dir` and returns the old one. No process may be using the
/// store.
pub(crate) fn replace_epoch(dir: &Path, epoch: &str, disk: &dyn Disk) -> Result<String, OpenError> {
    let missing = || OpenError::NoStore {
        dir: dir.display().to_string(),
    };
    // Check first: taking the lock would create a file in a directory without a store.
    if matches!(read_marker(dir)?, Marker::Missing) {
        return Err(missing());
    }
    let _lock = DirectoryLock::take(dir, LOCK_WAIT)?;
    let found = find(dir, disk)?.ok_or_else(missing)?;
    let renewed = Identity {
        epoch: epoch.to_owned(),
        ..found.clone()
    };
    put(dir, &renewed, disk)
        .and_then(|()| remove_superseded(dir, disk))
        .map_err(|error| OpenError::io("writing the identity in", dir, &error))?;
    Ok(found.epoch)
}

fn read_marker(dir: &Path) -> Result<Marker, OpenError> {
    let path = dir.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Marker::Missing),
        Err(error) => return Err(OpenError::io("reading", &path, &error)),
    };
    check_has_blobs(dir)?;
    let text =
        checked(&bytes).ok_or_else(|| OpenError::damaged(&path, "its checksum does not match"))?;
    // All later formats keep the checksum and the line with the format.
    let format = field(text, "format").and_then(|format| format.parse().ok());
    match format.ok_or_else(|| OpenError::damaged(&path, "it names no format"))? {
        FORMAT => Ok(Marker::Newest),
        format if format > FORMAT => Err(OpenError::NewerFormat {
            dir: dir.display().to_string(),
            format,
            known: FORMAT,
        }),
        format if format >= FORMAT_OF_BLOB => Ok(Marker::Older),
        format => Identity::parse(text, format)
            .map(Marker::Whole)
            .ok_or_else(|| OpenError::damaged(&path, "a line is missing")),
    }
}

fn write_marker(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
    let text = with_checksum(format!("aftercall store\nformat: {FORMAT}\n"));
    files::replace(dir, FILE, text.as_bytes(), disk)
}

/// Brings the directory of an older server to this format. After an interruption the next open
/// repeats this. An identity that exists already is then used or superseded.
fn adopt(dir: &Path, old: Identity, disk: &dyn Disk) -> Result<Identity, OpenError> {
    tracing::info!(dir = %dir.display(), from = old.format, to = FORMAT, "bringing the store to a newer format");
    let identity = Identity {
        format: FORMAT,
        ..old
    };
    let adopted = || {
        // The vault has another identity if an older server has run between two attempts.
        if newest(dir).ok().as_ref() != Some(&identity) {
            put(dir, &identity, disk)?;
        }
        // The open gives it its size.
        tail::renew(dir, 0, disk)?;
        write_marker(dir, disk)
    };
    adopted().map_err(|error: io::Error| {
        OpenError::io("bringing to a newer format the store in", dir, &error)
    })?;
    Ok(identity)
}

/// Adds an identity. It supersedes all others.
fn put(dir: &Path, identity: &Identity, disk: &dyn Disk) -> io::Result<()> {
    let newest = numbers(dir)?.last().copied().unwrap_or_default();
    create_blob(dir, &name(newest + 1), identity.text().as_bytes(), disk)
}

/// The valid identity in the vault.
fn newest(dir: &Path) -> Result<Identity, OpenError> {
    let looking = |error: io::Error| OpenError::io("looking for the identity in", dir, &error);
    let Some(number) = numbers(dir).map_err(looking)?.pop() else {
        return Err(OpenError::damaged(dir, "its vault has no identity"));
    };
    let frame = read_blob(dir, &name(number))?;
    Identity::from_text(&frame)
        .ok_or_else(|| OpenError::damaged(dir, format!("{} is not a valid identity", name(number))))
}

/// Removes the superseded identities, and the note of timers.
fn remove_superseded(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
    let mut numbers = numbers(dir)?;
    numbers.pop();
    for number in numbers {
        remove_blob(dir, &name(number), disk)?;
    }
    files::remove(dir, CLOCK_HELD, disk)
}

/// The numbers of the identities, in ascending order.
fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let names = blobs(dir, PREFIX)?;
    let mut numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn name(number: u64) -> String {
    format!("{PREFIX}{number:020}")
}
