//! How the API shows a follow-up with its alerts, buttons and timers.

use std::collections::BTreeMap;

use aftercall_definition::model::{ButtonAction, NoteRule};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_definition::{Action, Definition, Stage};
use aftercall_engine::call::Call;
use aftercall_engine::instance::{Alert, Attempts, Claim, Instance, Pause, Status};
use aftercall_engine::query::{self, DueState};
use aftercall_engine::world::urgency::rank;
use aftercall_proto::workflow::v1 as proto;
use prost_types::Timestamp;

use crate::service::say::ReadMask;
use crate::service::say::convert::{
    field_declaration, masked_call, masked_stage, priority, status, timestamp, value,
};
use crate::service::say::read_mask::{CallFields, StageFields, shown};
use crate::service::view::Names;

pub(crate) fn alert(names: &Names, instance: &Instance, alert: &Alert) -> proto::Alert {
    let definition = names.definition_of(instance);
    proto::Alert {
        id: format!(
            "{}.{}.{}",
            instance.stage,
            instance.visit(),
            alert.action + 1
        ),
        text: alert.text.to_string(),
        team: team_name(names, alert.team),
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
            .map(|place| team_name(names, *place))
            .collect(),
        escalations: instance.urgency_count(alert),
        escalates_at: alert.escalates_at.map(timestamp),
        due_soon_from: definition
            .and_then(|definition| names.due_soon_from(definition, instance, Some(alert)))
            .map(timestamp),
        snoozed_until: alert.snooze.as_ref().map(|snooze| timestamp(snooze.until)),
        snoozed_by: alert
            .snooze
            .as_ref()
            .map_or_else(String::new, |snooze| snooze.by.to_string()),
        alerts_again_at: instance.alerts_again_at(alert).map(timestamp),
    }
}

fn team_name(names: &Names, place: u32) -> String {
    names
        .teams()
        .at(place)
        .map_or_else(String::new, |team| team.name.clone())
}

/// A follow-up with the fields of a mask.
pub(crate) fn follow_up(names: &Names, instance: &Instance, mask: &ReadMask) -> proto::FollowUp {
    let call = names.call_of(instance).map(|call| &**call);
    follow_up_of_call(names, instance, call, mask)
}

/// The same, with the call as it was after an entry.
pub(crate) fn follow_up_of_call(
    names: &Names,
    instance: &Instance,
    call_record: Option<&Call>,
    mask: &ReadMask,
) -> proto::FollowUp {
    let fields = &mask.follow_up;
    let definition = names.definition_of(instance).map(|one| &**one);
    let present = definition.and_then(|definition| definition.stage(instance.stage));
    let alerts = shown(fields.alerts || fields.priority, || {
        by_urgency(&instance.alerts)
    });
    let of_call = |is_true: fn(&Instance, &Call) -> bool| {
        call_record.is_some_and(|call| is_true(instance, call))
    };
    proto::FollowUp {
        instance_id: instance.id.to_string(),
        workflow: shown(fields.workflow, || workflow_name(names, instance)),
        workflow_title: shown(fields.workflow_title, || title(definition)),
        version: shown(fields.version, || instance.version),
        status: shown(fields.status, || status(instance.status).into()),
        stage: present
            .filter(|_| mask.stage != StageFields::NONE)
            .map(|stage| masked_stage(stage, &mask.stage)),
        visit: instance.visit(),
        call: call_record
            .filter(|_| mask.call != CallFields::NONE)
            .map(|call| masked_call(call, &mask.call)),
        alerts: shown(fields.alerts, || shown_alerts(names, instance, &alerts)),
        buttons: shown(fields.buttons && of_call(Instance::is_visible), || {
            buttons(definition, instance)
        }),
        timers: shown(fields.timers, || timers(definition, instance)),
        fields: shown(fields.fields, || values(definition, instance)),
        priority: shown(fields.priority, || most_urgent(&alerts).into()),
        due: shown(fields.due, || due(instance)),
        deadline: shown(fields.deadline, || instance.deadline.map(timestamp)),
        started_at: fields.started_at.then(|| timestamp(instance.started_at)),
        stage_entered_at: fields
            .stage_entered_at
            .then(|| timestamp(instance.entered_at)),
        ended_at: shown(fields.ended_at, || instance.ended_at.map(timestamp)),
        outcome: shown(fields.outcome, || outcome(instance)),
        reason: shown(fields.reason, || reason(instance, present)),
        visible: fields.visible && of_call(Instance::is_listed),
        release_at: shown(fields.release_at, || instance.release_at.map(timestamp)),
        note_count: shown(fields.note_count, || instance.notes),
        revision: u64::from(instance.revision),
        sequence: shown(fields.sequence, || instance.sequence),
        claim: shown(fields.claim, || instance.claim.as_deref().map(claim)),
        pause: shown(fields.pause, || instance.pause.as_deref().map(pause)),
        chase_count: shown(fields.chase_count, || instance.chases),
        attempts: shown(fields.attempts, || {
            instance.attempts.as_deref().map(attempts)
        }),
        due_soon_from: shown(fields.due_soon_from, || earliest_due_soon(names, instance)),
        last_stage: shown(fields.last_stage, || last_stage(definition)),
        sensitive_fields: shown(fields.sensitive_fields, || sensitive(definition, instance)),
    }
}

fn workflow_name(names: &Names, instance: &Instance) -> String {
    names
        .workflow_of(instance)
        .map_or_else(String::new, |workflow| workflow.name.clone())
}

fn title(definition: Option<&Definition>) -> String {
    definition.map_or_else(String::new, |definition| definition.title.clone())
}

fn last_stage(definition: Option<&Definition>) -> u32 {
    definition.map_or(0, Definition::last_stage)
}

fn shown_alerts(names: &Names, instance: &Instance, alerts: &[&Alert]) -> Vec<proto::Alert> {
    alerts
        .iter()
        .map(|one| alert(names, instance, one))
        .collect()
}

/// The priority of the most urgent of the alerts, which are in order.
fn most_urgent(alerts: &[&Alert]) -> proto::Priority {
    alerts
        .first()
        .map_or(proto::Priority::Unspecified, |first| {
            priority(first.priority)
        })
}

fn due(instance: &Instance) -> Option<Timestamp> {
    instance
        .due()
        .filter(|_| !instance.status.is_ended())
        .map(timestamp)
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
fn earliest_due_soon(names: &Names, instance: &Instance) -> Option<Timestamp> {
    let definition = names.definition_of(instance)?;
    let of_alerts = instance.alerts.iter().map(Some);
    let dues = of_alerts
        .chain([None])
        .filter_map(|alert| names.due_soon_from(definition, instance, alert));
    dues.min().map(timestamp)
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

fn values(definition: Option<&Definition>, instance: &Instance) -> BTreeMap<String, proto::Value> {
    let Some(definition) = definition else {
        return BTreeMap::new();
    };
    let named = |(place, held): &(u16, Value)| {
        definition
            .fields
            .get(usize::from(*place))
            .map(|field| (field.name.clone(), value(held)))
    };
    instance.fields.iter().filter_map(named).collect()
}

/// The names of the fields with a value that needs protection.
fn sensitive(definition: Option<&Definition>, instance: &Instance) -> Vec<String> {
    let declared = definition.map_or(&[][..], |definition| &definition.fields);
    let has_value = |at: usize| {
        let mut fields = instance.fields.iter();
        fields.any(|(place, _)| usize::from(*place) == at)
    };
    let sensitive = declared
        .iter()
        .enumerate()
        .filter(|(_, field)| field.sensitive);
    sensitive
        .filter(|(at, _)| has_value(*at))
        .map(|(_, field)| field.name.clone())
        .collect()
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
