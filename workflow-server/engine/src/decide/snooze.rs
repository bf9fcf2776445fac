//! Snooze: one alert is hidden from everyone until a time, and then returns automatically. All
//! clocks continue.

use aftercall_definition::FieldError;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::actor::Actor;
use crate::command::{SnoozeAlert, SnoozeUntil};
use crate::decide::claims::check_holder;
use crate::decide::draft::EntryDraft;
use crate::decide::find::{alert_as_seen, check_legal, check_visible, find};
use crate::decide::when;
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Alert, Attempts, Happening, Instance, InstanceId, Snooze};
use crate::query::zone_of;
use crate::rejection::Rejection;
use crate::world::Root;

pub(super) fn snooze(
    draft: &mut EntryDraft<'_>,
    snooze: &SnoozeAlert,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Snoozed;
    let root = draft.root;
    let old = find(draft, snooze.instance)?;
    check_legal(old, Happening::Snooze)?;
    check_visible(root, old)?;
    check_holder(old, actor, draft.now)?;
    let mut new = Instance::clone(old);
    let alert = alert_as_seen(old, &mut new, snooze.alert)?;
    let until = until(root, old, snooze, draft.now)?;
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: Vec::new(),
    };
    draft.details.note = snooze.note.clone();
    let mut values: Vec<(Box<str>, Value)> = Vec::new();
    match until {
        Some(until) => {
            alert.snooze = Some(Box::new(Snooze {
                by: actor.name.clone(),
                until,
            }));
            values.push(("until".into(), Value::Time(until)));
        }
        None if alert.snooze.is_some() => {
            draft.kind = ChangeKind::AlertReturned;
            alert.snooze = None;
        }
        // The alert is not hidden, so nothing changes.
        None => return Ok(()),
    }
    if !snooze.outcome.is_empty() {
        let times = new
            .attempts
            .as_ref()
            .map_or(0, |attempts| attempts.times)
            .saturating_add(1);
        let outcome = snooze.outcome.clone();
        values.push(("attempt".into(), Value::Text(outcome.clone())));
        new.attempts = Some(Box::new(Attempts {
            times,
            outcome,
            by: actor.name.clone(),
            at: draft.now,
        }));
    }
    new.notes += u32::from(!snooze.note.is_empty());
    draft.details.values = values.into();
    draft.details.name_alert(old, snooze.alert.action);
    draft.put_instance(draft.kind, old, new, Entered::default());
    Ok(())
}

/// Snoozes all alerts of an instance, each until the same moment or longer. A note is optional.
pub(super) fn snooze_all(
    draft: &mut EntryDraft<'_>,
    (id, until): (InstanceId, Time),
    note: Box<str>,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Snoozed;
    let root = draft.root;
    let old = find(draft, id)?;
    check_legal(old, Happening::Snooze)?;
    check_visible(root, old)?;
    check_holder(old, actor, draft.now)?;
    if old.alerts.is_empty() {
        return Err(Rejection::AlertGone(old.clone()));
    }
    if !when::is_in_reach(until, draft.now) {
        return Err(out_of_reach());
    }
    let mut new = Instance::clone(old);
    for alert in &mut new.alerts {
        let is_longer = |snooze: &Snooze| snooze.until >= until;
        if !alert.snooze.as_deref().is_some_and(is_longer) {
            let by = actor.name.clone();
            alert.snooze = Some(Box::new(Snooze { by, until }));
        }
    }
    draft.answer = Answer::Moved {
        instance: id,
        entered: Vec::new(),
    };
    if new.alerts == old.alerts {
        return Ok(());
    }
    new.notes += u32::from(!note.is_empty());
    draft.details.note = note;
    draft.details.values = [("until".into(), Value::Time(until))].into();
    draft.put_instance(ChangeKind::Snoozed, old, new, Entered::default());
    Ok(())
}

fn out_of_reach() -> Rejection {
    let message = "must be later than now, and within a year".to_owned();
    Rejection::Invalid(vec![FieldError {
        field: "until".to_owned(),
        message,
    }])
}

/// The end of the snooze; `None` if the alert returns at once.
fn until(
    root: &Root,
    old: &Instance,
    snooze: &SnoozeAlert,
    now: Time,
) -> Result<Option<Time>, Rejection> {
    if snooze.until == SnoozeUntil::Now {
        return Ok(None);
    }
    let zone = zone_of(
        root,
        (root.call_of(old).map(|call| &**call), old),
        Some(snooze.alert.action),
    );
    let then = when::moment(&snooze.until, &zone, now).filter(|then| when::is_in_reach(*then, now));
    then.map(Some).ok_or_else(out_of_reach)
}

/// Ends a snooze. Changes nothing if the alert is gone, or if it is hidden until another time.
pub(super) fn bring_back(draft: &mut EntryDraft<'_>, old: &Instance, action: u16, due: Time) {
    draft.kind = ChangeKind::AlertReturned;
    let mut new = old.clone();
    let is_meant = |alert: &&mut Alert| {
        alert.action == action
            && alert
                .snooze
                .as_ref()
                .is_some_and(|snooze| snooze.until == due)
    };
    if let Some(alert) = new.alerts.iter_mut().find(is_meant) {
        // People must look at it again: the person who saw it snoozed it.
        alert.snooze = None;
        alert.seen = None;
        draft.details.name_alert(old, action);
        draft.put_instance(ChangeKind::AlertReturned, old, new, Entered::default());
    }
}
