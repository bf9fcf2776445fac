//! Receives a new generation. It is not visible before [`NewGeneration::finish`]. If the receiver
//! is dropped or killed earlier, the older generations do not change.

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

/// The properties of a backup, which the server sends first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The format of the files.
    pub format: u32,
    /// The epoch of the store.
    pub epoch: String,
    /// The sequence of the backup.
    pub sequence: u64,
    /// When it was made, by the server's clock, in milliseconds since 1970.
    pub created_at_millis: i64,
    /// The version of the server.
    pub server_version: String,
    /// Erasures that are not done yet.
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
    /// The files of an earlier generation, by name.
    earlier: HashMap<String, ManifestFile>,
    open: Option<Open>,
    /// The number of bytes received.
    received: u64,
}

impl<'d> NewGeneration<'d> {
    /// Begins to receive. The files that the server reports as kept come from `base`.
    /// [`BackupDirectory::valid_files`] must have verified them.
    ///
    /// # Errors
    /// [`BackupError::Protocol`] if the format is newer.
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
            return Err(BackupError::Protocol("an invalid epoch".to_owned()));
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

    /// Begins the file with this name.
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

    /// Adds bytes to the current file.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn piece(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let open = self
            .open
            .as_mut()
            .ok_or_else(|| BackupError::Protocol("bytes outside of a file".to_owned()))?;
        open.file
            .write_all(bytes)
            .map_err(BackupError::io("writing", &open.path))?;
        open.hasher.write(bytes);
        open.bytes += bytes.len() as u64;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Ends the current file. Compares its bytes with what the server has read, and makes the file
    /// durable.
    ///
    /// # Errors
    /// [`BackupError::Protocol`] if the received bytes are not those that were sent.
    pub fn file_end(&mut self, bytes: u64, checksum: u64) -> Result<(), BackupError> {
        let open = self
            .open
            .take()
            .ok_or_else(|| BackupError::Protocol("an end outside of a file".to_owned()))?;
        if (open.bytes, open.hasher.finish()) != (bytes, checksum) {
            return Err(BackupError::Protocol(format!(
                "the file {}, whose bytes changed during the transfer",
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

    /// Adds a file of the earlier generation.
    ///
    /// # Errors
    /// [`BackupError::Protocol`] if that generation does not have it.
    pub fn keep_file(&mut self, name: &str) -> Result<(), BackupError> {
        self.check_name(name)?;
        let file = self.earlier.get(name).ok_or_else(|| {
            BackupError::Protocol(format!("that {name} exists here, but it does not"))
        })?;
        self.manifest.files.push(file.clone());
        Ok(())
    }

    /// Ends the backup, which becomes the newest generation.
    ///
    /// # Errors
    /// [`BackupError`]. The older generations then do not change.
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
        // Before the generation exists: to know an erasure too early does no harm.
        erasures::merge(
            self.directory.path(),
            &self.manifest.epoch,
            self.erasures()?,
        )?;
        self.directory.add(&self.manifest)?;
        Ok(self.manifest)
    }

    /// The number of bytes received.
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

    /// The name becomes a path, and no name from the server may point outside of the directory.
    fn check_name(&self, name: &str) -> Result<(), BackupError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty()
            || name.len() > crate::limits::BACKUP_NAME_CHARS_MAX
            || name.starts_with('.')
            || !name.chars().all(is_allowed)
        {
            return Err(BackupError::Protocol(format!(
                "{name:?}, which is not a valid file name"
            )));
        }
        if self.open.is_some() || self.manifest.file(name).is_some() {
            return Err(BackupError::Protocol(format!(
                "the file {name} out of order"
            )));
        }
        Ok(())
    }
}
