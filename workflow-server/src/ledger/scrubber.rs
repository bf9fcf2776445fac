//! Scrubs the files once every call of an erased caller is masked: a snapshot of the masked World takes the place of all older
//! ones, the journal is packed and trimmed up to it and copied to fresh files, and the chunks of the history and the archive
//! that tell of the caller are written anew. Only then the erasure is done; cut off anywhere, it begins again.

use std::collections::BTreeSet;
use std::sync::Arc;

use aftercall_engine::Entry;
use aftercall_engine::archive::Chunk;
use aftercall_engine::command::Command;
use aftercall_engine::erasure::{Erasure, ErasureState};

use super::history::{HistoryError, Rewritten};
use super::keeper::{KeepError, Keeper};

impl Keeper {
    pub(super) async fn scrub(&mut self) -> Result<(), KeepError> {
        let root = self.handle.root();
        let due = root.erasures.values().filter(|one| one.state == ErasureState::Scrubbing);
        let due: Vec<Arc<Erasure>> = due.cloned().collect();
        if due.is_empty() {
            return Ok(());
        }
        self.forget_the_past().await?;
        for erasure in due {
            if !self.scrub_history(&erasure).await? {
                return Ok(());
            }
            self.scrub_archive(&erasure).await?;
            self.carry_out(Command::EndErasure { erasure: erasure.id }).await?;
            tracing::info!(erasure = erasure.id, calls = erasure.calls.len(), "a caller is erased: no byte remains");
        }
        Ok(())
    }

    /// What snapshots, journal and feed hold of the time before goes into the history, masked.
    async fn forget_the_past(&self) -> Result<(), KeepError> {
        let image = self.handle.take_image().await?;
        let upto = image.sequence();
        self.write(image).await?;
        self.remove_snapshots(1).await?;
        self.trim(upto).await?;
        self.handle.feed().forget(upto);
        Ok(self.log.renew().await?)
    }

    /// Writes anew what tells of the caller; gives whether it came to the end.
    async fn scrub_history(&mut self, erasure: &Erasure) -> Result<bool, KeepError> {
        let sequences = self.sequences_of(erasure).await?;
        let mut rest = sequences.into_iter();
        let mut next = rest.next();
        while let Some(sequence) = next {
            if !self.goes_on().await {
                return Ok(false);
            }
            let place = self.handle.history().places(sequence..=sequence).first().copied();
            let root = self.handle.root();
            let mask = move |entry: Arc<Entry>| match root.erasing.masked(&root, entry.clone()) {
                masked if Arc::ptr_eq(&masked, &entry) => Rewritten::Same(entry),
                masked => Rewritten::Other(masked),
            };
            if let Some(place) = place {
                self.handle.history().rewrite(place, mask).await?;
            }
            let last = place.map_or(sequence, |place| place.last);
            next = rest.find(|sequence| *sequence > last);
        }
        Ok(true)
    }

    /// Every entry that tells of the caller: each names the one before it.
    async fn sequences_of(&self, erasure: &Erasure) -> Result<BTreeSet<u64>, HistoryError> {
        let (history, archive, root) = (self.handle.history(), self.handle.archive(), self.handle.root());
        let mut sequences = BTreeSet::new();
        for erased in erasure.calls.iter() {
            let live = root.call(&erased.key);
            let live_instances = live.iter().flat_map(|call| call.instances.iter());
            let mut calls: Vec<_> = live.into_iter().cloned().collect();
            let mut instances: Vec<_> = live_instances.filter_map(|slot| root.instance_at(*slot)).cloned().collect();
            for found in archive.calls(&erased.key, self.handle.now()).await? {
                calls.push(found.call);
                instances.extend(found.instances);
            }
            for call in calls {
                sequences.extend(history.of_call(&call).await?.into_keys());
            }
            for instance in instances {
                sequences.extend(history.of_instance(&instance).await?.into_keys());
            }
        }
        Ok(sequences)
    }

    /// Takes out of the archive by what the caller is found there.
    async fn scrub_archive(&self, erasure: &Erasure) -> Result<(), KeepError> {
        let archive = self.handle.archive();
        let keys: BTreeSet<u64> = erasure.calls.iter().map(|call| archive.keys().of_call(&call.key)).collect();
        let chunks: Vec<Arc<Chunk>> = self.handle.root().archive.chunks.values().cloned().collect();
        for chunk in chunks {
            let content = archive.content(chunk.file).await?;
            let mut left = (*content).clone();
            for call in left.calls.iter_mut().filter(|call| keys.contains(&call.key)) {
                call.callers = Vec::new();
            }
            if left != *content {
                self.replace_chunk(&chunk, left).await?;
            }
        }
        Ok(())
    }
}
