//! Opens sled and commits to it. No other module does.
//!
//! Promise: a commit that has returned is durable. It is a batch, a flush, and a sync on a
//! descriptor of our own. Only one thread may write.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::Dir;

use super::chunk;
use crate::journal::{
    BATCH_KEYS_MAX, Disk, FLUSH_EVERY_MS, JournalError, LOCK_RETRY, OpenError, Position,
    SEGMENT_BYTES, files,
};

/// Where a log is, and how to open it.
#[derive(Clone)]
pub(in crate::journal) struct Place {
    /// sled's directory.
    pub(in crate::journal) path: PathBuf,
    /// The path that errors show. While a copy is being opened, this is the original log.
    pub(in crate::journal) called: PathBuf,
    /// Size of sled's cache in bytes.
    pub(in crate::journal) cache_bytes: u64,
    /// How long to wait for a handle that is being dropped.
    pub(in crate::journal) lock_wait: Duration,
    /// Where syncs go.
    pub(in crate::journal) disk: Arc<dyn Disk>,
}

/// An open sled store.
pub(in crate::journal) struct Tree {
    pub(super) db: sled::Db,
    file: File,
    /// Kept open, so that a check of the directory does not need a free file descriptor.
    blobs: Mutex<Dir>,
    pub(super) place: Place,
}

impl Tree {
    /// Makes an empty log that begins after `base`. Removes older content of its directory.
    pub(in crate::journal) fn create(place: &Place, base: Position) -> Result<Self, OpenError> {
        let failed = |error: io::Error| OpenError::io("creating", &place.path, &error);
        if place.path.exists() {
            fs::remove_dir_all(&place.path).map_err(failed)?;
        }
        files::create_directory(&place.path, place.disk.as_ref()).map_err(failed)?;
        let tree = Self::start(place)?;
        let mut batch = sled::Batch::default();
        batch.insert(chunk::BASE, chunk::encode_base(base));
        tree.commit(batch, 1).map_err(|reason| OpenError::Io {
            what: tree.whereabouts(),
            reason,
        })?;
        files::sync_tree(&place.path, place.disk.as_ref()).map_err(failed)?;
        Ok(tree)
    }

    /// Opens a copy of the log in `from`, which is made durable first. While it opens, sled builds
    /// a snapshot from the content. It then erases what the snapshot does not need, before the name
    /// of the snapshot is durable. A power cut in between would destroy both, so the original must
    /// not be opened. Blocks, may panic and may never return: see `guard`.
    pub(in crate::journal) fn open_copy(from: &Path, place: &Place) -> Result<Self, OpenError> {
        if !from.join("db").is_file() {
            return Err(OpenError::damaged(from, "the log's files are missing"));
        }
        let failed =
            |error: io::Error| OpenError::io("copying, in order to open it,", from, &error);
        if place.path.exists() {
            fs::remove_dir_all(&place.path).map_err(failed)?;
        }
        let needed_bytes = files::bytes_below(from).map_err(failed)?;
        let free_bytes = place.disk.free_bytes(from).map_err(failed)?;
        if free_bytes < needed_bytes {
            let reason = format!(
                "the copy needs {needed_bytes} bytes, and {free_bytes} are free: free some space"
            );
            return Err(OpenError::Io {
                what: format!("copying, in order to open it, {}", from.display()),
                reason,
            });
        }
        files::copy_tree(
            from,
            &place.path,
            is_unfinished_snapshot,
            place.disk.as_ref(),
        )
        .map_err(failed)?;
        let failed = |error: io::Error| OpenError::io("preparing", from, &error);
        let tree = Self::start(place)?;
        files::sync_tree(&place.path, place.disk.as_ref()).map_err(failed)?;
        Ok(tree)
    }

    fn start(place: &Place) -> Result<Self, OpenError> {
        let config = sled::Config::new()
            .path(&place.path)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(place.cache_bytes)
            .flush_every_ms(Some(FLUSH_EVERY_MS))
            .use_compression(false);
        let give_up = Instant::now() + place.lock_wait;
        let db = loop {
            match config.open() {
                Ok(db) => break db,
                Err(error) if is_lock(&error) && Instant::now() < give_up => {
                    std::thread::sleep(LOCK_RETRY);
                }
                Err(error) => return Err(open_error(&place.called, &error)),
            }
        };
        let path = place.path.join("db");
        let file = File::open(&path).map_err(|error| OpenError::io("opening", &path, &error))?;
        let blobs = place.path.join("blobs");
        let opened = File::open(&blobs).and_then(|directory| Ok(Dir::new(directory)?));
        let blobs = opened.map_err(|error| OpenError::io("opening", &blobs, &error))?;
        Ok(Self {
            db,
            file,
            blobs: Mutex::new(blobs),
            place: place.clone(),
        })
    }

    /// Applies a batch of `keys` keys and makes it durable. After an error there must be no further
    /// commit.
    pub(super) fn commit(&self, batch: sled::Batch, keys: usize) -> Result<(), String> {
        self.write(batch, keys)?;
        self.check_blobs()
    }

    /// Like [`commit`](Self::commit), for a tree that is copied before it is used if it has blobs.
    pub(super) fn write(&self, batch: sled::Batch, keys: usize) -> Result<(), String> {
        debug_assert!(keys <= BATCH_KEYS_MAX, "a batch of {keys} keys");
        let written = self.db.apply_batch(batch);
        written.map_err(|error| format!("writing {}: {error}", self.file_path().display()))?;
        self.make_durable()
    }

    fn file_path(&self) -> PathBuf {
        self.place.path.join("db")
    }

    fn make_durable(&self) -> Result<(), String> {
        let path = self.file_path();
        self.db
            .flush()
            .map_err(|error| format!("flushing {}: {error}", path.display()))?;
        self.place
            .disk
            .sync_data(&self.file, &path)
            .map_err(|error| format!("syncing {}: {error}", path.display()))
    }

    /// Returns an error if sled has put a value into a separate file.
    pub(super) fn check_blobs(&self) -> Result<(), String> {
        match self.has_blobs() {
            Ok(false) => Ok(()),
            Ok(true) => Err(format!(
                "sled moved values to {}/blobs, which it never syncs",
                self.place.path.display()
            )),
            Err(error) => Err(format!(
                "reading {}/blobs: {error}",
                self.place.path.display()
            )),
        }
    }

    /// Whether sled has put a value into a separate file. Our limits should prevent this.
    pub(in crate::journal) fn has_blobs(&self) -> io::Result<bool> {
        // `rewind` sets the place in the directory, so a panic of another thread does no harm.
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.rewind();
        while let Some(entry) = blobs.read() {
            if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The position before the oldest group.
    pub(super) fn base(&self) -> Result<Position, JournalError> {
        let value = self
            .db
            .get(chunk::BASE)
            .map_err(|error| self.error(&error))?;
        let value = value.ok_or_else(|| self.damaged("its base record is missing"))?;
        chunk::decode_base(&value).map_err(|what| self.damaged(what))
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> JournalError {
        JournalError::Damaged {
            what: what.into(),
            place: self.whereabouts(),
        }
    }

    /// The error for a failed read of sled.
    pub(super) fn error(&self, error: &sled::Error) -> JournalError {
        match error {
            sled::Error::Io(error) => JournalError::io("reading", &self.place.called, error),
            other => self.damaged(other.to_string()),
        }
    }

    fn whereabouts(&self) -> String {
        self.place.called.display().to_string()
    }
}

/// Whether sled was still writing this snapshot when the process ended. sled would treat it as
/// finished.
fn is_unfinished_snapshot(name: &str) -> bool {
    name.starts_with("snap.") && name.ends_with(".generating")
}

/// sled 0.34.7 reports its lock only in the text of the error.
fn is_lock(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}

fn open_error(path: &Path, error: &sled::Error) -> OpenError {
    match error {
        error if is_lock(error) => OpenError::Locked {
            dir: path.display().to_string(),
        },
        // sled reads past the end of a file that has been truncated.
        sled::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            OpenError::damaged(path, "a file of it is too short")
        }
        sled::Error::Io(error) => OpenError::io("opening the log in", path, error),
        other => OpenError::damaged(path, other.to_string()),
    }
}
