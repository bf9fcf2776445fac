//! Migration: an instance continues on another version of its workflow. It stays in the same stage,
//! and its clocks do not change. One entry does this, so an instance is always on exactly one
//! version.

use std::sync::Arc;

use aftercall_definition::consequences::has_same_meaning;
use aftercall_definition::counterparts::counterparts;
use aftercall_definition::model::Action;
use aftercall_definition::value::Value;
use aftercall_definition::{Definition, FieldError, Stage};

use crate::command::MigrateInstance;
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::enter::{add_one, enter};
use crate::decide::find::{check_legal, find};
use crate::decide::reenter::{Kept, reenter};
use crate::decide::scene::Scene;
use crate::decide::set::put_defaults;
use crate::decide::{texts, visits};
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Alert, Count, Happening, Instance, Timer};
use crate::query::{forms_shown_on, is_waiting};
use crate::rejection::Rejection;
use crate::world::Root;

pub(super) fn migrate(
    draft: &mut EntryDraft<'_>,
    command: &MigrateInstance,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Migrated;
    let root = draft.root;
    let old = find(draft, command.instance)?;
    check_revision(command.expected, u64::from(old.revision))?;
    check_legal(old, Happening::Migrate)?;
    let (before, after) = versions(root, old, command.version)?;
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: Vec::new(),
    };
    if command.version == old.version {
        return Ok(());
    }
    let Some(call) = root.call_of(old).cloned() else {
        return Ok(());
    };
    let mut new = Instance::clone(old);
    new.version = command.version;
    new.fields = fields(&before, &after, old)?.into();
    new.links = links(&before, &after, &old.links).into();
    let clock = root.clock(&after, None);
    new.deadline = old
        .deadline
        .or(after.deadline.map(|span| clock.after(old.started_at, span)));
    if let Some(workflow) = root.workflow_of(old) {
        visits::raise(workflow, &before, &after, &mut new.visits);
    }
    let scene = Scene::new((root, draft.now), &after, &call, old);
    let entered = match target(&before, &after, old, command)? {
        Target::Nowhere => Entered::default(),
        Target::Same(was, is) => stay(&scene, &before, (was, is), (old, &mut new)),
        Target::Other(stage) => enter(&scene, &mut new, stage),
    };
    if is_stuck(root, &new) && !is_stuck(root, old) {
        return Err(Rejection::WouldBeStuck(old.clone()));
    }
    draft.details.note = command.reason.clone();
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: entered.stages.clone(),
    };
    draft.put_instance(ChangeKind::Migrated, old, new, entered);
    Ok(())
}

/// Keeps the instance in the stage of the same event, and its clocks do not change.
fn stay(
    scene: &Scene<'_>,
    before: &Definition,
    (was, is): (&Stage, &Stage),
    (old, new): (&Instance, &mut Instance),
) -> Entered {
    let after = scene.definition;
    let kept = kept(scene.root, (was, is), old);
    let has_no_form = forms_shown_on(before, old).next().is_none();
    let warnings = reenter(scene, new, is, &kept);
    if let Some(form) = old.form().or(has_no_form.then_some(&[])) {
        texts::keep_form(after, new, form);
    }
    if !has_same_meaning((before, was), (after, is)) {
        // People may still see the buttons of the earlier version. The new visit makes the server
        // refuse their clicks, so that they do not push another button.
        add_one(&mut new.visits, is.number, 0);
    }
    Entered {
        stages: Vec::new(),
        warnings,
    }
}

/// Whether nothing can move an instance out of its stage. It may be paused.
fn is_stuck(root: &Root, instance: &Instance) -> bool {
    instance.stage > 0 && !instance.status.is_ended() && !is_waiting(root, instance)
}

fn versions(
    root: &Root,
    old: &Instance,
    version: u32,
) -> Result<(Arc<Definition>, Arc<Definition>), Rejection> {
    let workflow = root.workflow_of(old);
    let no_such = || {
        let name = workflow.map_or("", |workflow| &workflow.name);
        Rejection::NoSuchVersion(name.into(), version)
    };
    let definition = |number: u32| {
        workflow
            .and_then(|workflow| workflow.version(number))
            .map(|one| one.definition.clone())
    };
    Ok((
        definition(old.version).ok_or_else(no_such)?,
        definition(version).ok_or_else(no_such)?,
    ))
}

enum Target<'d> {
    /// The instance has not entered a stage yet.
    Nowhere,
    /// The stage of the same event, in the version before and in the new one.
    Same(&'d Stage, &'d Stage),
    /// Another stage: the event is gone, or the request names a stage.
    Other(u32),
}

fn target<'d>(
    before: &'d Definition,
    after: &'d Definition,
    old: &Arc<Instance>,
    command: &MigrateInstance,
) -> Result<Target<'d>, Rejection> {
    if old.stage == 0 {
        return Ok(Target::Nowhere);
    }
    let mapped = command
        .stages
        .iter()
        .find(|(from, _)| *from == old.stage)
        .map(|(_, to)| *to);
    let was = before.stage(old.stage);
    if let (Some((was, is)), None) = (
        was.and_then(|was| Some((was, after.stage_of(&was.event.id)?))),
        mapped,
    ) {
        return Ok(Target::Same(was, is));
    }
    let to = mapped.ok_or_else(|| Rejection::StageGone(old.clone()))?;
    after.stage(to).ok_or_else(|| Rejection::NoSuchStage {
        instance: old.clone(),
        stage: to,
    })?;
    Ok(Target::Other(to))
}

/// The values of the fields, matched by name. Refuses if the new version requires a value that is
/// missing.
fn fields(
    before: &Definition,
    after: &Definition,
    old: &Instance,
) -> Result<Vec<(u16, Value)>, Rejection> {
    let mut values: Vec<(u16, Value)> = Vec::new();
    let mut errors = Vec::new();
    for (place, field) in after.fields.iter().enumerate() {
        let was = before
            .fields
            .iter()
            .position(|other| other.name == field.name);
        let value = old
            .fields
            .iter()
            .find(|(at, _)| Some(usize::from(*at)) == was)
            .map(|(_, value)| value);
        let message = match value {
            Some(value) => match field.refuses(value) {
                None => {
                    values.push((place as u16, value.clone()));
                    continue;
                }
                Some(refused) => refused,
            },
            None if field.required && field.default.is_none() => {
                format!(
                    "must have a value in the new version: {}",
                    field.field_type.word()
                )
            }
            None => continue,
        };
        errors.push(FieldError {
            field: format!("fields.{}", field.name),
            message,
        });
    }
    if !errors.is_empty() {
        return Err(Rejection::Invalid(errors));
    }
    put_defaults(&after.fields, &mut values);
    Ok(values)
}

/// How often limited links were followed. Each count moves to the counterpart of its link in the
/// new version.
fn links(before: &Definition, after: &Definition, counts: &[Count]) -> Vec<Count> {
    let moved = |count: &Count| {
        let was = before.stage(count.stage)?;
        let is = after.stage_of(&was.event.id)?;
        let at = Some(usize::from(count.action));
        let action = counterparts(&was.actions, &is.actions)
            .into_iter()
            .position(|older| older == at)?;
        Some(Count {
            stage: is.number,
            action: action as u16,
            times: count.times,
        })
    };
    counts.iter().filter_map(moved).collect()
}

/// What the new stage keeps of the old one, by the place of the new action.
fn kept(root: &Root, (was, is): (&Stage, &Stage), old: &Instance) -> Kept {
    let mut kept = Kept::default();
    let counterparts = counterparts(&was.actions, &is.actions);
    for ((place, action), at) in is.actions.iter().enumerate().zip(counterparts) {
        let Some(at) = at else { continue };
        let place = place as u16;
        if !old.has_done(at) {
            // A condition that has changed is evaluated again.
            if was.actions[at].when == action.when {
                kept.skipped.push(place);
            }
            continue;
        }
        kept.done.push(place);
        let timer = old
            .timers
            .iter()
            .find(|timer| usize::from(timer.action) == at);
        kept.timers.extend(timer.map(|timer| Timer {
            action: place,
            ..*timer
        }));
        let alert = old
            .alerts
            .iter()
            .find(|alert| usize::from(alert.action) == at);
        kept.alerts
            .extend(alert.map(|alert| amended(root, (&was.actions[at], action), alert, place)));
        if alert.is_some() && has_same_text(&was.actions[at], action) {
            kept.texts.push(place);
        }
    }
    kept
}

/// Whether an alert has the same template in both versions. Its text is then kept, because the form
/// that filled it in may no longer be known.
fn has_same_text(was: &Action, is: &Action) -> bool {
    was.alert()
        .zip(is.alert())
        .is_some_and(|(was, is)| was.text == is.text)
}

/// The alert of the new action. Team and priority are those of the new version, unless something
/// has changed them since. The due time is kept.
fn amended(root: &Root, (was, is): (&Action, &Action), alert: &Alert, place: u16) -> Alert {
    let mut amended = alert.clone();
    amended.action = place;
    let Some((was, is)) = was.alert().zip(is.alert()) else {
        return amended;
    };
    if root.teams.place(&was.team) == Some(alert.team) {
        amended.team = root.teams.place(&is.team).unwrap_or(alert.team);
    }
    if alert.priority == was.priority {
        amended.priority = is.priority;
    }
    if was.escalate != is.escalate || was.due != is.due {
        // Raising the alert computes these again. Past escalations are not repeated.
        amended.escalates_at = None;
        amended.escalated = 0;
    }
    if let Some(seen) = amended
        .seen
        .as_mut()
        .filter(|_| was.seen_for != is.seen_for)
    {
        // The new time begins now.
        seen.until = None;
    }
    amended
}
