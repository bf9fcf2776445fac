//! Moves calls from memory to the archive, once all their instances have ended. First a chunk that
//! shows where to find them becomes durable, then the entry that removes them. A chunk without such
//! an entry is removed at the next start, or rewritten.

use std::sync::Arc;

use aftercall_engine::Root;
use aftercall_engine::call::Call;
use aftercall_engine::command::{ArchivableCall, ArchiveCalls, Command};
use aftercall_engine::instance::Instance;
use aftercall_engine::query::{Archivable, archivable_from};
use aftercall_engine::world::caller_index::CallerKey;

use super::keep_error::KeepError;
use super::keeper::Keeper;
use crate::ledger::read::archive::ArchiveKeys;
use crate::ledger::read::archive_list::order;
use crate::limits::{ARCHIVE_CHUNK_CALLS, ARCHIVE_WAITS};
use crate::records::{ArchivedCall, ArchivedInstance, ChunkContent};

impl Keeper {
    /// Fills chunks while there are enough calls for one, or the oldest call has waited long
    /// enough.
    pub(in crate::ledger) async fn archive(&mut self) -> Result<(), KeepError> {
        // Each call is looked at once, for any number of chunks.
        let mut from = 0;
        while self.may_continue().await {
            self.serve_captures().await;
            let (root, now, after) = (
                self.handle.root(),
                self.handle.now(),
                self.archive_after_millis,
            );
            if !root.erasing.is_empty() {
                return Ok(());
            }
            let looked_at = root.clone();
            let look = move || archivable_from(&looked_at, from, after, now, ARCHIVE_CHUNK_CALLS);
            let looking = tokio::task::spawn_blocking(look);
            let Archivable {
                calls,
                is_full,
                oldest,
                next_slot,
            } = looking
                .await
                .map_err(|_| KeepError::CutOff("finding calls that may leave memory"))?;
            from = next_slot;
            let waits = after.saturating_mul(ARCHIVE_WAITS);
            let has_waited = oldest.is_some_and(|oldest| now.0.saturating_sub(oldest.0) >= waits);
            if calls.is_empty() || !(is_full || has_waited) || !self.store(root, calls).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns whether the calls have left memory. If one of them has changed meanwhile, none
    /// leaves.
    async fn store(&self, root: Arc<Root>, calls: Vec<ArchivableCall>) -> Result<bool, KeepError> {
        let archive = self.handle.archive();
        let file = self.archive_files.next_file();
        let (keys, listed) = (archive.keys(), calls.clone());
        let gathering = tokio::task::spawn_blocking(move || content(&root, keys, &listed));
        let content = gathering
            .await
            .map_err(|_| KeepError::CutOff("collecting calls that leave memory"))?;
        self.archive_files.write(file, content).await?;
        let count = calls.len();
        let stored = self
            .carry_out(Command::from(ArchiveCalls { file, calls }))
            .await?;
        if stored {
            tracing::debug!(file, calls = count, "ended calls have left memory");
            metrics::counter!("aftercall_archived_calls_total").increment(count as u64);
        }
        Ok(stored)
    }
}

fn content(root: &Root, keys: ArchiveKeys, calls: &[ArchivableCall]) -> ChunkContent {
    let mut content = ChunkContent::default();
    for call in calls.iter().filter_map(|call| root.call_at(call.slot)) {
        let place = content.calls.len() as u32;
        content.calls.push(archived_call(keys, call));
        let instances = call
            .instances
            .iter()
            .filter_map(|slot| root.instance_at(*slot));
        content
            .instances
            .extend(instances.map(|instance| archived_instance(instance, place)));
    }
    content.instances.sort_by_key(order);
    content
}

fn archived_call(keys: ArchiveKeys, call: &Call) -> ArchivedCall {
    ArchivedCall {
        key: keys.of_call(&call.key),
        callers: CallerKey::bytes_of(&call.caller)
            .map(|term| keys.of_caller(&term))
            .collect(),
        sequence: call.sequence,
        created_at: call.created_at,
    }
}

fn archived_instance(instance: &Instance, call: u32) -> ArchivedInstance {
    ArchivedInstance {
        id: instance.id,
        workflow: instance.workflow,
        version: instance.version,
        status: instance.status,
        ended_at: instance.ended_at.unwrap_or_default(),
        sequence: instance.sequence,
        call,
    }
}
