//! Writes the chunks of the history: packs entries before the journal is trimmed, and writes chunks
//! again without what is erased or removed.
//!
//! A chunk is never changed where it lies: it is written beside, under a name with a higher
//! generation, and then takes the place of the older one.

use std::collections::HashSet;
use std::sync::Arc;

use aftercall_engine::Entry;
use aftercall_engine::mask::masked;
use bytes::Bytes;

use crate::journal::{Group, JournalError, Leading, Storage, Vault};
use crate::ledger::read::history::{History, HistoryError, PREFIX, Place, join_frame};
use crate::limits::HISTORY_FRAME_ENTRIES;
use crate::records::{RecordError, decode_group, pack_entries};

/// What is left of an entry when its chunk is written again.
pub(in crate::ledger) enum Rewritten {
    /// As it was.
    Same(Arc<Entry>),
    /// This instead.
    Other(Arc<Entry>),
    /// Nothing but that something happened then.
    Gone(Arc<Entry>),
}

/// The chunks of the history, for the one who writes them.
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

    /// Removes files that were written again and could not be removed then.
    pub(super) async fn remove_others(&self) -> Result<(), HistoryError> {
        let kept: HashSet<String> = self.history.names().into_iter().collect();
        for name in self
            .vault
            .list(PREFIX)
            .await?
            .into_iter()
            .filter(|name| !kept.contains(name))
        {
            self.leading.vault().remove(&name).await?;
        }
        Ok(())
    }

    /// Packs whole groups, from a sequence on. What is being erased is masked.
    pub(super) async fn pack(&self, from: u64, groups: Vec<Group>) -> Result<(), HistoryError> {
        let Some(last) = groups.last().map(|group| group.last) else {
            return Ok(());
        };
        let place = self
            .unwritten(Place {
                first: from,
                last,
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
                .map(|entry| masked(&root.erasing, &root, entry))
                .collect())
        };
        self.write(place, unpacked).await?;
        self.history.put(place);
        Ok(())
    }

    /// Writes a chunk again with what `change` leaves of each entry, or removes it where nothing is
    /// left at all; returns whether anything changed.
    pub(super) async fn rewrite(
        &self,
        place: Place,
        change: impl FnMut(Arc<Entry>) -> Rewritten + Send + 'static,
    ) -> Result<bool, HistoryError> {
        let entries = self.history.stored(place).await?;
        // Looking at each takes a while: not on a thread that serves others.
        let changing = tokio::task::spawn_blocking(move || {
            entries.into_iter().map(change).collect::<Vec<_>>()
        });
        let changed = changing
            .await
            .map_err(|_| cut_off("looking through the history"))?;
        if changed.iter().all(|one| matches!(one, Rewritten::Same(_))) {
            return Ok(false);
        }
        // The newest stays, emptied: the history has to reach the journal, else a lost chunk could
        // not be told from a removed one.
        let is_newest = place.last == self.history.packed_upto();
        let is_gone = changed.iter().all(|one| matches!(one, Rewritten::Gone(_))) && !is_newest;
        if is_gone {
            self.history.take_out(place);
        } else {
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
            self.history.put(next);
        }
        self.history.forget(place);
        self.leading.vault().remove(&place.name()).await?;
        Ok(true)
    }

    /// The place with the next generation that no file has: the answer to an earlier write may have
    /// been lost, and a file is never replaced.
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
        // Unpacking and compressing take a while: not on a thread that serves others.
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

/// Entries as frames of a chunk.
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
        reason: "it was cut off".to_owned(),
    }
}
