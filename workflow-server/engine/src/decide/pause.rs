//! Pause and resume. A paused instance refuses pushes. Its timers, due times and deadline are
//! stopped.

use aftercall_definition::FieldError;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::actor::{Actor, ActorKind};
use crate::command::{PauseInstance, ResumeInstance};
use crate::decide::claims::check_holder;
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::find::{check_legal, check_visible, find};
use crate::decide::resume::resumed;
use crate::decide::when;
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Happening, Instance, Pause, Status};
use crate::rejection::Rejection;

/// Pauses an instance. People pause only instances that they may work on. Operations pause any
/// active instance.
pub(super) fn pause(
    draft: &mut EntryDraft<'_>,
    command: &PauseInstance,
    actor: &Actor,
) -> Result<(), Rejection> {
    let PauseInstance {
        instance: id,
        until,
        reason,
        expected,
    } = command;
    let (id, until) = (*id, *until);
    draft.kind = ChangeKind::Paused;
    let old = find(draft, id)?;
    check_revision(*expected, u64::from(old.revision))?;
    check_legal(old, Happening::Pause)?;
    if actor.kind == ActorKind::Person {
        check_visible(draft.root, old)?;
        check_holder(old, actor, draft.now)?;
    }
    if until.is_some_and(|until| !when::is_in_reach(until, draft.now)) {
        let message = "must be later than now, and within a year".to_owned();
        return Err(Rejection::Invalid(vec![FieldError {
            field: "until".to_owned(),
            message,
        }]));
    }
    let mut new = Instance::clone(old);
    new.status = Status::Paused;
    let pause = Pause {
        by: actor.name.clone(),
        since: draft.now,
        until,
        reason: reason.clone(),
    };
    new.pause = Some(Box::new(pause));
    draft.details.note = reason.clone();
    draft.details.values = until
        .map(|until| ("until".into(), Value::Time(until)))
        .into_iter()
        .collect();
    draft.answer = Answer::Moved {
        instance: id,
        entered: Vec::new(),
    };
    draft.put_instance(ChangeKind::Paused, old, new, Entered::default());
    Ok(())
}

/// Resumes an instance. Any person who may work on it can do this, because the person who paused it
/// may be absent.
pub(super) fn resume(
    draft: &mut EntryDraft<'_>,
    command: &ResumeInstance,
    actor: &Actor,
) -> Result<(), Rejection> {
    let ResumeInstance {
        instance: id,
        note,
        expected,
    } = command;
    draft.kind = ChangeKind::Resumed;
    let old = find(draft, *id)?;
    check_revision(*expected, u64::from(old.revision))?;
    check_legal(old, Happening::Resume)?;
    if actor.kind == ActorKind::Person {
        check_visible(draft.root, old)?;
    }
    draft.details.note = note.clone();
    draft.answer = Answer::Moved {
        instance: *id,
        entered: Vec::new(),
    };
    let mut new = resumed(draft.root, old, draft.now);
    new.notes += u32::from(!note.is_empty());
    draft.put_instance(ChangeKind::Resumed, old, new, Entered::default());
    Ok(())
}

/// Ends a pause at its planned end. Changes nothing if the pause has ended or was started again
/// meanwhile. The clocks run again from the planned end, even if the timer fires late.
pub(super) fn end(draft: &mut EntryDraft<'_>, old: &Instance, due: Time) {
    draft.kind = ChangeKind::Resumed;
    if old
        .pause
        .as_ref()
        .is_some_and(|pause| pause.until == Some(due))
    {
        let new = resumed(draft.root, old, due.min(draft.now));
        draft.put_instance(ChangeKind::Resumed, old, new, Entered::default());
    }
}
