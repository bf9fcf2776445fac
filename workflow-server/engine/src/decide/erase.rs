//! Erases a caller. The start records the calls. Each call is masked in an entry of its own, so a
//! crash leaves out no call.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::Vector;

use crate::actor::Actor;
use crate::call::{Call, CallKey};
use crate::command::{EndErasure, EraseCaller, Look, StepErasure};
use crate::decide::draft::EntryDraft;
use crate::decide::views;
use crate::entry::{ChangeKind, Entered};
use crate::erasure::{ErasedCall, Erasure, ErasureChange, ErasureState};
use crate::instance::Instance;
use crate::query::erased_call;
use crate::rejection::{Limit, Rejection};
use crate::{limits, mask};

/// The largest number of changed calls since the search that the decision checks. This takes at
/// most two milliseconds. After more changes, the server searches again.
const CALL_CHANGES_MAX: usize = 4_096;

pub(super) fn start(
    draft: &mut EntryDraft<'_>,
    erase: &EraseCaller,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::ErasureStarted;
    let root = draft.root;
    if erase.newest_file != root.archive.newest_file {
        return Err(Rejection::ArchiveMoved);
    }
    let running = root
        .erasures
        .values()
        .filter(|one| one.state != ErasureState::Done)
        .count();
    if running >= limits::ERASURES_RUNNING_MAX && !erase.is_of_restore {
        return Err(Rejection::Limit {
            limit: Limit::ErasuresRunning,
            max: limits::ERASURES_RUNNING_MAX as u64,
        });
    }
    let mut calls = with_calls_since_look(draft, erase)?;
    if calls.is_empty() {
        return Err(Rejection::NoSuchCaller);
    }
    let fitting = fitting(&calls);
    let more = calls.len() > fitting;
    calls.truncate(fitting);
    draft.details.note = erase.reason.clone();
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

/// The calls that the search found. Calls that are new, or that became the caller's since the
/// search, are before them.
fn with_calls_since_look(
    draft: &EntryDraft<'_>,
    erase: &EraseCaller,
) -> Result<Vec<ErasedCall>, Rejection> {
    let root = draft.root;
    let mut calls = erase.calls.clone();
    let Some(Look { caller, sequence }) = &erase.look else {
        return Ok(calls);
    };
    let changed = root
        .call_changes
        .after(*sequence, CALL_CHANGES_MAX)
        .ok_or(Rejection::CallsMoved)?;
    let is_meant = |call: &&Arc<Call>| {
        caller.matches(&call.caller)
            && (erase.customer.is_empty() || call.customer == erase.customer)
            && draft.reach.has_call_in_memory(root, call)
    };
    let changed = changed
        .collect::<BTreeSet<u32>>()
        .into_iter()
        .filter_map(|slot| root.call_at(slot))
        .filter(is_meant);
    let mut since: Vec<ErasedCall> = changed.map(|call| erased_call(root, call)).collect();
    let named: HashSet<(CallKey, Time)> = since
        .iter()
        .map(|call| (call.key.clone(), call.created_at))
        .collect();
    calls.retain(|call| !named.contains(&(call.key.clone(), call.created_at)));
    since.append(&mut calls);
    Ok(since)
}

/// How many of the calls one erasure takes: limited by number and by bytes, but at least one.
fn fitting(calls: &[ErasedCall]) -> usize {
    let mut bytes = 0;
    let fits = |call: &&ErasedCall| {
        bytes += 64 + call.key.source.len() + call.key.id.len() + 24 * call.instances.len();
        bytes <= limits::ERASURE_BYTES_MAX
    };
    calls
        .iter()
        .take(limits::ERASED_CALLS_MAX)
        .take_while(fits)
        .count()
        .max(1)
}

/// Masks the next call. Reads mask a call that is not in memory.
pub(super) fn step(draft: &mut EntryDraft<'_>, command: StepErasure) {
    let id = command.erasure;
    draft.kind = ChangeKind::CallerErased;
    let erasure = draft
        .root
        .erasures
        .get(&id)
        .filter(|one| one.state == ErasureState::Masking);
    let next = |one: &Arc<Erasure>| one.calls.get(one.masked_at.len()).cloned();
    let Some((erasure, call)) = erasure.and_then(|one| Some((one, next(one)?))) else {
        return;
    };
    draft.details.note = erasure.reason.clone();
    if mask_call(draft, &call) {
        draft.erasure = Some(ErasureChange::Masked {
            erasure: id,
            call: erasure.masked_at.len() as u32,
        });
    }
}

/// Masks a call with its instances. Returns false if they do not all fit into one entry. The next
/// step then continues with the others.
fn mask_call(draft: &mut EntryDraft<'_>, erased: &ErasedCall) -> bool {
    let root = draft.root;
    let found = root
        .call_slot(&erased.key)
        .and_then(|slot| Some((slot, root.call_at(slot)?)));
    // A call with the same key that was first reported at another time may be another person's.
    let Some((slot, call)) = found.filter(|(_, call)| call.created_at == erased.created_at) else {
        return true;
    };
    let masked = |old: &Instance| {
        mask::instance(old, root.definition_of(old).map(|definition| &**definition))
    };
    let instances = || {
        call.instances
            .iter()
            .filter_map(|slot| root.instance_at(*slot))
            .map(|old| (old, masked(old)))
    };
    let bytes: usize = instances().map(|(_, masked)| masked.bytes()).sum();
    let takes_parts = bytes > limits::RELEASED_BYTES_MAX;
    // An earlier step may have masked some of the instances.
    for (old, masked) in instances().filter(|(old, masked)| !takes_parts || ***old != *masked) {
        if takes_parts && draft.instance_bytes() >= limits::RELEASED_BYTES_MAX {
            return false;
        }
        draft.put_instance(ChangeKind::CallerErased, old, masked, Entered::default());
    }
    draft.touch_open_instances_as(ChangeKind::CallerErased, call);
    draft.put_call(slot, mask::call(call), true);
    views::remove_naming(draft, &call.caller);
    true
}

pub(super) fn end(draft: &mut EntryDraft<'_>, command: EndErasure) {
    let id = command.erasure;
    draft.kind = ChangeKind::ErasureEnded;
    let erasure = draft
        .root
        .erasures
        .get(&id)
        .filter(|one| one.state == ErasureState::Scrubbing);
    draft.erasure = erasure.map(|_| ErasureChange::Ended { erasure: id });
}
