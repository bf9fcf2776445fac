//! Erasing a caller: the calls are written down when it is started, and masked one an entry, so that a crash leaves none out.

use std::sync::Arc;

use imbl::Vector;

use crate::call::Call;
use crate::command::{Actor, Command};
use crate::decide::draft::EntryDraft;
use crate::entry::{ChangeKind, Entered};
use crate::erasure::{EraseCaller, ErasedCall, Erasure, ErasureChange, ErasureState};
use crate::instance::InstanceId;
use crate::rejection::Rejection;
use crate::world::Root;
use crate::{limits, mask};

/// Carries out the commands of an erasure.
pub(super) fn change(draft: &mut EntryDraft<'_>, command: &Command, actor: &Actor) -> Result<(), Rejection> {
    match command {
        Command::EraseCaller(erase) => return start(draft, erase, actor),
        Command::StepErasure { erasure } => step(draft, *erasure),
        Command::EndErasure { erasure } => end(draft, *erasure),
        _ => {}
    }
    Ok(())
}

fn start(draft: &mut EntryDraft<'_>, erase: &EraseCaller, actor: &Actor) -> Result<(), Rejection> {
    draft.kind = ChangeKind::ErasureStarted;
    let root = draft.root;
    if erase.newest_file != root.archive.newest_file {
        return Err(Rejection::ArchiveMoved);
    }
    let running = root.erasures.values().filter(|one| one.state != ErasureState::Done).count();
    if running >= limits::ERASURES_RUNNING_MAX {
        return Err(Rejection::Limit { name: "ERASURES_RUNNING", limit: limits::ERASURES_RUNNING_MAX as u64 });
    }
    // One more than is taken, so that it can be said that there are more.
    let live = root.all_calls_of(&erase.caller, &erase.customer).map(|call| of_call(root, call));
    let live = live.take(limits::ERASED_CALLS_MAX + 1);
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
        masked_at: Vector::new(),
        more,
        state: ErasureState::Masking,
    };
    draft.erasure = Some(ErasureChange::Started(Arc::new(erasure)));
    Ok(())
}

fn of_call(root: &Root, call: &Call) -> ErasedCall {
    let instances = call.instances.iter().filter_map(|slot| root.instance_at(*slot)).map(|one| one.id);
    ErasedCall {
        key: call.key.clone(),
        created_at: call.created_at,
        instances: instances.collect::<Vec<InstanceId>>().into(),
    }
}

/// Masks the next call. One that is not in memory is masked wherever it is read.
fn step(draft: &mut EntryDraft<'_>, id: u64) {
    draft.kind = ChangeKind::CallerErased;
    let erasure = draft.root.erasures.get(&id).filter(|one| one.state == ErasureState::Masking);
    let next = |one: &Arc<Erasure>| one.calls.get(one.masked_at.len()).cloned();
    let Some((erasure, call)) = erasure.and_then(|one| Some((one, next(one)?))) else { return };
    draft.said.note = erasure.reason.clone();
    mask_call(draft, &call);
    draft.erasure = Some(ErasureChange::Masked { erasure: id, call: erasure.masked_at.len() as u32 });
}

fn mask_call(draft: &mut EntryDraft<'_>, erased: &ErasedCall) {
    let root = draft.root;
    let found = root.call_slot(&erased.key).and_then(|slot| Some((slot, root.call_at(slot)?)));
    // A call of the same key that was heard of later may be another person's.
    let Some((slot, call)) = found.filter(|(_, call)| call.created_at == erased.created_at) else { return };
    for old in call.instances.iter().filter_map(|slot| root.instance_at(*slot)) {
        draft.put_instance(ChangeKind::CallerErased, old, mask::instance(old), Entered::default());
    }
    draft.put_call(slot, mask::call(call), true);
}

fn end(draft: &mut EntryDraft<'_>, id: u64) {
    draft.kind = ChangeKind::ErasureEnded;
    let erasure = draft.root.erasures.get(&id).filter(|one| one.state == ErasureState::Scrubbing);
    draft.erasure = erasure.map(|_| ErasureChange::Ended { erasure: id });
}
