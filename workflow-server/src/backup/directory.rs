//! A directory of backups. `generations/` has one manifest per backup. `files/` has the files of
//! the manifests, and `tmp/` the unfinished ones. `erasures` lists the calls of erased callers, and
//! is kept when generations are removed.
//!
//! The name of a file in `files/` comes from its content, and the file never changes. The last step
//! of a backup gives its manifest a name, and only then the generation exists. The next backup
//! removes the files that an interrupted one has left, because no manifest names them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::erasures::{self, KnownErasure};
use super::lock::{self, Lock};
use super::{BackupError, Manifest, ManifestFile, frames};
use crate::journal::{Disk as _, RealDisk, files};

const GENERATIONS: &str = "generations";
const FILES: &str = "files";
const TMP: &str = "tmp";

/// A directory of backups, locked.
pub struct BackupDirectory {
    dir: PathBuf,
    _lock: Option<Lock>,
}

impl BackupDirectory {
    /// Opens the directory to add a backup. Initializes an empty or missing directory. Removes the
    /// files that an interrupted backup has left.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn open_or_create(dir: &Path) -> Result<Self, BackupError> {
        files::create_directory(dir, &RealDisk).map_err(BackupError::io("creating", dir))?;
        if !dir.join(GENERATIONS).is_dir() && holds_anything(dir)? {
            return Err(BackupError::NotABackup {
                dir: dir.display().to_string(),
            });
        }
        let lock = Lock::to_write(dir)?;
        for name in [FILES, GENERATIONS] {
            files::create_directory(&dir.join(name), &RealDisk)
                .map_err(BackupError::io("creating", dir))?;
        }
        let emptied = files::remove_tree(dir, TMP, &RealDisk)
            .and_then(|()| files::create_directory(&dir.join(TMP), &RealDisk));
        emptied.map_err(BackupError::io("emptying", &dir.join(TMP)))?;
        Ok(Self {
            dir: dir.to_owned(),
            _lock: Some(lock),
        })
    }

    /// Opens the directory to read it.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn open(dir: &Path) -> Result<Self, BackupError> {
        if !Self::is_at(dir) {
            return Err(BackupError::NotABackup {
                dir: dir.display().to_string(),
            });
        }
        Ok(Self {
            dir: dir.to_owned(),
            _lock: Lock::to_read(dir)?,
        })
    }

    /// Whether this is a directory of backups.
    #[must_use]
    pub fn is_at(dir: &Path) -> bool {
        dir.join(GENERATIONS).is_dir()
    }

    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.dir.join(TMP)
    }

    pub(super) fn files(&self) -> PathBuf {
        self.dir.join(FILES)
    }

    /// The numbers of all generations, oldest first.
    ///
    /// # Errors
    /// [`BackupError::Io`].
    pub fn generations(&self) -> Result<Vec<u32>, BackupError> {
        let dir = self.dir.join(GENERATIONS);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&dir).map_err(BackupError::io("listing", &dir))? {
            let name = entry.map_err(BackupError::io("listing", &dir))?.file_name();
            numbers.extend(
                name.to_str()
                    .and_then(|name| name.strip_suffix(".toml")?.parse::<u32>().ok()),
            );
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The manifest of a generation.
    ///
    /// # Errors
    /// [`BackupError::NoSuchGeneration`], [`BackupError::Damaged`].
    pub fn manifest(&self, generation: u32) -> Result<Manifest, BackupError> {
        let path = self.dir.join(GENERATIONS).join(manifest_name(generation));
        if !path.exists() {
            return Err(BackupError::NoSuchGeneration {
                dir: self.dir.display().to_string(),
                generation,
            });
        }
        let manifest = Manifest::read(&path)?;
        if manifest.generation == generation {
            Ok(manifest)
        } else {
            Err(BackupError::damaged(&path, "it has another number"))
        }
    }

    /// The newest generation.
    ///
    /// # Errors
    /// [`BackupError::Empty`], [`BackupError::Damaged`].
    pub fn newest(&self) -> Result<Manifest, BackupError> {
        let newest = self
            .generations()?
            .pop()
            .ok_or_else(|| BackupError::Empty {
                dir: self.dir.display().to_string(),
            })?;
        self.manifest(newest)
    }

    pub(super) fn add(&self, manifest: &Manifest) -> Result<(), BackupError> {
        manifest.write(
            &self.dir.join(GENERATIONS),
            &manifest_name(manifest.generation),
            &RealDisk,
        )
    }

    /// The path of a file.
    #[must_use]
    pub fn path_of(&self, file: &ManifestFile) -> PathBuf {
        self.files().join(file.pool_name())
    }

    /// Reads all files of a generation. Returns the generation with only its valid files, and the
    /// names of the others. The next backup need not send the valid files again. Calls `progress`
    /// with the number of bytes of each file.
    #[must_use]
    pub fn valid_files(
        &self,
        manifest: &Manifest,
        progress: &dyn Fn(u64),
    ) -> (Manifest, Vec<String>) {
        let is_whole = |file: &ManifestFile| {
            progress(file.bytes);
            frames::sum_of(&self.path_of(file))
                .is_ok_and(|found| found == (file.bytes, file.checksum))
        };
        let (files, damaged): (Vec<_>, Vec<_>) = manifest.files.iter().cloned().partition(is_whole);
        let names = damaged.into_iter().map(|file| file.name).collect();
        (
            Manifest {
                files,
                ..manifest.clone()
            },
            names,
        )
    }

    /// Removes generations, then every file that no other generation names. Returns how many bytes
    /// this freed. Removes nothing from `files/` while a manifest is not readable.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn remove(&self, generations: &[u32]) -> Result<u64, BackupError> {
        for generation in generations {
            let dir = self.dir.join(GENERATIONS);
            files::remove(&dir, &manifest_name(*generation), &RealDisk)
                .map_err(BackupError::io("removing from", &dir))?;
        }
        self.remove_unreferenced()
    }

    /// Removes every file that no manifest names. Interrupted backups and removed generations leave
    /// such files. Returns how many bytes this freed.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn remove_unreferenced(&self) -> Result<u64, BackupError> {
        let mut referenced = HashSet::new();
        for generation in self.generations()? {
            referenced.extend(
                self.manifest(generation)?
                    .files
                    .iter()
                    .map(ManifestFile::pool_name),
            );
        }
        let (dir, mut freed) = (self.files(), 0);
        let failed = |error| BackupError::io("tidying", &self.files())(error);
        for entry in fs::read_dir(&dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry
                .file_name()
                .to_str()
                .is_none_or(|name| !referenced.contains(name))
            {
                freed += entry.metadata().map_err(failed)?.len();
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        RealDisk.sync_directory(&dir).map_err(failed)?;
        Ok(freed)
    }

    /// The erasures from all generations, also from removed ones.
    ///
    /// # Errors
    /// [`BackupError::Damaged`].
    pub fn erasures(&self) -> Result<Vec<KnownErasure>, BackupError> {
        erasures::read(&self.dir)
    }
}

fn manifest_name(generation: u32) -> String {
    format!("{generation:06}.toml")
}

/// Whether the directory contains anything except our files and those that file systems put into an
/// empty disk.
fn holds_anything(dir: &Path) -> Result<bool, BackupError> {
    for entry in fs::read_dir(dir).map_err(BackupError::io("listing", dir))? {
        let name = entry.map_err(BackupError::io("listing", dir))?.file_name();
        if ![lock::FILE, FILES, TMP, "lost+found"]
            .iter()
            .any(|ours| name == **ours)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
