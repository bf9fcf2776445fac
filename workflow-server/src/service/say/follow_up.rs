//! How the API shows a follow-up with its alerts, buttons and timers.

use std::collections::BTreeMap;

use aftercall_definition::model::{ButtonAction, NoteRule};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_definition::{Action, Definition, Stage};
use aftercall_engine::Root;
use aftercall_engine::call::Call;
use aftercall_engine::instance::{Alert, Attempts, Claim, Instance, Pause, Status};
use aftercall_engine::query::{self, DueState, due_soon_from};
use aftercall_engine::world::urgency::rank;
use aftercall_proto::workflow::v1 as proto;

use crate::service::say::convert::{
    call, field_declaration, priority, stage, status, timestamp, value,
};

pub(crate) fn alert(root: &Root, instance: &Instance, alert: &Alert) -> proto::Alert {
    let definition = root.definition_of(instance);
    proto::Alert {
        id: format!(
            "{}.{}.{}",
            instance.stage,
            instance.visit(),
            alert.action + 1
        ),
        text: alert.text.to_string(),
        team: team_name(root, alert.team),
        priority: priority(alert.priority).into(),
        due: alert.due.map(timestamp),
        raised_at: Some(timestamp(instance.entered_at)),
        acknowledged_by: alert
            .seen
            .as_ref()
            .map_or_else(String::new, |seen| seen.by.to_string()),
        acknowledged_at: alert.seen.as_ref().map(|seen| timestamp(seen.at)),
        added_teams: alert
            .added_teams
            .iter()
            .map(|place| team_name(root, *place))
            .collect(),
        escalations: instance.urgency_count(alert),
        escalates_at: alert.escalates_at.map(timestamp),
        due_soon_from: definition
            .and_then(|definition| due_soon_from(root, definition, instance, Some(alert)))
            .map(timestamp),
        snoozed_until: alert.snooze.as_ref().map(|snooze| timestamp(snooze.until)),
        snoozed_by: alert
            .snooze
            .as_ref()
            .map_or_else(String::new, |snooze| snooze.by.to_string()),
    }
}

fn team_name(root: &Root, place: u32) -> String {
    root.teams
        .at(place)
        .map_or_else(String::new, |team| team.name.clone())
}

/// A follow-up, whole, as every answer and every frame shows it.
pub(crate) fn follow_up(root: &Root, instance: &Instance) -> proto::FollowUp {
    follow_up_of_call(root, instance, root.call_of(instance).map(|call| &**call))
}

/// The same, with the call as it was after an entry.
pub(crate) fn follow_up_of_call(
    root: &Root,
    instance: &Instance,
    call_record: Option<&Call>,
) -> proto::FollowUp {
    let may_push = call_record.is_some_and(|call| instance.is_visible(call));
    let workflow = root.workflow_of(instance);
    let definition = root.definition_of(instance).map(|definition| &**definition);
    let present = definition.and_then(|definition| definition.stage(instance.stage));
    let alerts = by_urgency(&instance.alerts);
    let due = instance.due().filter(|_| !instance.status.is_ended());
    proto::FollowUp {
        instance_id: instance.id.to_string(),
        workflow: workflow.map_or_else(String::new, |workflow| workflow.name.clone()),
        workflow_title: definition.map_or_else(String::new, |definition| definition.title.clone()),
        version: instance.version,
        status: status(instance.status).into(),
        stage: present.map(stage),
        visit: instance.visit(),
        call: call_record.map(call),
        alerts: alerts
            .iter()
            .map(|one| alert(root, instance, one))
            .collect(),
        buttons: if may_push {
            buttons(definition, instance)
        } else {
            Vec::new()
        },
        timers: timers(definition, instance),
        fields: definition.map_or_else(BTreeMap::new, |definition| fields(definition, instance)),
        priority: alerts
            .first()
            .map_or(proto::Priority::Unspecified, |first| {
                priority(first.priority)
            })
            .into(),
        due: due.map(timestamp),
        deadline: instance.deadline.map(timestamp),
        started_at: Some(timestamp(instance.started_at)),
        stage_entered_at: Some(timestamp(instance.entered_at)),
        ended_at: instance.ended_at.map(timestamp),
        outcome: outcome(instance),
        reason: reason(instance, present),
        visible: call_record.is_some_and(|call| instance.is_listed(call)),
        release_at: instance.release_at.map(timestamp),
        note_count: instance.notes,
        revision: u64::from(instance.revision),
        sequence: instance.sequence,
        claim: instance.claim.as_deref().map(claim),
        pause: instance.pause.as_deref().map(pause),
        chase_count: instance.chases,
        attempts: instance.attempts.as_deref().map(attempts),
        due_soon_from: earliest_due_soon(root, instance).map(timestamp),
    }
}

/// The alerts as the Call Manager lists them: snoozed ones last, then by priority and due time.
fn by_urgency(alerts: &[Alert]) -> Vec<&Alert> {
    let mut alerts: Vec<&Alert> = alerts.iter().collect();
    alerts.sort_by_key(|alert| {
        (
            alert.snooze.is_some(),
            rank(alert.priority),
            alert.due.unwrap_or(Time::NEVER),
        )
    });
    alerts
}

/// When the instance or the first of its alerts is due soon.
fn earliest_due_soon(root: &Root, instance: &Instance) -> Option<Time> {
    let definition = root.definition_of(instance)?;
    let of_alerts = instance.alerts.iter().map(Some);
    of_alerts
        .chain([None])
        .filter_map(|alert| due_soon_from(root, definition, instance, alert))
        .min()
}

fn claim(claim: &Claim) -> proto::Claim {
    proto::Claim {
        holder: claim.by.to_string(),
        since: Some(timestamp(claim.since)),
        until: Some(timestamp(claim.until)),
    }
}

fn pause(pause: &Pause) -> proto::Pause {
    proto::Pause {
        by: pause.by.to_string(),
        since: Some(timestamp(pause.since)),
        until: pause.until.map(timestamp),
        reason: pause.reason.to_string(),
    }
}

fn attempts(attempts: &Attempts) -> proto::Attempts {
    proto::Attempts {
        count: attempts.times,
        last_outcome: attempts.outcome.to_string(),
        last_by: attempts.by.to_string(),
        last_at: Some(timestamp(attempts.at)),
    }
}

/// Whether something is on time at `now`, by its due time.
pub(crate) fn due_state(
    instance: &Instance,
    due: Option<Time>,
    soon: Option<Time>,
    now: Time,
) -> proto::DueState {
    match query::due_state(instance, due, soon, now) {
        None => proto::DueState::Unspecified,
        Some(DueState::OnTime) => proto::DueState::OnTime,
        Some(DueState::DueSoon) => proto::DueState::DueSoon,
        Some(DueState::Overdue) => proto::DueState::Overdue,
    }
}

fn outcome(instance: &Instance) -> String {
    match instance.status {
        Status::Finished => instance.ending.to_string(),
        _ => String::new(),
    }
}

fn reason(instance: &Instance, present: Option<&Stage>) -> String {
    match (instance.status, present) {
        (Status::Cancelled, _) => instance.ending.to_string(),
        (Status::Incomplete, Some(stage)) => {
            format!(
                "stage {} \"{}\" is an unlinked end",
                stage.number,
                stage.title()
            )
        }
        _ => String::new(),
    }
}

fn fields(definition: &Definition, instance: &Instance) -> BTreeMap<String, proto::Value> {
    let named = |(place, held): &(u16, Value)| {
        definition
            .fields
            .get(usize::from(*place))
            .map(|field| (field.name.clone(), value(held)))
    };
    instance.fields.iter().filter_map(named).collect()
}

/// The buttons that may be pushed now.
fn buttons(definition: Option<&Definition>, instance: &Instance) -> Vec<proto::Button> {
    let (Some(definition), Status::Active) = (definition, instance.status) else {
        return Vec::new();
    };
    query::buttons(definition, instance)
        .map(|one| button(definition, one))
        .collect()
}

fn button(definition: &Definition, button: &ButtonAction) -> proto::Button {
    let note = match button.note {
        NoteRule::Optional => proto::NoteRule::Optional,
        NoteRule::Required => proto::NoteRule::Required,
    };
    proto::Button {
        id: button.event.clone(),
        label: button.label.clone(),
        confirmation: button.confirmation.clone().unwrap_or_default(),
        note: note.into(),
        form: button.form.iter().map(field_declaration).collect(),
        leads_to_stage: definition
            .stage_of(&button.event)
            .map_or(0, |stage| stage.number),
    }
}

fn timers(definition: Option<&Definition>, instance: &Instance) -> Vec<proto::Timer> {
    let stage = definition.and_then(|definition| definition.stage(instance.stage));
    let (Some(definition), Some(stage)) = (definition, stage) else {
        return Vec::new();
    };
    let event = |action: u16| {
        let timer = stage
            .actions
            .get(usize::from(action))
            .and_then(Action::timer)?;
        definition.stage_of(&timer.event)
    };
    let shown = |timer: &aftercall_engine::instance::Timer| {
        let target = event(timer.action)?;
        let due = Some(timestamp(instance.fires_at(timer)));
        Some(proto::Timer {
            id: target.event.id.clone(),
            due,
            leads_to_stage: target.number,
        })
    };
    instance.timers.iter().filter_map(shown).collect()
}
