//! Erasing a caller: the calls are written down when it is started, and masked one an entry, so that a crash leaves none out.

use std::sync::Arc;

use crate::call::{Call, CallKey};
use crate::command::Actor;
use crate::decide::draft::EntryDraft;
use crate::entry::ChangeKind;
use crate::erasure::{EraseCaller, ErasedCall, Erasure, ErasureChange, ErasureState};
use crate::instance::InstanceId;
use crate::rejection::Rejection;
use crate::world::Root;
use crate::{limits, mask};

pub(super) fn start(draft: &mut EntryDraft<'_>, erase: &EraseCaller, actor: &Actor) -> Result<(), Rejection> {
    draft.kind = ChangeKind::ErasureStarted;
    let root = draft.root;
    if erase.newest_file != root.archive.newest_file {
        return Err(Rejection::ArchiveMoved);
    }
    let running = root.erasures.values().filter(|one| one.state != ErasureState::Done).count();
    if running >= limits::ERASURES_RUNNING_MAX {
        return Err(Rejection::Limit { name: "ERASURES_RUNNING", limit: limits::ERASURES_RUNNING_MAX as u64 });
    }
    let live = root.calls_of(&erase.caller, &erase.customer).map(|call| of_call(root, call));
    let mut calls: Vec<ErasedCall> = live.chain(erase.archived.iter().cloned()).collect();
    if calls.is_empty() {
        return Err(Rejection::NoSuchCaller);
    }
    let more = calls.len() > limits::ERASED_CALLS_MAX;
    calls.truncate(limits::ERASED_CALLS_MAX);
    draft.said.note = erase.reason.clone();
    let erasure = Erasure {
        id: draft.sequence(),
        actor: actor.clone(),
        reason: erase.reason.clone(),
        started_at: draft.now,
        ended_at: None,
        calls: calls.into(),
        next: 0,
        more,
        state: ErasureState::Masking,
    };
    draft.erasure = Some(ErasureChange::Started(Arc::new(erasure)));
    Ok(())
}

fn of_call(root: &Root, call: &Call) -> ErasedCall {
    let instances = call.instances.iter().filter_map(|slot| root.instance_at(*slot)).map(|one| one.id);
    ErasedCall { key: call.key.clone(), instances: instances.collect::<Vec<InstanceId>>().into() }
}

/// Masks the next call. One that is not in memory is masked wherever it is read.
pub(super) fn step(draft: &mut EntryDraft<'_>, id: u64) {
    draft.kind = ChangeKind::CallerErased;
    let erasure = draft.root.erasures.get(&id).filter(|one| one.state == ErasureState::Masking);
    let Some((erasure, call)) = erasure.and_then(|one| Some((one, one.calls.get(one.next as usize)?))) else { return };
    draft.said.note = erasure.reason.clone();
    mask_call(draft, &call.key);
    draft.erasure = Some(ErasureChange::Masked { erasure: id, call: erasure.next });
}

fn mask_call(draft: &mut EntryDraft<'_>, key: &CallKey) {
    let root = draft.root;
    let found = root.call_slot(key).and_then(|slot| Some((slot, root.call_at(slot)?)));
    let Some((slot, call)) = found else { return };
    for old in call.instances.iter().filter_map(|slot| root.instance_at(*slot)) {
        draft.put_instance(ChangeKind::CallerErased, old, mask::instance(old), Vec::new());
    }
    draft.put_call(slot, mask::call(call), true);
}

pub(super) fn end(draft: &mut EntryDraft<'_>, id: u64) {
    draft.kind = ChangeKind::ErasureEnded;
    let erasure = draft.root.erasures.get(&id).filter(|one| one.state == ErasureState::Scrubbing);
    draft.erasure = erasure.map(|_| ErasureChange::Ended { erasure: id });
}
