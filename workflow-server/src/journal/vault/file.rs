//! The files of the vault: how they are read, written and removed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use super::blob::{self, ReadError};
use super::closed::{DIRECTORY, names_in};
use super::{check_name, check_size};
use crate::journal::blocking::blocking;
use crate::journal::disk::is_out_of_descriptors;
use crate::journal::fault::Fault;
use crate::journal::lock::DirectoryLock;
use crate::journal::{
    BLOB_BUFFER_BYTES, BLOB_SYNC_BYTES, BlobWriter, Disk, FRAME_BYTES_MAX, JournalError,
    KEY_BYTES_MAX, OpenError, Options, Vault, VaultWriter, files, sealed,
};

struct Files {
    blobs: PathBuf,
    keys: PathBuf,
    tmp: PathBuf,
    next_tmp: AtomicU64,
    /// Locked while a blob gets its name.
    naming: Mutex<()>,
    reserve_bytes: u64,
    fault: Arc<Fault>,
    disk: Arc<dyn Disk>,
    _lock: Arc<DirectoryLock>,
}

/// The vault of one data directory.
pub(in crate::journal) struct FileVault(Arc<Files>);

impl FileVault {
    /// Opens the directories from [`create_directories`], and removes unfinished files.
    pub(in crate::journal) fn open(
        dir: &Path,
        options: &Options,
        fault: Arc<Fault>,
        lock: Arc<DirectoryLock>,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, OpenError> {
        let vault = dir.join(DIRECTORY);
        let [blobs, keys, tmp] = ["blobs", "keys", "tmp"].map(|name| vault.join(name));
        for path in [&blobs, &keys] {
            if !path.is_dir() {
                return Err(OpenError::damaged(path, "it is missing"));
            }
        }
        let renewed = files::remove_tree(&vault, "tmp", disk.as_ref())
            .and_then(|()| files::create_directory(&tmp, disk.as_ref()));
        renewed.map_err(|error| OpenError::io("emptying", &tmp, &error))?;
        let (next_tmp, naming, reserve_bytes) =
            (AtomicU64::new(0), Mutex::default(), options.reserve_bytes);
        Ok(Self(Arc::new(Files {
            blobs,
            keys,
            tmp,
            next_tmp,
            naming,
            reserve_bytes,
            fault,
            disk,
            _lock: lock,
        })))
    }
}

impl Files {
    /// Creates an empty file that readers do not see.
    fn begin(self: &Arc<Self>) -> Result<Unfinished, JournalError> {
        self.fault.check()?;
        files::check_space(&self.tmp, self.reserve_bytes, self.disk.as_ref())?;
        let path = self
            .tmp
            .join(self.next_tmp.fetch_add(1, Ordering::Relaxed).to_string());
        let file = files::create_file(&path)
            .map_err(|error| JournalError::io("creating", &path, &error))?;
        Ok(Unfinished {
            files: Arc::clone(self),
            file,
            path,
            unsynced_bytes: 0,
        })
    }

    fn check_is_new(&self, name: &str) -> Result<(), JournalError> {
        let path = self.blobs.join(name);
        match path.try_exists() {
            Ok(false) => Ok(()),
            Ok(true) => Err(JournalError::Exists {
                name: name.to_owned(),
            }),
            Err(error) => Err(JournalError::io("looking for", &path, &error)),
        }
    }

    fn remove(&self, path: &Path) -> Result<(), JournalError> {
        self.fault.check()?;
        match fs::remove_file(path) {
            Ok(()) => self.sync_names(&self.blobs),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(JournalError::io("removing", path, &error)),
        }
    }

    fn sync_names(&self, dir: &Path) -> Result<(), JournalError> {
        self.disk.sync_directory(dir).map_err(|error| {
            if is_out_of_descriptors(&error) {
                // No sync has failed, because none was tried. The caller may try again.
                return JournalError::io("opening", dir, &error);
            }
            self.fault
                .raise(format!("syncing {}: {error}", dir.display()))
        })
    }

    fn read_frame(&self, name: &str, offset: u64) -> Result<Option<(Bytes, u64)>, JournalError> {
        let path = self.blobs.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(JournalError::NotFound {
                    name: name.to_owned(),
                });
            }
            Err(error) => return Err(JournalError::io("opening", &path, &error)),
        };
        blob::read_frame(&file, name, offset).map_err(|error| match error {
            ReadError::Io(error) => JournalError::io("reading", &path, &error),
            ReadError::Damaged(what) => JournalError::Damaged {
                what: format!("{what} (at {offset})"),
                place: path.display().to_string(),
            },
        })
    }

    fn get_key(&self, name: &str) -> Result<Option<Bytes>, JournalError> {
        let path = self.keys.join(name);
        let stored = match fs::read(&path) {
            Ok(stored) => stored,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::io("reading", &path, &error)),
        };
        match sealed::unseal(&stored, sealed::seed(name, 0)) {
            Some(value) => Ok(Some(Bytes::copy_from_slice(value))),
            None => Err(JournalError::Damaged {
                what: "its checksum does not match".to_owned(),
                place: path.display().to_string(),
            }),
        }
    }
}

/// A file that is removed again unless it is finished.
struct Unfinished {
    files: Arc<Files>,
    file: File,
    path: PathBuf,
    /// The number of bytes written after the last sync.
    unsynced_bytes: u64,
}

impl Unfinished {
    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.file
            .write_all(bytes)
            .map_err(|error| JournalError::io("writing", &self.path, &error))?;
        self.unsynced_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Syncs the file if [`BLOB_SYNC_BYTES`] or more were written since the last sync.
    fn sync_step(&mut self) -> Result<(), JournalError> {
        if self.unsynced_bytes < BLOB_SYNC_BYTES {
            return Ok(());
        }
        self.unsynced_bytes = 0;
        self.sync_by(|disk| disk.sync_data(&self.file, &self.path))
    }

    /// Makes the file the new value of a key. It is durable under its name, or not visible.
    fn finish_key(self, name: &str) -> Result<(), JournalError> {
        self.sync()?;
        self.name(&self.files.keys, name)
    }

    /// Makes the file a blob. It is durable under its name, or not visible.
    fn finish_blob(self, name: &str) -> Result<(), JournalError> {
        self.sync()?;
        // The process with the lock names one blob at a time.
        let _naming = self
            .files
            .naming
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.files.check_is_new(name)?;
        self.name(&self.files.blobs, name)
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.sync_by(|disk| disk.sync_all(&self.file, &self.path))
    }

    /// A failed sync may have lost written bytes, so it ends all writing.
    fn sync_by(&self, sync: impl FnOnce(&dyn Disk) -> io::Result<()>) -> Result<(), JournalError> {
        self.files.fault.check()?;
        sync(self.files.disk.as_ref()).map_err(|error| {
            self.files
                .fault
                .raise(format!("syncing {}: {error}", self.path.display()))
        })
    }

    fn name(&self, dir: &Path, name: &str) -> Result<(), JournalError> {
        fs::rename(&self.path, dir.join(name))
            .map_err(|error| JournalError::io("naming", &self.path, &error))?;
        self.files.sync_names(dir)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename the path no longer exists. If this fails, the next open removes the
        // file.
        let _ = fs::remove_file(&self.path);
    }
}

struct FileBlob {
    /// `None` while a write is running. If the future of a write was dropped, this stays `None` and
    /// the blob cannot continue.
    unfinished: Option<Unfinished>,
    name: String,
    offset: u64,
    buffer: Vec<u8>,
}

impl FileBlob {
    fn take(&mut self) -> Result<Unfinished, JournalError> {
        self.unfinished.take().ok_or_else(|| JournalError::Io {
            what: format!("writing the blob {}", self.name),
            reason: "an earlier write of it failed or was abandoned".to_owned(),
        })
    }

    async fn add(&mut self, frame: Bytes) -> Result<u64, JournalError> {
        check_size("frame", frame.len(), FRAME_BYTES_MAX)?;
        let too_large = JournalError::TooLarge {
            what: "frame",
            bytes: frame.len(),
            bytes_max: FRAME_BYTES_MAX,
        };
        let stored = blob::encode_frame(&frame, &self.name, self.offset).ok_or(too_large)?;
        let mut unfinished = self.take()?;
        let offset = self.offset;
        self.offset += stored.len() as u64;
        self.buffer.extend_from_slice(&stored);
        if self.buffer.len() >= BLOB_BUFFER_BYTES {
            let buffer = std::mem::take(&mut self.buffer);
            unfinished = blocking("writing a blob", move || {
                files::check_space(
                    &unfinished.path,
                    unfinished.files.reserve_bytes,
                    unfinished.files.disk.as_ref(),
                )?;
                unfinished.write(&buffer)?;
                unfinished.sync_step()?;
                Ok(unfinished)
            })
            .await?;
        }
        self.unfinished = Some(unfinished);
        Ok(offset)
    }
}

impl BlobWriter for FileBlob {
    fn write(&mut self, frame: Bytes) -> BoxFuture<'_, Result<u64, JournalError>> {
        self.add(frame).boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<(), JournalError>> {
        blocking("finishing a blob", move || {
            let mut unfinished = self.take()?;
            let end = blob::encode_end(&self.name, self.offset).unwrap_or_default();
            self.buffer.extend_from_slice(&end);
            unfinished.write(&self.buffer)?;
            unfinished.finish_blob(&self.name)
        })
        .boxed()
    }
}

impl Vault for FileVault {
    fn read_frame(
        &self,
        name: &str,
        offset: u64,
    ) -> BoxFuture<'_, Result<Option<(Bytes, u64)>, JournalError>> {
        let (files, name) = (Arc::clone(&self.0), name.to_owned());
        blocking("reading a blob", move || {
            check_name(&name).and_then(|()| files.read_frame(&name, offset))
        })
        .boxed()
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        let (files, prefix) = (Arc::clone(&self.0), prefix.to_owned());
        blocking("listing the blobs", move || {
            names_in(&files.blobs, &prefix)
                .map_err(|error| JournalError::io("listing", &files.blobs, &error))
        })
        .boxed()
    }

    fn get_key(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, JournalError>> {
        let (files, name) = (Arc::clone(&self.0), name.to_owned());
        blocking("getting a key", move || {
            check_name(&name).and_then(|()| files.get_key(&name))
        })
        .boxed()
    }

    fn list_keys(&self) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        let files = Arc::clone(&self.0);
        blocking("listing the keys", move || {
            names_in(&files.keys, "")
                .map_err(|error| JournalError::io("listing", &files.keys, &error))
        })
        .boxed()
    }
}

impl VaultWriter for FileVault {
    fn create(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, JournalError>> {
        let (files, name) = (Arc::clone(&self.0), name.to_owned());
        blocking("beginning a blob", move || {
            check_name(&name)?;
            files.fault.check()?;
            files.check_is_new(&name)?;
            let unfinished = Some(files.begin()?);
            Ok(Box::new(FileBlob {
                unfinished,
                name,
                offset: 0,
                buffer: Vec::new(),
            }) as Box<dyn BlobWriter>)
        })
        .boxed()
    }

    fn remove(&self, name: &str) -> BoxFuture<'_, Result<(), JournalError>> {
        let (files, name) = (Arc::clone(&self.0), name.to_owned());
        blocking("removing a blob", move || {
            check_name(&name).and_then(|()| files.remove(&files.blobs.join(&name)))
        })
        .boxed()
    }

    fn put_key(&self, name: &str, value: Bytes) -> BoxFuture<'_, Result<(), JournalError>> {
        let (files, name) = (Arc::clone(&self.0), name.to_owned());
        blocking("putting a key", move || {
            check_name(&name)?;
            check_size("key", value.len(), KEY_BYTES_MAX)?;
            let mut stored = value.to_vec();
            sealed::seal(&mut stored, sealed::seed(&name, 0));
            let mut unfinished = files.begin()?;
            unfinished.write(&stored)?;
            unfinished.finish_key(&name)
        })
        .boxed()
    }

    fn check_space(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        let files = Arc::clone(&self.0);
        let check =
            move || files::check_space(&files.tmp, files.reserve_bytes, files.disk.as_ref());
        blocking("looking at the free space", check).boxed()
    }
}
