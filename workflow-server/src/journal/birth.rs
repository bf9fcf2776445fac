//! Creates a store. A mark exists from the first to the last step, so that an interrupted creation
//! starts again. Without the mark, a store that has lost its identity file could look like an empty
//! directory.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use super::fault::MARKER;
use super::identity::stored;
use super::sled::{Place, Tree};
use super::{
    Disk, Identity, OpenError, Options, Position, current, files, guard, head, restoring, tail,
    vault,
};

/// The name of the mark in the data directory.
const CREATING: &str = "creating";
const FIRST: u64 = 1;

/// Refuses a path that cannot be a data directory, before any file is made there. This is a file,
/// or a directory with other content.
pub(crate) fn refuse_foreign(dir: &Path) -> Result<(), OpenError> {
    if dir.exists() && !dir.is_dir() {
        return Err(OpenError::NotADirectory {
            dir: dir.display().to_string(),
        });
    }
    // If there is a lock file, another process may be creating a store now. The check is then made
    // later, under the lock.
    let is_known = ["lock", CREATING, stored::FILE]
        .iter()
        .any(|name| dir.join(name).exists());
    match holds_anything(dir) {
        Ok(true) if !is_known => Err(OpenError::NotAStore {
            dir: dir.display().to_string(),
        }),
        _ => Ok(()),
    }
}

/// Returns the identity of the store in `dir`, and whether this call created it. Creates it only if
/// the directory is empty.
pub(crate) fn find_or_create(
    dir: &Path,
    options: &Options,
    disk: &Arc<dyn Disk>,
) -> Result<(Identity, bool), OpenError> {
    if let Some(found) = stored::find(dir, disk.as_ref())? {
        files::remove(dir, CREATING, disk.as_ref())
            .map_err(|error| OpenError::io("tidying", dir, &error))?;
        return Ok((found, false));
    }
    let failed = |error: io::Error| OpenError::io("creating the store in", dir, &error);
    if dir.join(CREATING).exists() {
        tracing::warn!(dir = %dir.display(), "an earlier start was interrupted while it created the store: creating it again");
    } else if holds_anything(dir).map_err(failed)? {
        return Err(OpenError::NotAStore {
            dir: dir.display().to_string(),
        });
    }
    let born = Identity::new(&options.birth)?;
    files::replace(dir, CREATING, b"", disk.as_ref()).map_err(failed)?;
    wipe(dir, disk.as_ref()).map_err(failed)?;
    vault::create_directories(dir, disk.as_ref()).map_err(failed)?;
    head::write(dir, Position::default(), disk.as_ref()).map_err(failed)?;
    tail::renew(dir, options.tail_bytes, disk.as_ref()).map_err(failed)?;
    let place = place(dir, FIRST, options, disk);
    guard::guarded(&place.path.clone(), options.open_limit, move |_| {
        Tree::create(&place, Position::default()).map(drop)
    })?;
    current::write(dir, FIRST, disk.as_ref()).map_err(failed)?;
    stored::create(dir, &born, disk.as_ref()).map_err(failed)?;
    files::remove(dir, CREATING, disk.as_ref()).map_err(failed)?;
    Ok((born, true))
}

/// How to open the log's directory number `number` with these options.
pub(crate) fn place(dir: &Path, number: u64, options: &Options, disk: &Arc<dyn Disk>) -> Place {
    let path = dir.join(current::directory(number));
    Place {
        called: path.clone(),
        path,
        cache_bytes: options.cache_bytes,
        lock_wait: options.lock_wait,
        disk: Arc::clone(disk),
    }
}

/// Whether the directory contains anything except the lock and the files that file systems put into
/// an empty disk.
fn holds_anything(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let unfinished_mark = format!("{CREATING}.new");
        if !["lock", "lost+found", restoring::MARK]
            .iter()
            .any(|known| name == **known)
            && *name != *unfinished_mark
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn wipe(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
    current::remove_others(dir, 0, disk)?;
    files::remove_tree(dir, vault::DIRECTORY, disk)?;
    for name in [head::FILE, tail::FILE, stored::FILE, MARKER] {
        files::remove(dir, name, disk)?;
    }
    Ok(())
}
