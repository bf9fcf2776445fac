//! Pause and resume: while an instance is paused it refuses pushes, and its timers, dues and deadline stand still.

use crate::command::{Actor, ActorKind};
use crate::decide::claims::check_holder;
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::find::{check_legal, find, visible};
use crate::decide::when;
use crate::entry::{Answer, ChangeKind};
use crate::instance::{Happening, Instance, InstanceId, Pause, Status};
use crate::rejection::{FieldFault, Rejection};
use crate::time::Time;
use crate::value::Value;

/// People pause what they may work on; ops pause anything that is active.
pub(super) fn pause(
    draft: &mut EntryDraft<'_>,
    id: InstanceId,
    (until, reason, expected): (Option<Time>, &str, Option<u64>),
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Paused;
    let old = find(draft.root, id)?;
    check_revision(expected, u64::from(old.revision))?;
    check_legal(old, Happening::Pause)?;
    if actor.kind == ActorKind::Person {
        visible(draft.root, old)?;
        check_holder(old, actor, draft.now)?;
    }
    if until.is_some_and(|until| !when::is_in_reach(until, draft.now)) {
        let message = "must be later than now, and within a year".to_owned();
        return Err(Rejection::Invalid(vec![FieldFault { field: "until".to_owned(), message }]));
    }
    let mut new = Instance::clone(old);
    new.status = Status::Paused;
    let pause = Pause { by: actor.name.clone(), since: draft.now, until, reason: reason.into() };
    new.pause = Some(Box::new(pause));
    draft.said.note = reason.into();
    draft.said.values = until.map(|until| ("until".into(), Value::Time(until))).into_iter().collect();
    draft.answer = Answer::Moved { instance: id, entered: Vec::new() };
    draft.put_instance(ChangeKind::Paused, old, new, Vec::new());
    Ok(())
}

/// Anybody who may work on it resumes it: whoever paused it may have gone home.
pub(super) fn resume(
    draft: &mut EntryDraft<'_>,
    id: InstanceId,
    (note, expected): (&str, Option<u64>),
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Resumed;
    let old = find(draft.root, id)?;
    check_revision(expected, u64::from(old.revision))?;
    check_legal(old, Happening::Resume)?;
    if actor.kind == ActorKind::Person {
        visible(draft.root, old)?;
    }
    draft.said.note = note.into();
    draft.answer = Answer::Moved { instance: id, entered: Vec::new() };
    let mut new = resumed(old, draft.now);
    new.notes += u32::from(!note.is_empty());
    draft.put_instance(ChangeKind::Resumed, old, new, Vec::new());
    Ok(())
}

/// A pause that was ended or made anew meanwhile changes nothing: the wake-up came late.
pub(super) fn end(draft: &mut EntryDraft<'_>, old: &Instance, due: Time) {
    draft.kind = ChangeKind::Resumed;
    if old.pause.as_ref().is_some_and(|pause| pause.until == Some(due)) {
        let new = resumed(old, draft.now);
        draft.put_instance(ChangeKind::Resumed, old, new, Vec::new());
    }
}

/// Its clocks go on from where they stood: what was to come in an hour comes in an hour.
fn resumed(old: &Instance, now: Time) -> Instance {
    let mut new = old.clone();
    new.status = Status::Active;
    let Some(pause) = new.pause.take() else { return new };
    let stood = (now.0 - pause.since.0).max(0);
    let put_off = |time: &mut Time| time.0 = time.0.saturating_add(stood);
    new.timers.iter_mut().for_each(|timer| put_off(&mut timer.due));
    for alert in &mut new.alerts {
        alert.due.iter_mut().for_each(put_off);
        alert.escalates_at.iter_mut().for_each(put_off);
    }
    new.deadline.iter_mut().for_each(put_off);
    new
}
