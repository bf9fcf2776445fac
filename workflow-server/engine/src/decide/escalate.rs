//! Escalation: at its time, an alert becomes more urgent or goes to more people.

use aftercall_definition::calendar::Clock;
use aftercall_definition::escalation::{alert_action, next_firing};
use aftercall_definition::model::{AlertAction, EscalationStep, Raise};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::decide::draft::EntryDraft;
use crate::entry::{ChangeKind, Entered};
use crate::instance::{Alert, Happening, Instance, is_legal};
use crate::world::definitions::Teams;

/// When an alert escalates next. Its time counts from `since`.
pub(super) fn next(
    action: &AlertAction,
    alert: &Alert,
    since: Time,
    clock: Clock<'_>,
) -> Option<Time> {
    next_firing(action, (since, alert.due?), alert.escalated, clock).map(|(at, _)| at)
}

/// Escalates an alert. Changes nothing if the alert is gone or has already escalated.
pub(super) fn escalate(draft: &mut EntryDraft<'_>, old: &Instance, action: u16, due: Time) {
    draft.kind = ChangeKind::Escalated;
    let Some(definition) = draft.root.definition_of(old).cloned() else {
        return;
    };
    let mut new = old.clone();
    let escalating = new
        .alerts
        .iter_mut()
        .find(|alert| alert.action == action && alert.escalates_at == Some(due));
    let (Some(alert), Some(raised_by)) = (escalating, alert_action(&definition, old.stage, action))
    else {
        return;
    };
    let since = alert.counts_from.unwrap_or(old.entered_at);
    let clock = draft.root.clock(&definition, raised_by.calendar.as_deref());
    let next_step = alert
        .due
        .and_then(|due| next_firing(raised_by, (since, due), alert.escalated, clock));
    let Some((_, step)) = next_step else { return };
    if !is_legal(old.status, Happening::Escalate) {
        return;
    }
    draft.details.values = apply_step(alert, step, &draft.root.teams);
    draft.details.name_alert(old, action);
    alert.escalated += 1;
    alert.escalates_at = next(raised_by, alert, since, clock);
    draft.put_instance(ChangeKind::Escalated, old, new, Entered::default());
}

/// Applies an escalation step. Returns what it changed, by name.
///
/// The alert counts as unseen, because people saw it before the step. A snooze ends, because the
/// step is also for people who did not snooze the alert.
fn apply_step(alert: &mut Alert, step: &EscalationStep, teams: &Teams) -> Box<[(Box<str>, Value)]> {
    alert.seen = None;
    let snooze = alert.snooze.take();
    let mut changed: Vec<(Box<str>, Value)> = Vec::new();
    if let Some(raise) = step.priority {
        alert.priority = match raise {
            Raise::To(priority) => alert.priority.max(priority),
            Raise::ByOne => alert.priority.raised(),
        };
        changed.push(("priority".into(), Value::Text(alert.priority.word().into())));
    }
    if let Some((name, team)) = step
        .team
        .as_ref()
        .and_then(|name| Some((name, teams.place(name)?)))
    {
        alert.added_teams = alert
            .added_teams
            .iter()
            .copied()
            .filter(|added| *added != team)
            .collect();
        alert.team = team;
        changed.push(("team".into(), Value::Text(name.as_str().into())));
    }
    if let Some((name, team)) = step
        .add_team
        .as_ref()
        .and_then(|name| Some((name, teams.place(name)?)))
    {
        if alert.teams().all(|known| known != team) {
            alert.added_teams = alert.added_teams.iter().copied().chain([team]).collect();
        }
        changed.push(("added_team".into(), Value::Text(name.as_str().into())));
    }
    changed.extend(snooze.map(|_| ("snooze".into(), Value::Text("ended".into()))));
    changed.into()
}
