//! The files of certificates and their keys.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::errors::Failure;

/// The paths of a certificate and its key.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// A certificate and its key, as PEM.
pub(super) struct Pem {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Pair {
    /// `NAME.crt` and `NAME.key`.
    pub(super) fn named(directory: &Path, name: &str) -> Self {
        let path = |kind: &str| directory.join(format!("{name}.{kind}"));
        Self {
            certificate: path("crt"),
            key: path("key"),
        }
    }

    pub(super) fn paths(&self) -> [&Path; 2] {
        [&self.certificate, &self.key]
    }

    /// Whether a file of it exists.
    pub(super) fn exists(&self) -> bool {
        self.paths().iter().any(|path| path.exists())
    }
}

pub(super) fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::refused(format!("{} cannot be written: {error}.", path.display()))
}

/// Refuses if any of the files exists.
pub(super) fn refuse_existing<'p>(pairs: impl Iterator<Item = &'p Pair>) -> Result<(), Failure> {
    let existing: Vec<String> = pairs
        .flat_map(Pair::paths)
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if existing.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "Nothing was written, since these files exist: {}. Use --replace to write them again, or --directory for others.",
        existing.join(", ")
    )))
}

/// Writes both files. A reader sees the old content or the new.
pub(super) fn write(pair: &Pair, pem: &Pem) -> Result<(), Failure> {
    write_file(&pair.key, &pem.key, 0o600)?;
    write_file(&pair.certificate, &pem.certificate, 0o644)
}

pub(super) fn write_file(path: &Path, content: &str, mode: u32) -> Result<(), Failure> {
    let write = || {
        // Its owner alone can read it from the start.
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(content.as_bytes())?;
        file.as_file()
            .set_permissions(Permissions::from_mode(mode))?;
        file.persist(path).map_err(std::io::Error::from)
    };
    write()
        .map(|_| ())
        .map_err(|error| cannot_write(path, &error))
}
