//! The file `current` names the directory `journal-N` that is the log. It is replaced atomically,
//! so that a copy of the log replaces the old one in one step.

use std::path::Path;
use std::{fs, io};

use super::{Disk, OpenError, files, sealed};

const FILE: &str = "current";
const PREFIX: &str = "journal-";

/// The name of the log's directory number `number`.
pub(crate) fn directory(number: u64) -> String {
    format!("{PREFIX}{number}")
}

/// Makes directory number `number` the log.
pub(crate) fn write(dir: &Path, number: u64, disk: &dyn Disk) -> io::Result<()> {
    files::replace(dir, FILE, text(number).as_bytes(), disk)
}

/// The number of the log's directory.
pub(crate) fn read(dir: &Path) -> Result<u64, OpenError> {
    let path = dir.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::damaged(&path, "it is missing"));
        }
        Err(error) => return Err(OpenError::io("reading", &path, &error)),
    };
    let number = String::from_utf8_lossy(&bytes)
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.lines().next()?.parse().ok());
    match number {
        Some(number) if bytes == text(number).as_bytes() => Ok(number),
        _ => Err(OpenError::damaged(&path, "its checksum does not match")),
    }
}

/// Removes every other log directory. An interrupted or finished copy leaves them.
pub(crate) fn remove_others(dir: &Path, number: u64, disk: &dyn Disk) -> io::Result<()> {
    let keep = directory(number);
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && name != keep {
            files::remove_tree(dir, &name, disk)?;
        }
    }
    Ok(())
}

fn text(number: u64) -> String {
    let name = directory(number);
    format!("{name}\nchecksum: {:016x}\n", sealed::seed(&name, 0))
}
