//! A generation that is being received. Nothing of it is seen before [`NewGeneration::finish`];
//! dropped or killed before, the older generations are as they were.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::Hasher as _;
use std::io::Write as _;
use std::path::PathBuf;

use aftercall_engine::erasure::Erasure;
use twox_hash::XxHash3_64;

use super::{
    BackupDirectory, BackupError, ERASURES, FORMAT, Manifest, ManifestFile, erasures, frames,
};
use crate::journal::{Disk as _, RealDisk, files};
use crate::records::{RecordError, decode_erasure};

/// How a backup begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The form of the files.
    pub format: u32,
    /// The epoch of the store.
    pub epoch: String,
    /// Its sequence.
    pub sequence: u64,
    /// When, by the server's clock, in milliseconds since 1970.
    pub created_at_millis: i64,
    /// The version of the server.
    pub server_version: String,
    /// Erasures that are not done.
    pub unfinished_erasures: Vec<u64>,
}

/// A file that is being received.
struct Open {
    name: String,
    file: File,
    path: PathBuf,
    bytes: u64,
    hasher: XxHash3_64,
}

/// A generation that is being received.
pub struct NewGeneration<'d> {
    directory: &'d BackupDirectory,
    manifest: Manifest,
    /// What an earlier generation has of the same names.
    earlier: HashMap<String, ManifestFile>,
    open: Option<Open>,
    /// Bytes that were received.
    received: u64,
}

impl<'d> NewGeneration<'d> {
    /// Begins. Files that the server says are kept are those of `base`, which
    /// [`BackupDirectory::whole`] has found to be whole.
    ///
    /// # Errors
    /// [`BackupError::Protocol`] where the form is a newer one.
    pub fn begin(
        directory: &'d BackupDirectory,
        begun: Begun,
        base: Option<&Manifest>,
    ) -> Result<Self, BackupError> {
        if begun.format > FORMAT {
            return Err(BackupError::Protocol(format!(
                "format {}, and this version knows up to {FORMAT}",
                begun.format
            )));
        }
        if begun.epoch.len() != 32 {
            return Err(BackupError::Protocol("an epoch that is none".to_owned()));
        }
        let generation = directory
            .generations()?
            .pop()
            .map_or(1, |newest| newest.saturating_add(1));
        let earlier = base
            .iter()
            .flat_map(|base| &base.files)
            .map(|file| (file.name.clone(), file.clone()));
        let manifest = Manifest {
            format: begun.format,
            generation,
            epoch: begun.epoch,
            sequence: begun.sequence,
            chain: 0,
            at_millis: 0,
            created_at_millis: begun.created_at_millis,
            server_version: begun.server_version,
            unfinished_erasures: begun.unfinished_erasures,
            files: Vec::new(),
        };
        Ok(Self {
            directory,
            manifest,
            earlier: earlier.collect(),
            open: None,
            received: 0,
        })
    }

    /// A file begins.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn file(&mut self, name: &str) -> Result<(), BackupError> {
        self.check_name(name)?;
        let path = self.directory.tmp().join(name);
        let file = files::create_file(&path).map_err(BackupError::io("creating", &path))?;
        self.open = Some(Open {
            name: name.to_owned(),
            file,
            path,
            bytes: 0,
            hasher: XxHash3_64::new(),
        });
        Ok(())
    }

    /// The next bytes of the file.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn piece(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let open = self
            .open
            .as_mut()
            .ok_or_else(|| BackupError::Protocol("bytes of no file".to_owned()))?;
        open.file
            .write_all(bytes)
            .map_err(BackupError::io("writing", &open.path))?;
        open.hasher.write(bytes);
        open.bytes += bytes.len() as u64;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// The file is complete: it is checked against what the server has read, and made durable.
    ///
    /// # Errors
    /// [`BackupError::Protocol`] where the bytes that came are not those that were sent.
    pub fn file_end(&mut self, bytes: u64, checksum: u64) -> Result<(), BackupError> {
        let open = self
            .open
            .take()
            .ok_or_else(|| BackupError::Protocol("the end of no file".to_owned()))?;
        if (open.bytes, open.hasher.finish()) != (bytes, checksum) {
            return Err(BackupError::Protocol(format!(
                "the file {}, which was changed on the way",
                open.name
            )));
        }
        RealDisk
            .sync_all(&open.file, &open.path)
            .map_err(BackupError::io("syncing", &open.path))?;
        let file = ManifestFile {
            name: open.name,
            bytes,
            checksum,
        };
        let to = self.directory.path_of(&file);
        fs::rename(&open.path, &to).map_err(BackupError::io("naming", &to))?;
        self.manifest.files.push(file);
        Ok(())
    }

    /// A file of the backup that is there already.
    ///
    /// # Errors
    /// [`BackupError::Protocol`] where it is not.
    pub fn kept(&mut self, name: &str) -> Result<(), BackupError> {
        self.check_name(name)?;
        let file = self.earlier.get(name).ok_or_else(|| {
            BackupError::Protocol(format!("that {name} is here, which it is not"))
        })?;
        self.manifest.files.push(file.clone());
        Ok(())
    }

    /// The backup is complete: it becomes the newest generation.
    ///
    /// # Errors
    /// [`BackupError`]: then the older generations are as they were.
    pub fn finish(mut self, chain: u64, at_millis: i64) -> Result<Manifest, BackupError> {
        if self.open.is_some() {
            return Err(BackupError::Protocol(
                "an end in the middle of a file".to_owned(),
            ));
        }
        (self.manifest.chain, self.manifest.at_millis) = (chain, at_millis);
        self.manifest.files.sort_by(|a, b| a.name.cmp(&b.name));
        let files = self.directory.files();
        RealDisk
            .sync_directory(&files)
            .map_err(BackupError::io("syncing", &files))?;
        // Before the generation counts: an erasure that is known too early does no harm.
        erasures::merge(
            self.directory.path(),
            &self.manifest.epoch,
            self.erasures()?,
        )?;
        self.directory.add(&self.manifest)?;
        Ok(self.manifest)
    }

    /// How many bytes were received.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    fn erasures(&self) -> Result<Vec<Erasure>, BackupError> {
        let file = self
            .manifest
            .file(ERASURES)
            .ok_or_else(|| BackupError::Protocol("no list of erasures".to_owned()))?;
        let path = self.directory.path_of(file);
        let frames = frames::read_all(&path).map_err(BackupError::io("reading", &path))?;
        let erasures: Result<Vec<Erasure>, RecordError> =
            frames.iter().map(|frame| decode_erasure(frame)).collect();
        Ok(erasures?)
    }

    /// A name becomes a path: no name that the server sends may leave the directory.
    fn check_name(&self, name: &str) -> Result<(), BackupError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty()
            || name.len() > crate::limits::BACKUP_NAME_CHARS_MAX
            || name.starts_with('.')
            || !name.chars().all(is_allowed)
        {
            return Err(BackupError::Protocol(format!(
                "{name:?}, which is no name of a file"
            )));
        }
        if self.open.is_some() || self.manifest.file(name).is_some() {
            return Err(BackupError::Protocol(format!(
                "the file {name} out of turn"
            )));
        }
        Ok(())
    }
}
