//! Changes of existing instances: pushes, timers, notes, moves, withdrawal and cancellation.

use std::sync::Arc;

use aftercall_definition::model::{ButtonAction, NoteRule};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_definition::{Action, Definition, EventKind, FieldError};

use crate::actor::{Actor, ActorKind};
use crate::command::{
    AcknowledgeAlert, AddNote, CancelInstance, Elapse, MoveInstance, PushButton, WithdrawWorkflow,
};
use crate::decide::calls::release;
use crate::decide::claims::{check_choice, check_holder, lapse};
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::enter::{enter, stop};
use crate::decide::find::{alert_as_seen, check_legal, check_seen, check_visible, find};
use crate::decide::scene::Scene;
use crate::decide::{check, escalate, pause, snooze, unattended};
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Happening, Instance, Seen, Status, Wake, is_legal};
use crate::query::{buttons, wall_clock_of};
use crate::rejection::Rejection;
use crate::world::Root;

pub(super) fn push(
    draft: &mut EntryDraft<'_>,
    push: &PushButton,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::ButtonPushed;
    let root = draft.root;
    let old = find(draft, push.instance)?;
    check_legal(old, Happening::Push)?;
    check_visible(root, old)?;
    let gone = || gone(root, old, &push.button);
    let definition = root.definition_of(old).cloned().ok_or_else(gone)?;
    let button = button_of(&definition, old, &push.button).ok_or_else(gone)?;
    check_seen(old, push.stage, push.visit)?;
    check_holder(old, actor, draft.now)?;
    check_choice(draft, old, actor)?;
    check_push(root, (old, button), push, draft.now)?;
    let target = definition.stage_of(&button.event).ok_or_else(gone)?.number;
    draft.details.note = push.note.clone();
    draft.details.values = with_defaults(button, &push.form).into();
    let now = draft.now;
    go_to_stage(
        draft,
        old,
        &definition,
        (target, now),
        ChangeKind::ButtonPushed,
    );
    Ok(())
}

/// Why a button cannot be pushed: it is gone, or no version of the workflow ever had it.
fn gone(root: &Root, old: &Arc<Instance>, button: &str) -> Rejection {
    let is_button = |definition: &Definition| {
        definition
            .stage_of(button)
            .is_some_and(|stage| stage.event.kind == EventKind::ButtonPushed)
    };
    let mut versions = root
        .workflow_of(old)
        .into_iter()
        .flat_map(|workflow| &workflow.versions);
    if versions.any(|version| is_button(&version.definition)) {
        Rejection::ButtonGone(old.clone())
    } else {
        Rejection::NoSuchButton {
            instance: old.clone(),
            button: button.into(),
        }
    }
}

fn button_of<'a>(
    definition: &'a Definition,
    instance: &'a Instance,
    id: &str,
) -> Option<&'a ButtonAction> {
    buttons(definition, instance).find(|button| button.event == id)
}

/// The invalid fields of a push, if its button exists.
pub(super) fn field_errors(root: &Root, push: &PushButton, now: Time) -> Vec<FieldError> {
    let instance = root
        .instance(push.instance)
        .filter(|instance| instance.visit() == push.visit);
    let button = instance.and_then(|instance| {
        let definition = root.definition_of(instance)?;
        Some((&**instance, button_of(definition, instance, &push.button)?))
    });
    button
        .map(|button| errors_of_push(root, button, push, now))
        .unwrap_or_default()
}

fn check_push(
    root: &Root,
    button: (&Instance, &ButtonAction),
    push: &PushButton,
    now: Time,
) -> Result<(), Rejection> {
    let errors = errors_of_push(root, button, push, now);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Rejection::Invalid(errors))
    }
}

fn errors_of_push(
    root: &Root,
    (instance, button): (&Instance, &ButtonAction),
    push: &PushButton,
    now: Time,
) -> Vec<FieldError> {
    let clock = || wall_clock_of(root, instance);
    let mut errors = check::fields("form", &button.form, &push.form, (true, now, &clock));
    if button.note == NoteRule::Required && push.note.trim().is_empty() {
        let message = format!("the button `{}` needs a note: say why", button.label);
        errors.push(FieldError {
            field: "note".to_owned(),
            message,
        });
    }
    errors
}

/// The values of the form. Fields that were not filled in get their defaults.
fn with_defaults(button: &ButtonAction, form: &[(Box<str>, Value)]) -> Vec<(Box<str>, Value)> {
    let mut values = form.to_vec();
    for field in &button.form {
        let Some(default) = &field.default else {
            continue;
        };
        if values.iter().all(|(name, _)| **name != *field.name) {
            values.push((field.name.as_str().into(), default.clone()));
        }
    }
    values
}

/// Moves an instance to any stage of its workflow. Operations use this to repair an unlinked end or
/// a mistake.
pub(super) fn move_to(draft: &mut EntryDraft<'_>, command: &MoveInstance) -> Result<(), Rejection> {
    let stage = command.stage;
    draft.kind = ChangeKind::Moved;
    let old = find(draft, command.instance)?;
    check_revision(command.expected, u64::from(old.revision))?;
    check_legal(old, Happening::Move)?;
    let no_such = || Rejection::NoSuchStage {
        instance: old.clone(),
        stage,
    };
    let definition = draft.root.definition_of(old).cloned().ok_or_else(no_such)?;
    definition.stage(stage).ok_or_else(no_such)?;
    draft.details.note = command.reason.clone();
    let now = draft.now;
    go_to_stage(draft, old, &definition, (stage, now), ChangeKind::Moved);
    Ok(())
}

/// Moves an instance to a stage. The event of that stage was due at `due`.
fn go_to_stage(
    draft: &mut EntryDraft<'_>,
    old: &Instance,
    definition: &Definition,
    (stage, due): (u32, Time),
    kind: ChangeKind,
) {
    let Some(call) = draft.root.call_of(old).cloned() else {
        return;
    };
    let mut new = old.clone();
    let form: &[_] = if kind == ChangeKind::ButtonPushed {
        &draft.details.values
    } else {
        &[]
    };
    let scene = Scene {
        form,
        ..Scene::new((draft.root, draft.now), definition, &call, old).due_at(due)
    };
    let entered = enter(&scene, &mut new, stage);
    if !draft.details.note.is_empty() {
        new.notes += 1;
    }
    draft.details.event_stage = stage;
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: entered.stages.clone(),
    };
    draft.put_instance(kind, old, new, entered);
}

/// Fires a timer that is due. Changes nothing if the timer no longer runs or has another due time.
/// This happens when another change came first.
pub(super) fn elapse(draft: &mut EntryDraft<'_>, elapsed: Elapse) {
    let Elapse { due, slot, wake } = elapsed;
    draft.kind = ChangeKind::TimerElapsed;
    let root = draft.root;
    let Some(old) = root.instance_at(slot) else {
        return;
    };
    match wake {
        Wake::Release => {
            let waits = is_legal(old.status, Happening::Release) && old.release_at == Some(due);
            if let Some(call) = root.call_of(old).filter(|_| waits) {
                draft.kind = ChangeKind::Released;
                release(draft, old, call, due);
            }
        }
        Wake::Lapse => lapse(draft, old, due),
        Wake::Resume => pause::end(draft, old, due),
        Wake::Escalate(action) => escalate::escalate(draft, old, action, due),
        Wake::Return(action) => snooze::bring_back(draft, old, action, due),
        Wake::AlertAgain(action) => unattended::alert_again(draft, old, action, due),
        Wake::Refresh => {
            draft.kind = ChangeKind::CallUpdated;
            if old.refresh_at() == Some(due) {
                draft.put_instance(
                    ChangeKind::CallUpdated,
                    old,
                    Instance::clone(old),
                    Entered::default(),
                );
            }
        }
        Wake::Timer(action) => {
            let runs = old
                .timers
                .iter()
                .any(|timer| timer.action == action && old.fires_at(timer) == due);
            if runs && is_legal(old.status, Happening::Elapse) {
                fire(draft, old, action, due);
            }
        }
    }
}

fn fire(draft: &mut EntryDraft<'_>, old: &Instance, action: u16, due: Time) {
    let Some(definition) = draft.root.definition_of(old).cloned() else {
        return;
    };
    let started = definition
        .stage(old.stage)
        .and_then(|stage| stage.actions.get(usize::from(action)));
    if let Some(timer) = started.and_then(Action::timer)
        && let Some(stage) = definition.stage_of(&timer.event)
    {
        go_to_stage(
            draft,
            old,
            &definition,
            (stage.number, due),
            ChangeKind::TimerElapsed,
        );
    }
}

pub(super) fn note(
    draft: &mut EntryDraft<'_>,
    command: &AddNote,
    actor: &Actor,
) -> Result<(), Rejection> {
    let AddNote { instance: id, text } = command;
    draft.kind = ChangeKind::NoteAdded;
    let old = find(draft, *id)?;
    check_legal(old, Happening::Note)?;
    if actor.kind == ActorKind::Person {
        check_visible(draft.root, old)?;
    }
    let mut new = Instance::clone(old);
    new.notes += 1;
    draft.details.note = text.clone();
    draft.answer = Answer::Moved {
        instance: *id,
        entered: Vec::new(),
    };
    draft.put_instance(ChangeKind::NoteAdded, old, new, Entered::default());
    Ok(())
}

/// Withdraws an instance that nobody has worked on. Its stage does not matter.
pub(super) fn withdraw(
    draft: &mut EntryDraft<'_>,
    command: &WithdrawWorkflow,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Withdrawn;
    let old = find(draft, command.instance)?;
    check_revision(command.expected, u64::from(old.revision))?;
    check_legal(old, Happening::Withdraw)?;
    if command.worked {
        return Err(Rejection::AlreadyWorked(old.clone()));
    }
    end(draft, old, ChangeKind::Withdrawn, &command.reason);
    Ok(())
}

pub(super) fn cancel(
    draft: &mut EntryDraft<'_>,
    command: &CancelInstance,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Cancelled;
    let old = find(draft, command.instance)?;
    check_revision(command.expected, u64::from(old.revision))?;
    check_legal(old, Happening::Cancel)?;
    end(draft, old, ChangeKind::Cancelled, &command.reason);
    Ok(())
}

fn end(draft: &mut EntryDraft<'_>, old: &Instance, kind: ChangeKind, reason: &str) {
    draft.details.note = reason.into();
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: Vec::new(),
    };
    let new = cancelled(old, draft.now, reason);
    draft.put_instance(kind, old, new, Entered::default());
}

/// A cancelled copy of an instance.
pub(super) fn cancelled(old: &Instance, now: Time, reason: &str) -> Instance {
    let mut new = old.clone();
    stop(&mut new, Status::Cancelled);
    new.ended_at = Some(now);
    new.ending = reason.into();
    new
}

/// Records that a person has seen an alert. Only the first person is recorded.
pub(super) fn acknowledge(
    draft: &mut EntryDraft<'_>,
    command: AcknowledgeAlert,
    actor: &Actor,
) -> Result<(), Rejection> {
    let AcknowledgeAlert {
        instance: id,
        alert: seen,
    } = command;
    draft.kind = ChangeKind::AlertAcknowledged;
    let old = find(draft, id)?;
    check_legal(old, Happening::Acknowledge)?;
    check_visible(draft.root, old)?;
    draft.answer = Answer::Moved {
        instance: id,
        entered: Vec::new(),
    };
    let mut new = Instance::clone(old);
    let alert = alert_as_seen(old, &mut new, seen)?;
    if alert.seen.is_none() {
        alert.seen = Some(Seen {
            by: actor.name.clone(),
            at: draft.now,
            until: unattended::until(draft.root, old, seen.action, draft.now),
        });
        draft.details.name_alert(old, seen.action);
        draft.put_instance(ChangeKind::AlertAcknowledged, old, new, Entered::default());
    }
    Ok(())
}
