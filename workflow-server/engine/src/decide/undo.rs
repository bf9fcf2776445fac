//! Undo: reverses a mistaken push. The history keeps the push and its undo.

use std::sync::Arc;

use aftercall_definition::time::Time;

use crate::actor::Actor;
use crate::call::Call;
use crate::command::UndoPush;
use crate::decide::draft::EntryDraft;
use crate::decide::enter::add_one;
use crate::decide::find::{check_legal, check_visible, find};
use crate::decide::set::check_limits;
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Alert, Happening, Instance};
use crate::rejection::{Limit, Rejection};
use crate::world::Root;

/// Restores the instance from before the push. Its clocks are not moved, so timers that became due
/// meanwhile fire.
pub(super) fn undo(
    draft: &mut EntryDraft<'_>,
    undo: &UndoPush,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::PushUndone;
    let root = draft.root;
    let old = find(draft, undo.instance)?;
    check_legal(old, Happening::Undo)?;
    if !old.status.is_ended() {
        check_visible(root, old)?;
    }
    if old.sequence != undo.sequence {
        return Err(Rejection::NotTheNewest(old.clone()));
    }
    if draft.now > Time(undo.pushed_at.0.saturating_add(undo.within_millis)) {
        return Err(Rejection::UndoTooLate(old.clone()));
    }
    if !actor.owns(&undo.pushed_by, &undo.pushed_by_subject) && !undo.as_supervisor {
        return Err(Rejection::PushedByAnother {
            instance: old.clone(),
            by: undo.pushed_by.clone(),
        });
    }
    check_others(root, old)?;
    if let Some(call) = root.call_of(old).filter(|_| old.status.is_ended()) {
        check_reopening(root, call)?;
    }
    // A team may have been removed after the instance finished.
    undo.before
        .alerts
        .iter()
        .flat_map(Alert::teams)
        .try_for_each(|team| root.teams.present(team).map(|_| ()))?;
    draft.details.note = undo.reason.clone();
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: vec![undo.before.stage],
    };
    let new = restored(old, &undo.before, draft.now);
    let entered = Entered {
        stages: vec![new.stage],
        warnings: Vec::new(),
    };
    draft.put_instance(ChangeKind::PushUndone, old, new, entered);
    Ok(())
}

/// Refuses if another instance of the workflow runs on the call, because only one may run.
fn check_others(root: &Root, old: &Arc<Instance>) -> Result<(), Rejection> {
    let slots = root.call_of(old).map_or(&[][..], |call| &call.instances);
    let mut others = slots.iter().filter_map(|slot| root.instance_at(*slot));
    let running = others.find(|other| {
        other.id != old.id && other.workflow == old.workflow && !other.status.is_ended()
    });
    running.map_or(Ok(()), |running| {
        Err(Rejection::AnotherRuns(running.clone()))
    })
}

/// Refuses if one more open instance would exceed a limit. It counts like a new one.
fn check_reopening(root: &Root, call: &Call) -> Result<(), Rejection> {
    match check_limits(root, call, 0) {
        // The call already counts this instance.
        Err(Rejection::Limit {
            limit: Limit::InstancesPerCall,
            ..
        }) => Ok(()),
        checked => checked,
    }
}

/// The instance from before the push. Visits and notes are not reset. A click from before the undo
/// must not be accepted after it.
fn restored(old: &Instance, before: &Instance, now: Time) -> Instance {
    let mut new = before.clone();
    new.revision = old.revision;
    new.sequence = old.sequence;
    new.notes = old.notes;
    new.visits = old.visits.clone();
    add_one(&mut new.visits, new.stage, 0);
    new.claim = new.claim.filter(|claim| claim.until > now);
    new
}
