//! Scrubs the files once every call of an erased caller is masked. A snapshot of the masked World
//! replaces all older ones. The journal is packed and trimmed up to it, and copied to new files.
//! The chunks of the history and the archive that contain the caller are rewritten. Only then the
//! erasure is done. An interrupted erasure begins again.

use std::collections::BTreeSet;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::Entry;
use aftercall_engine::archive::Chunk;
use aftercall_engine::command::{Command, EndErasure};
use aftercall_engine::erasure::{ErasedCall, Erasure, ErasureState};
use aftercall_engine::mask::masked;

use super::history_files::Rewritten;
use super::keep_error::KeepError;
use super::keeper::Keeper;
use crate::ledger::read::history::HistoryError;

impl Keeper {
    pub(in crate::ledger) async fn scrub(&mut self) -> Result<(), KeepError> {
        let root = self.handle.root();
        let due = root
            .erasures
            .values()
            .filter(|one| one.state == ErasureState::Scrubbing);
        let due: Vec<Arc<Erasure>> = due.cloned().collect();
        // A running backup may still copy erased data, so scrubbing waits for its end.
        if due.is_empty() || self.is_leased() {
            return Ok(());
        }
        if !due.iter().all(|one| self.forgotten_for.contains(&one.id)) {
            self.forget_the_past().await?;
            self.forgotten_for = due.iter().map(|one| one.id).collect();
        }
        let mut first_error = None;
        for erasure in due {
            match self.scrub_one(&erasure).await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                // An erasure that fails does not delay the others.
                Err(error) => {
                    tracing::warn!(erasure = erasure.id, %error, "an erasure is not finished: its files could not be rewritten. The server tries again");
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Scrubs for one erasure. Returns whether it has finished.
    async fn scrub_one(&mut self, erasure: &Erasure) -> Result<bool, KeepError> {
        if !self.scrub_history(erasure).await? {
            return Ok(false);
        }
        self.scrub_archive(erasure).await?;
        // Files that were replaced earlier and could not be removed then.
        self.history_files.remove_others().await?;
        self.archive_files.remove_others().await?;
        // The tables for SQL follow a moment later, and wake this keeper then.
        let masked_at = erasure.masked_at.last().copied().unwrap_or_default();
        if self.handle.tables_upto() < masked_at {
            return Ok(false);
        }
        // The old files are removed now, and in a database their bytes would stay.
        self.leading.vault().free_removed().await?;
        self.carry_out(Command::from(EndErasure {
            erasure: erasure.id,
        }))
        .await?;
        self.report_end(erasure);
        Ok(true)
    }

    fn report_end(&self, erasure: &Erasure) {
        let (erasure, calls) = (erasure.id, erasure.calls.len());
        if self.out_of_reach.is_empty() {
            tracing::info!(
                erasure,
                calls,
                "a caller is erased: no byte remains in the data directory"
            );
        } else {
            tracing::info!(
                erasure,
                calls,
                out_of_reach = self.out_of_reach.join("; "),
                "a caller is erased: no row of the database has data of the caller. The server cannot reach the places in out_of_reach"
            );
        }
    }

    /// Removes old data from snapshots, journal and feed. The history gets the entries, masked.
    pub(in crate::ledger) async fn forget_the_past(&mut self) -> Result<(), KeepError> {
        let image = self.handle.take_image().await?;
        // The waiting snapshots are older. Written later, they would restore erased data.
        while self.images.try_recv().is_ok() {}
        let upto = image.sequence();
        self.write(image).await?;
        self.remove_snapshots(1).await?;
        self.trim(upto).await?;
        self.handle.feed().forget(upto);
        Ok(self.leading.log().renew().await?)
    }

    /// Rewrites the history chunks that contain the caller. Returns whether it has finished.
    async fn scrub_history(&mut self, erasure: &Erasure) -> Result<bool, KeepError> {
        let sequences = self.sequences_of(erasure).await?;
        let mut rest = sequences.into_iter();
        let mut next = rest.next();
        while let Some(sequence) = next {
            if !self.may_continue().await {
                return Ok(false);
            }
            let place = self
                .handle
                .history()
                .places(sequence..=sequence)
                .first()
                .copied();
            let root = self.handle.root();
            let mask = move |entry: Arc<Entry>| match masked(&root.erasing, &root, entry.clone()) {
                masked if Arc::ptr_eq(&masked, &entry) => Rewritten::Same(entry),
                masked => Rewritten::Other(masked),
            };
            if let Some(place) = place {
                self.rewrite_history(place, mask).await?;
            }
            let last = place.map_or(sequence, |place| place.last);
            next = rest.find(|sequence| *sequence > last);
        }
        Ok(true)
    }

    /// The sequences of all entries about the caller. Each entry names the one before it.
    async fn sequences_of(&self, erasure: &Erasure) -> Result<BTreeSet<u64>, HistoryError> {
        let (history, archive, root) = (
            self.handle.history(),
            self.handle.archive(),
            self.handle.root(),
        );
        let mut sequences = BTreeSet::new();
        for erased in erasure.calls.iter() {
            let live = root
                .call(&erased.key)
                .filter(|call| call.created_at == erased.created_at);
            let live_instances = live.iter().flat_map(|call| call.instances.iter());
            let mut instances: Vec<_> = live_instances
                .filter_map(|slot| root.instance_at(*slot))
                .cloned()
                .collect();
            let mut calls: Vec<_> = live.into_iter().cloned().collect();
            // Calls past their retention are in the files until they are removed.
            for found in archive.calls(&erased.key, Time(i64::MIN)).await? {
                if found.call.created_at == erased.created_at {
                    calls.push(found.call);
                    instances.extend(found.instances);
                }
            }
            for call in calls {
                sequences.extend(
                    history
                        .trail_of_call(&call)
                        .await?
                        .iter()
                        .map(|step| step.sequence),
                );
            }
            for instance in instances {
                sequences.extend(
                    history
                        .trail_of_instance(&instance)
                        .await?
                        .iter()
                        .map(|step| step.sequence),
                );
            }
        }
        Ok(sequences)
    }

    /// Removes from the archive the keys by which the caller can be found.
    async fn scrub_archive(&self, erasure: &Erasure) -> Result<(), KeepError> {
        let archive = self.handle.archive();
        let key = |call: &ErasedCall| (archive.keys().of_call(&call.key), call.created_at);
        let keys: BTreeSet<(u64, Time)> = erasure.calls.iter().map(key).collect();
        let chunks: Vec<Arc<Chunk>> = self
            .handle
            .root()
            .archive
            .chunks
            .values()
            .cloned()
            .collect();
        for chunk in chunks {
            let content = archive.content(chunk.file).await?;
            let mut left = (*content).clone();
            for call in left
                .calls
                .iter_mut()
                .filter(|call| keys.contains(&(call.key, call.created_at)))
            {
                call.callers = Vec::new();
            }
            if left != *content {
                self.replace_chunk(&chunk, left).await?;
            }
        }
        Ok(())
    }
}
