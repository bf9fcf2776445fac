//! Writes the chunks of the history. Packs entries before the journal is trimmed, and rewrites
//! chunks without erased or removed data.
//!
//! A chunk is never changed in place. The new version is a file with a higher generation. It is
//! valid once an entry names it. Only then the older file is removed.

use std::collections::HashSet;
use std::sync::Arc;

use aftercall_engine::Entry;
use aftercall_engine::history::HistoryChange;
use aftercall_engine::mask::{for_history, masked};
use bytes::Bytes;

use crate::journal::{Group, JournalError, Leading, Storage, Vault};
use crate::ledger::read::history::{History, HistoryError, PREFIX, Place, join_frame};
use crate::limits::HISTORY_FRAME_ENTRIES;
use crate::records::{RecordError, decode_group, pack_entries};

/// The result for one entry when its chunk is rewritten.
pub(in crate::ledger) enum Rewritten {
    /// The entry does not change.
    Same(Arc<Entry>),
    /// This entry replaces it.
    Other(Arc<Entry>),
    /// Only its time and kind are left, in this entry.
    Gone(Arc<Entry>),
}

/// Writes and removes the chunks of the history.
pub(super) struct HistoryFiles {
    history: Arc<History>,
    vault: Arc<dyn Vault>,
    leading: Leading,
}

impl HistoryFiles {
    pub(super) fn new(history: Arc<History>, storage: &dyn Storage, leading: Leading) -> Self {
        Self {
            history,
            vault: storage.vault(),
            leading,
        }
    }

    /// Removes the files that the World does not name.
    pub(super) async fn remove_others(&self) -> Result<(), HistoryError> {
        let root = self.history.root();
        let kept: HashSet<String> = root
            .history
            .chunks
            .values()
            .map(|chunk| Place::from(*chunk).name())
            .collect();
        for name in self.vault.list(PREFIX).await? {
            if !kept.contains(&name) {
                self.leading.vault().remove(&name).await?;
            }
        }
        Ok(())
    }

    /// Packs whole groups into a chunk, from a sequence on. Masks the callers that are being
    /// erased, and removes what the history does not keep.
    pub(super) async fn pack(&self, from: u64, groups: Vec<Group>) -> Result<Place, HistoryError> {
        let place = self
            .unwritten(Place {
                first: from,
                last: groups.last().map_or(from, |group| group.last),
                generation: 0,
                term: self.leading.term(),
            })
            .await?;
        let root = self.history.root();
        let unpacked = move || {
            let mut entries = Vec::new();
            for group in &groups {
                let linked = decode_group(&group.bytes, group.chain_before, group.chain)?;
                entries.extend(linked.into_iter().map(|linked| Arc::new(linked.entry)));
            }
            let packed = entries.into_iter().filter(|entry| entry.sequence >= from);
            Ok(packed
                .map(|entry| for_history(masked(&root.erasing, &root, entry)))
                .collect())
        };
        self.write(place, unpacked).await?;
        Ok(place)
    }

    /// Rewrites a chunk with the result of `change` for each entry. Returns the change of the list
    /// of chunks. `None` if all entries stay the same.
    pub(super) async fn rewrite(
        &self,
        place: Place,
        change: impl FnMut(Arc<Entry>) -> Rewritten + Send + 'static,
    ) -> Result<Option<HistoryChange>, HistoryError> {
        let entries = self.history.stored(place).await?;
        // This is slow, so it runs on a blocking thread.
        let changing = tokio::task::spawn_blocking(move || {
            entries.into_iter().map(change).collect::<Vec<_>>()
        });
        let changed = changing.await.map_err(|_| cut_off("reading the history"))?;
        if changed.iter().all(|one| matches!(one, Rewritten::Same(_))) {
            return Ok(None);
        }
        // The newest chunk stays, even if it is empty, because the history must reach the journal.
        // Otherwise a lost chunk would look like a removed one.
        let is_newest = place.last == self.history.root().history.packed_upto();
        if !is_newest && changed.iter().all(|one| matches!(one, Rewritten::Gone(_))) {
            return Ok(Some(HistoryChange {
                removed: [place.last].into(),
                ..HistoryChange::default()
            }));
        }
        let next = Place {
            generation: place.generation + 1,
            term: self.leading.term(),
            ..place
        };
        let next = self.unwritten(next).await?;
        let entry = |one| match one {
            Rewritten::Same(entry) | Rewritten::Other(entry) | Rewritten::Gone(entry) => entry,
        };
        self.write(next, move || Ok(changed.into_iter().map(entry).collect()))
            .await?;
        Ok(Some(HistoryChange {
            put: [next.into()].into(),
            ..HistoryChange::default()
        }))
    }

    /// Removes the file of a chunk that the World no longer names.
    pub(super) async fn remove(&self, place: Place) -> Result<(), HistoryError> {
        self.history.forget(place);
        Ok(self.leading.vault().remove(&place.name()).await?)
    }

    /// Raises the generation until no file has it. An earlier write whose answer was lost may have
    /// made a file, and no file is ever replaced.
    async fn unwritten(&self, mut place: Place) -> Result<Place, JournalError> {
        let names = self.vault.list(&place.range_name()).await?;
        while names.contains(&place.name()) {
            place.generation += 1;
        }
        Ok(place)
    }

    async fn write(
        &self,
        place: Place,
        entries: impl FnOnce() -> Result<Vec<Arc<Entry>>, RecordError> + Send + 'static,
    ) -> Result<(), HistoryError> {
        // Unpacking and compressing are slow, so they run on a blocking thread.
        let packing = tokio::task::spawn_blocking(move || frames(&entries()?));
        let frames = packing
            .await
            .map_err(|_| cut_off("packing the history"))??;
        let mut blob = self.leading.vault().create(&place.name()).await?;
        for frame in frames {
            blob.write(frame).await?;
        }
        Ok(blob.finish().await?)
    }
}

/// Packs entries into the frames of a chunk.
fn frames(entries: &[Arc<Entry>]) -> Result<Vec<Bytes>, RecordError> {
    let frame = |entries: &[Arc<Entry>]| {
        let last = entries.last().map_or(0, |entry| entry.sequence);
        Ok(join_frame(last, &pack_entries(entries.iter().map(|entry| &**entry))?).into())
    };
    entries.chunks(HISTORY_FRAME_ENTRIES).map(frame).collect()
}

fn cut_off(what: &str) -> JournalError {
    JournalError::Io {
        what: what.to_owned(),
        reason: "it was interrupted".to_owned(),
    }
}
