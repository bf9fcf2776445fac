//! The archive: calls with only ended instances leave memory, after a file with them is durable.

use std::sync::Arc;

use crate::archive::{ArchiveChange, Chunk};
use crate::call::Call;
use crate::command::{ArchivableCall, ArchiveCalls, ReplaceChunk};
use crate::decide::draft::EntryDraft;
use crate::entry::ChangeKind;
use crate::query::newest_of_call;
use crate::world::Root;

/// Removes all of the calls from memory. If one has changed since the file was written, removes
/// none of them, because the file would be wrong.
pub(super) fn store(draft: &mut EntryDraft<'_>, command: &ArchiveCalls) {
    let ArchiveCalls { file, calls } = command;
    let file = *file;
    draft.kind = ChangeKind::Archived;
    let root = draft.root;
    // An erasure has searched for its calls in memory and in the archive. Until it ends, no call
    // may move from one to the other.
    if file <= root.archive.newest_file
        || !root.erasing.is_empty()
        || !calls.iter().all(|call| is_unchanged(root, call))
    {
        return;
    }
    let slots: Box<[u32]> = calls.iter().map(|call| call.slot).collect();
    let calls: Vec<&Call> = slots
        .iter()
        .filter_map(|slot| root.call_at(*slot))
        .map(|call| &**call)
        .collect();
    let of_calls = calls.iter().flat_map(|call| call.instances.iter());
    let instances = of_calls
        .filter_map(|slot| root.instance_at(*slot))
        .map(|one| &**one);
    draft.archive = Some(ArchiveChange::Stored {
        chunk: Arc::new(Chunk::new(file, &calls, instances)),
        calls: slots,
    });
}

fn is_unchanged(root: &Root, looked_at: &ArchivableCall) -> bool {
    let call = root
        .call_at(looked_at.slot)
        .filter(|call| call.sequence == looked_at.sequence);
    call.is_some_and(|call| newest_of_call(root, call) == Some(looked_at.newest))
}

/// Replaces or removes a chunk. Changes nothing if the chunk is already gone, or if a newer file
/// has its number.
pub(super) fn replace(draft: &mut EntryDraft<'_>, command: &ReplaceChunk) {
    let ReplaceChunk { id, new } = command;
    draft.kind = ChangeKind::ChunkReplaced;
    let archive = &draft.root.archive;
    let fits = |new: &Arc<Chunk>| new.id == *id && new.file > archive.newest_file;
    if archive.chunks.contains_key(id) && new.as_ref().is_none_or(fits) {
        draft.archive = Some(ArchiveChange::Replaced {
            id: *id,
            new: new.clone(),
        });
    }
}
