//! All entries of the past. The newest come from the feed's memory, older ones from the journal,
//! and the oldest from packed chunks. Chunks are made before the journal is trimmed.
//!
//! Promise: data of a caller who is being erased is masked in every read, even if files still
//! contain it.

mod chunks;
mod error;
mod find_trail;
mod place;
mod trails;

use std::sync::Arc;

use aftercall_engine::entry::{After, InstanceChange};
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::mask::{for_history, masked};
use aftercall_engine::{Entry, Root};
use arc_swap::ArcSwap;
use chunks::Chunks;
pub(in crate::ledger) use chunks::{frame_entries, join_frame};
pub use error::HistoryError;
pub(in crate::ledger) use place::{PREFIX, Place, range_of};
use trails::Trails;
pub use trails::{Step, Trail};

use super::feed::{Feed, FeedError};
use crate::journal::Vault;

/// Reads the history.
pub struct History {
    feed: Arc<Feed>,
    chunks: Chunks,
    root: Arc<ArcSwap<Root>>,
    trails: Trails,
}

impl History {
    pub(in crate::ledger) fn new(
        feed: Arc<Feed>,
        vault: Arc<dyn Vault>,
        root: Arc<ArcSwap<Root>>,
    ) -> Self {
        Self {
            feed,
            chunks: Chunks::new(vault, root.clone()),
            root,
            trails: trails::trails(),
        }
    }

    /// The places of the chunks that overlap this range of sequences, ascending.
    pub(in crate::ledger) fn places(&self, within: std::ops::RangeInclusive<u64>) -> Vec<Place> {
        self.chunks.places(within)
    }

    /// All entries of a chunk, as they are stored.
    pub(in crate::ledger) async fn stored(
        &self,
        place: Place,
    ) -> Result<Vec<Arc<Entry>>, HistoryError> {
        self.chunks.all_of(place).await
    }

    /// The newest published root.
    pub(in crate::ledger) fn root(&self) -> Arc<Root> {
        self.root.load_full()
    }

    /// Forgets the content of a removed chunk.
    pub(in crate::ledger) fn forget(&self, place: Place) {
        self.chunks.forget(place);
    }

    /// Masks an entry with the root from before the read and the newest one. An erasure may have
    /// ended in between. Removes what the history does not keep.
    fn masked(&self, before: &Root, entry: Arc<Entry>) -> Arc<Entry> {
        let root = self.root.load();
        let entry = masked(&before.erasing, before, entry);
        for_history(masked(&root.erasing, &root, entry))
    }

    /// The entry with this sequence.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn entry(&self, sequence: u64) -> Result<Arc<Entry>, HistoryError> {
        let before = self.root.load_full();
        if let Some(item) = self
            .recent(sequence, 1)
            .await?
            .and_then(|items| items.into_iter().next())
        {
            return Ok(item);
        }
        self.chunks
            .entry(sequence)
            .await
            .map(|entry| self.masked(&before, entry))
    }

    /// The instance after a change. The data may be in an earlier entry.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn whole(&self, change: &InstanceChange) -> Result<Arc<Instance>, HistoryError> {
        let touched = match &change.after {
            After::Whole(instance) => return Ok(instance.clone()),
            After::Touched(touched) => touched,
        };
        let entry = Box::pin(self.entry(touched.whole_at)).await?;
        let mut changes = entry
            .instances
            .iter()
            .filter(|one| one.after.id() == touched.id);
        let content = changes
            .find_map(|one| one.after.whole())
            .ok_or(HistoryError::NoSuchEntry(touched.whole_at))?;
        Ok(Arc::new(touched.onto(content)))
    }

    /// Entries from a sequence on, in order. Returns those that are easy to read, at most
    /// `entries_max` and at least one. Data past its retention is left out, or its entries are
    /// empty.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn entries(
        &self,
        from: u64,
        entries_max: usize,
    ) -> Result<Vec<Arc<Entry>>, HistoryError> {
        if let Some(entries) = self.recent(from, entries_max).await? {
            return Ok(entries);
        }
        let before = self.root.load_full();
        let entries = self.chunks.entries(from, entries_max).await?;
        if !entries.is_empty() {
            return Ok(entries
                .into_iter()
                .map(|entry| self.masked(&before, entry))
                .collect());
        }
        // The packed entries from this sequence on have been removed.
        let oldest = self.feed.oldest();
        self.recent(oldest, entries_max)
            .await?
            .ok_or(HistoryError::NoSuchEntry(from))
    }

    /// Entries from feed and journal. `None` if they begin later.
    async fn recent(
        &self,
        from: u64,
        entries_max: usize,
    ) -> Result<Option<Vec<Arc<Entry>>>, HistoryError> {
        if from < self.feed.oldest() {
            return Ok(None);
        }
        if from <= self.root.load().sequence {
            // A root is published a moment before its entries are in the feed.
            let _ = self
                .feed
                .newest()
                .wait_for(|newest| newest.sequence >= from)
                .await;
        }
        let before = self.root.load_full();
        match self.feed.items(from, entries_max).await {
            Ok(items) if items.is_empty() => Err(HistoryError::NoSuchEntry(from)),
            Ok(items) => Ok(Some(
                items
                    .into_iter()
                    .map(|item| self.masked(&before, item.entry))
                    .collect(),
            )),
            // The journal was trimmed after `oldest` was read. The entry was packed before.
            Err(FeedError::OutOfRange { newest, .. }) if from <= newest => Ok(None),
            Err(FeedError::OutOfRange { .. }) => Err(HistoryError::NoSuchEntry(from)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads the changes of one instance, newest first. Each change names the one before it.
pub struct Walk<'h> {
    history: &'h History,
    instance: InstanceId,
    next: u64,
}

impl<'h> Walk<'h> {
    /// Starts at the newest change.
    #[must_use]
    pub fn of_instance(history: &'h History, instance: &Instance) -> Self {
        Self {
            history,
            instance: instance.id,
            next: instance.sequence,
        }
    }

    /// The next older change. `None` after the first change of the instance.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn next(&mut self) -> Result<Option<(Arc<Entry>, InstanceChange)>, HistoryError> {
        if self.next == 0 {
            return Ok(None);
        }
        let entry = self.history.entry(self.next).await?;
        let change = entry
            .instances
            .iter()
            .find(|change| change.after.id() == self.instance)
            .cloned();
        let change = change.ok_or(HistoryError::NoSuchEntry(self.next))?;
        self.next = change.before.as_ref().map_or(0, |before| before.sequence);
        Ok(Some((entry, change)))
    }
}
