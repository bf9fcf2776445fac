//! Writes the files of the archive: calls that leave memory, and chunks without their erased or
//! purged calls.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::journal::{JournalError, Leading, Storage, Vault};
use crate::ledger::Archive;
use crate::ledger::read::archive::{PREFIX, file_name};
use crate::ledger::read::history::HistoryError;
use crate::records::{ChunkContent, ChunkFilter, RecordError};

/// Writes and removes the files of the archive.
pub(super) struct ArchiveFiles {
    archive: Arc<Archive>,
    vault: Arc<dyn Vault>,
    leading: Leading,
    /// The highest file number that is taken, also by a file that no entry names.
    newest_taken: AtomicU64,
}

impl ArchiveFiles {
    pub(super) fn new(archive: Arc<Archive>, storage: &dyn Storage, leading: Leading) -> Self {
        let newest_taken = AtomicU64::new(leading.term().numbers_above());
        Self {
            archive,
            vault: storage.vault(),
            leading,
            newest_taken,
        }
    }

    /// The number of the next file. No number is used twice, so that no file is ever replaced.
    pub(super) fn next_file(&self) -> u64 {
        self.newest_taken
            .load(Ordering::Relaxed)
            .max(self.archive.root().archive.newest_file)
            + 1
    }

    /// Writes the file of a chunk.
    pub(super) async fn write(&self, file: u64, content: ChunkContent) -> Result<(), HistoryError> {
        let keys = self.archive.keys();
        let packing = tokio::task::spawn_blocking(move || {
            let of_calls = content
                .calls
                .iter()
                .flat_map(|call| call.callers.iter().copied().chain([call.key]));
            let of_instances = content.instances.iter().map(|one| keys.of_instance(one.id));
            let filter = ChunkFilter::new(of_calls.chain(of_instances).collect())?;
            Ok::<_, RecordError>((filter.bytes(), content.bytes()?))
        });
        let cut_off = |_| JournalError::Io {
            what: "packing the archive".into(),
            reason: "it was interrupted".into(),
        };
        let (filter, content) = packing.await.map_err(cut_off)??;
        // Also if this fails, because part of the file may exist.
        self.newest_taken.fetch_max(file, Ordering::Relaxed);
        let mut blob = self.leading.vault().create(&file_name(file)).await?;
        blob.write(filter.into()).await?;
        blob.write(content.into()).await?;
        Ok(blob.finish().await?)
    }

    /// Removes the file of a chunk that the World no longer names.
    pub(super) async fn remove(&self, file: u64) -> Result<(), HistoryError> {
        self.archive.forget(file);
        Ok(self.leading.vault().remove(&file_name(file)).await?)
    }

    /// Removes files that the World does not name. An earlier process did not finish or remove
    /// them.
    pub(super) async fn remove_others(&self) -> Result<(), HistoryError> {
        let root = self.archive.root();
        let kept: HashSet<String> = root
            .archive
            .chunks
            .values()
            .map(|chunk| file_name(chunk.file))
            .collect();
        for name in self.vault.list(PREFIX).await? {
            let file = name
                .strip_prefix(PREFIX)
                .and_then(|number| number.parse().ok());
            self.newest_taken
                .fetch_max(file.unwrap_or(0), Ordering::Relaxed);
            if !kept.contains(&name) {
                self.leading.vault().remove(&name).await?;
            }
        }
        Ok(())
    }
}
