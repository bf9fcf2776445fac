//! Opens a generation as a journal and a vault. The code that starts, verifies and restores a store
//! can then read a backup too.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _, ready};

use super::{BackupDirectory, BackupError, KEYS, Manifest, frames, journal_range};
use crate::journal::{Bounds, Group, JournalError, Log, Position, Vault};

/// A file with entries of the journal.
struct JournalFile {
    first: u64,
    last: u64,
    path: PathBuf,
}

/// The journal of a generation.
pub(super) struct BackupLog {
    files: Vec<JournalFile>,
    bounds: Bounds,
    /// Where reading continues: the next sequence, the index of its file and the offset in the
    /// file.
    next: Mutex<Option<(u64, usize, u64)>>,
}

/// The files of a generation.
pub(super) struct BackupVault {
    files: Vec<(String, PathBuf)>,
    keys: Vec<(String, Bytes)>,
}

/// Opens a generation.
pub(super) fn open(
    directory: &BackupDirectory,
    manifest: &Manifest,
) -> Result<(Arc<BackupLog>, Arc<BackupVault>), BackupError> {
    let mut journal: Vec<JournalFile> = Vec::new();
    for file in &manifest.files {
        let range = journal_range(&file.name);
        journal.extend(range.map(|(first, last)| JournalFile {
            first,
            last,
            path: directory.path_of(file),
        }));
    }
    // The files of several backups may overlap. They have the same entries, so each entry may be
    // read from any of them.
    journal.sort_by_key(|file| (file.last, file.first));
    let base = match journal.iter().min_by_key(|file| file.first) {
        Some(oldest) => {
            let group = group_at(oldest, 0)?.map(|(group, _)| group);
            let group = group.ok_or_else(|| BackupError::damaged(&oldest.path, "it is empty"))?;
            Position {
                sequence: group.first - 1,
                chain: group.chain_before,
            }
        }
        None => manifest.position(),
    };
    let bounds = Bounds {
        base,
        newest: manifest.position(),
    };
    let log = Arc::new(BackupLog {
        files: journal,
        bounds,
        next: Mutex::default(),
    });
    let files = manifest
        .files
        .iter()
        .map(|file| (file.name.clone(), directory.path_of(file)))
        .collect();
    let keys = match manifest.file(KEYS) {
        Some(file) => read_keys(&directory.path_of(file))?,
        None => Vec::new(),
    };
    Ok((log, Arc::new(BackupVault { files, keys })))
}

/// Reads names and values, which alternate.
fn read_keys(path: &std::path::Path) -> Result<Vec<(String, Bytes)>, BackupError> {
    let frames = frames::read_all(path).map_err(BackupError::io("reading", path))?;
    let pair = |pair: &[Bytes]| {
        (
            String::from_utf8_lossy(&pair[0]).into_owned(),
            pair[1].clone(),
        )
    };
    Ok(frames.chunks_exact(2).map(pair).collect())
}

fn group_at(file: &JournalFile, offset: u64) -> Result<Option<(Group, u64)>, JournalError> {
    let failed = |error| JournalError::io("reading", &file.path, &error);
    let open = File::open(&file.path).map_err(failed)?;
    let Some((frame, next)) = frames::read_at(&open, offset).map_err(failed)? else {
        return Ok(None);
    };
    let group = frames::read_group(&frame)
        .filter(|group| group.first > 0)
        .ok_or_else(|| JournalError::Damaged {
            what: format!("no group begins there (at {offset})"),
            place: file.path.display().to_string(),
        })?;
    Ok(Some((group, next)))
}

impl BackupLog {
    fn groups(&self, from: u64, bytes_max: usize) -> Result<Vec<Group>, JournalError> {
        let from = from.max(1);
        if from <= self.bounds.base.sequence {
            return Err(JournalError::Trimmed {
                oldest: self.bounds.oldest(),
            });
        }
        let known = self
            .next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .filter(|(next, ..)| *next == from);
        let place = self.files.partition_point(|file| file.last < from);
        let (mut place, mut offset) =
            known.map_or((place, 0), |(_, place, offset)| (place, offset));
        let (mut groups, mut bytes, mut reached): (Vec<Group>, usize, u64) =
            (Vec::new(), 0, from - 1);
        while let Some(file) = self.files.get(place) {
            let Some((group, next)) = group_at(file, offset)? else {
                (place, offset) = (place + 1, 0);
                continue;
            };
            if group.last > reached {
                bytes += group.bytes.len();
                if !groups.is_empty() && bytes > bytes_max {
                    break;
                }
                reached = group.last;
                groups.push(group);
            }
            offset = next;
        }
        let next = groups.last().map(|group| (group.last + 1, place, offset));
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(groups)
    }
}

impl Log for BackupLog {
    fn read(&self, from: u64, bytes_max: usize) -> BoxFuture<'_, Result<Vec<Group>, JournalError>> {
        ready(self.groups(from, bytes_max)).boxed()
    }

    fn bounds(&self) -> BoxFuture<'_, Result<Bounds, JournalError>> {
        ready(Ok(self.bounds)).boxed()
    }
}

impl BackupVault {
    fn frame(&self, name: &str, offset: u64) -> Result<Option<(Bytes, u64)>, JournalError> {
        let found = self.files.iter().find(|(known, _)| known == name);
        let (_, path) = found.ok_or_else(|| JournalError::NotFound {
            name: name.to_owned(),
        })?;
        let failed = |error| JournalError::io("reading", path, &error);
        frames::read_at(&File::open(path).map_err(failed)?, offset).map_err(failed)
    }
}

impl Vault for BackupVault {
    fn read_frame(
        &self,
        name: &str,
        offset: u64,
    ) -> BoxFuture<'_, Result<Option<(Bytes, u64)>, JournalError>> {
        ready(self.frame(name, offset)).boxed()
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        let mut names: Vec<String> = self.files.iter().map(|(name, _)| name.clone()).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        ready(Ok(names)).boxed()
    }

    fn get_key(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, JournalError>> {
        let found = self
            .keys
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone());
        ready(Ok(found)).boxed()
    }

    fn list_keys(&self) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        let mut names: Vec<String> = self.keys.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        ready(Ok(names)).boxed()
    }
}
