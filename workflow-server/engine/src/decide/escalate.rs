//! Escalation: an alert whose time goes by is brought before people anew, more urgent or before
//! more of them.

use aftercall_definition::calendar::Clock;
use aftercall_definition::escalation::{alert_action, next_firing};
use aftercall_definition::model::{AlertAction, EscalationStep, Raise};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::decide::draft::EntryDraft;
use crate::entry::{ChangeKind, Entered};
use crate::instance::{Alert, Happening, Instance, is_legal};
use crate::world::definitions::Teams;

/// When an alert whose time counts from `since` escalates next, as it stands.
pub(super) fn next(
    action: &AlertAction,
    alert: &Alert,
    since: Time,
    clock: Clock<'_>,
) -> Option<Time> {
    next_firing(action, (since, alert.due?), alert.escalated, clock).map(|(at, _)| at)
}

/// An alert that no longer stands, or has escalated already, changes nothing: the wake-up came
/// late.
pub(super) fn escalate(draft: &mut EntryDraft<'_>, old: &Instance, action: u16, due: Time) {
    draft.kind = ChangeKind::Escalated;
    let Some(definition) = draft.root.definition_of(old).cloned() else {
        return;
    };
    let mut new = old.clone();
    let standing = new
        .alerts
        .iter_mut()
        .find(|alert| alert.action == action && alert.escalates_at == Some(due));
    let (Some(alert), Some(raised_by)) = (standing, alert_action(&definition, old.stage, action))
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
    draft.said.values = climb(alert, step, &draft.root.teams);
    draft.said.name_alert(old, action);
    alert.escalated += 1;
    alert.escalates_at = next(raised_by, alert, since, clock);
    draft.put_instance(ChangeKind::Escalated, old, new, Entered::default());
}

/// Does what the escalation step says, and returns what that was. Who has seen the alert has seen
/// it as it was before. A snooze ends: the step is for people who did not put the alert off, and
/// they would not see it until the snooze is over.
fn climb(alert: &mut Alert, step: &EscalationStep, teams: &Teams) -> Box<[(Box<str>, Value)]> {
    alert.seen = None;
    let snooze = alert.snooze.take();
    let mut said: Vec<(Box<str>, Value)> = Vec::new();
    if let Some(raise) = step.priority {
        alert.priority = match raise {
            Raise::To(priority) => alert.priority.max(priority),
            Raise::ByOne => alert.priority.raised(),
        };
        said.push(("priority".into(), Value::Text(alert.priority.word().into())));
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
        said.push(("team".into(), Value::Text(name.as_str().into())));
    }
    if let Some((name, team)) = step
        .add_team
        .as_ref()
        .and_then(|name| Some((name, teams.place(name)?)))
    {
        if alert.teams().all(|known| known != team) {
            alert.added_teams = alert.added_teams.iter().copied().chain([team]).collect();
        }
        said.push(("added_team".into(), Value::Text(name.as_str().into())));
    }
    said.extend(snooze.map(|_| ("snooze".into(), Value::Text("ended".into()))));
    said.into()
}
