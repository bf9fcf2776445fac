//! Updating and ending calls.

use aftercall_definition::FieldError;
use aftercall_definition::model::FIRST_STAGE;
use aftercall_definition::time::Time;

use crate::call::{Call, CallKey, Caller};
use crate::command::{CallChanges, EndCall, UpdateCall};
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::enter::enter;
use crate::decide::scene::Scene;
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Happening, Instance, is_legal};
use crate::rejection::Rejection;
use crate::world::Root;
use crate::{limits, mask};

/// The call that a command names.
pub(super) struct Named {
    pub(super) slot: u32,
    pub(super) call: Call,
    /// Whether the call is not in memory.
    pub(super) is_new: bool,
    /// Whether the archive contains the call.
    pub(super) is_archived: bool,
}

/// Finds the call of a command in memory. If it is not there, makes a new one. A new call takes
/// these values from the archive: whether it has ended, whether it is chargeable, and the caller.
/// Erased data stays erased.
///
/// # Errors
/// [`Rejection::ArchiveMoved`] if the archive has changed since the server searched it.
pub(super) fn find_or_new(draft: &EntryDraft<'_>, key: &CallKey) -> Result<Named, Rejection> {
    let root: &Root = draft.root;
    if let Some((slot, call)) = root
        .call_slot(key)
        .and_then(|slot| root.call_at(slot).map(|call| (slot, call)))
    {
        return Ok(Named {
            slot,
            call: Call::clone(call),
            is_new: false,
            is_archived: false,
        });
    }
    if draft
        .known
        .is_some_and(|known| known.newest_file != root.archive.newest_file)
    {
        return Err(Rejection::ArchiveMoved);
    }
    let archived = draft.known.and_then(|known| known.call.as_ref());
    let call = archived.map_or_else(
        || Call::new(key.clone(), draft.now),
        |known| {
            // The server may have searched the archive before an erasure began.
            let known = if root.erasing.has_call(known) {
                mask::call(known)
            } else {
                Call::clone(known)
            };
            Call {
                created_at: draft.now,
                sequence: 0,
                instances: Box::default(),
                ..known
            }
        },
    );
    Ok(Named {
        slot: root.next_call_slot(),
        call,
        is_new: true,
        is_archived: archived.is_some(),
    })
}

/// Refuses a new customer that is out of reach, also for a call that is in reach.
pub(super) fn check_new_customer(
    draft: &EntryDraft<'_>,
    changes: &CallChanges,
) -> Result<(), Rejection> {
    match &changes.customer {
        Some(customer) if !draft.reach.has_customer(customer) => {
            Err(Rejection::OutOfScope("properties.customer"))
        }
        _ => Ok(()),
    }
}

/// Refuses a call that is out of reach as if it did not exist.
fn check_reach(draft: &EntryDraft<'_>, call: &Call) -> Result<(), Rejection> {
    if draft.reach.has_call_in_memory(draft.root, call) {
        Ok(())
    } else {
        Err(Rejection::NoSuchCall(call.key.clone()))
    }
}

/// Refuses a script engine that acts for somebody else than the agent of its call. The agent may
/// be the one before the request or, where the request names another, that one. A call without an
/// agent refuses nobody.
pub(super) fn check_agent(
    draft: &EntryDraft<'_>,
    before: &Call,
    new: Option<&str>,
) -> Result<(), Rejection> {
    let Some(actor) = draft.acts_for else {
        return Ok(());
    };
    let agents = [new.unwrap_or_default().trim(), before.agent.trim()];
    let mut named = agents.into_iter().filter(|agent| !agent.is_empty());
    match named.next() {
        Some(agent) if agent != actor.trim() && named.all(|other| other != actor.trim()) => {
            Err(Rejection::NotTheAgent {
                agent: agent.into(),
            })
        }
        _ => Ok(()),
    }
}

/// Applies changes to a call. Returns the names of the changed properties.
pub(super) fn merge_changes(
    call: &mut Call,
    changes: &CallChanges,
) -> Result<Vec<&'static str>, Rejection> {
    let mut changed = Vec::new();
    let texts = [
        (&mut call.customer, &changes.customer, "customer"),
        (&mut call.script, &changes.script, "script"),
        (&mut call.agent, &changes.agent, "agent"),
    ];
    for (present, new, name) in texts {
        if let Some(new) = new.as_ref().filter(|new| *new != present) {
            *present = new.clone();
            changed.push(name);
        }
    }
    if let Some(caller) = changes
        .caller
        .as_ref()
        .map(|new| caller_after(&call.caller, new, changes.replace_caller))
        && caller != call.caller
    {
        call.caller = caller;
        changed.push("caller");
    }
    if let Some(chargeable) = changes
        .chargeable
        .filter(|chargeable| *chargeable != call.chargeable)
    {
        call.chargeable = chargeable;
        changed.push("chargeable");
    }
    if merge_details(call, changes)? {
        changed.push("details");
    }
    Ok(changed)
}

fn caller_after(known: &Caller, new: &Caller, replaces: bool) -> Caller {
    let text = |known: &str, new: &str| {
        if replaces || !new.is_empty() {
            new.into()
        } else {
            known.into()
        }
    };
    Caller {
        name: text(&known.name, &new.name),
        phone: text(&known.phone, &new.phone),
        email: text(&known.email, &new.email),
        reference: text(&known.reference, &new.reference),
        time_zone: text(&known.time_zone, &new.time_zone),
    }
}

fn merge_details(call: &mut Call, changes: &CallChanges) -> Result<bool, Rejection> {
    let mut details = if changes.replace_details {
        Vec::new()
    } else {
        call.details.to_vec()
    };
    for (key, value) in &changes.details {
        match details.iter_mut().find(|(known, _)| known == key) {
            Some((_, present)) => *present = value.clone(),
            None => details.push((key.clone(), value.clone())),
        }
    }
    details.sort();
    if details.len() > limits::DETAILS_MAX {
        let message = format!(
            "a call has at most {} details, this would make {}",
            limits::DETAILS_MAX,
            details.len()
        );
        return Err(Rejection::Invalid(vec![FieldError {
            field: "properties.details".to_owned(),
            message,
        }]));
    }
    if *details == *call.details {
        return Ok(false);
    }
    call.details = details.into();
    Ok(true)
}

pub(super) fn update(draft: &mut EntryDraft<'_>, command: &UpdateCall) -> Result<(), Rejection> {
    draft.kind = ChangeKind::CallUpdated;
    check_new_customer(draft, &command.changes)?;
    let Named {
        slot,
        mut call,
        is_new,
        is_archived,
    } = find_or_new(draft, &command.call)?;
    if !is_new || is_archived {
        check_reach(draft, &call)?;
    }
    check_agent(draft, &call, command.changes.agent.as_deref())?;
    check_revision(command.expected, call.revision)?;
    let changed = merge_changes(&mut call, &command.changes)?;
    check_reach(draft, &call)?;
    if changed.is_empty() && (!is_new || is_archived) {
        return Ok(());
    }
    draft.details.note = changed.join(", ").into();
    draft.put_call(slot, call.clone(), true);
    draft.touch_open_instances(&call);
    Ok(())
}

/// Ends a call and releases the instances that wait for its end. Changes nothing if the call has
/// already ended.
pub(super) fn end(draft: &mut EntryDraft<'_>, command: &EndCall) -> Result<(), Rejection> {
    draft.kind = ChangeKind::CallEnded;
    draft.answer = Answer::Released(Vec::new());
    let Named { slot, mut call, .. } = find_or_new(draft, &command.call)?;
    check_reach(draft, &call)?;
    check_agent(draft, &call, None)?;
    if call.ended_at.is_some() {
        return Ok(());
    }
    call.ended_at = Some(draft.now);
    draft.put_call(slot, call.clone(), true);
    let mut released = Vec::new();
    let root = draft.root;
    for old in call
        .instances
        .iter()
        .filter_map(|slot| root.instance_at(*slot))
    {
        if !is_legal(old.status, Happening::Release) {
            continue;
        }
        released.push(old.id);
        if draft.instance_bytes() < limits::RELEASED_BYTES_MAX {
            release(draft, old, &call, draft.now);
        } else {
            // The entry is full. Set the release time to now: a timer then releases the instance in
            // an entry of its own. That timer does not depend on the clock.
            draft.touch(ChangeKind::CallUpdated, old, Some(draft.now));
        }
    }
    draft.answer = Answer::Released(released);
    draft.touch_open_instances(&call);
    Ok(())
}

/// Releases an instance: it enters its first stage. The release was due at `due`.
pub(super) fn release(draft: &mut EntryDraft<'_>, old: &Instance, call: &Call, due: Time) {
    let mut new = old.clone();
    let entered = enter_first(draft, &mut new, call, due);
    draft.put_instance(ChangeKind::Released, old, new, entered);
}

/// Enters the first stage of an instance.
pub(super) fn enter_first(
    draft: &EntryDraft<'_>,
    new: &mut Instance,
    call: &Call,
    due: Time,
) -> Entered {
    let Some(definition) = draft.root.definition_of(new).cloned() else {
        return Entered::default();
    };
    let scene = Scene::new((draft.root, draft.now), &definition, call, new).due_at(due);
    enter(&scene, new, FIRST_STAGE)
}
