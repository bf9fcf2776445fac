//! What the API shows of the engine's records. The other direction is in `requests.rs`.

use std::collections::BTreeMap;

use aftercall_engine::Root;
use aftercall_engine::call::Call;
use aftercall_engine::command::{Actor, ActorKind};
use aftercall_engine::definition::model::{ButtonAction, NoteRule, Priority};
use aftercall_engine::definition::{Action, Definition, EventKind, Fault, Stage};
use aftercall_engine::entry::{ChangeKind, Entry, InstanceChange, Said};
use aftercall_engine::instance::{Alert, Claim, Instance, Status};
use aftercall_engine::team::Team;
use aftercall_engine::time::Time;
use aftercall_engine::value::{FieldDeclaration, FieldType, Value};
use aftercall_engine::world::urgency::rank;
use aftercall_proto::workflow::v1 as proto;
use prost_types::Timestamp;

pub(super) fn timestamp(time: Time) -> Timestamp {
    let seconds = time.0.div_euclid(1_000);
    let nanos = time.0.rem_euclid(1_000) * 1_000_000;
    Timestamp { seconds, nanos: nanos as i32 }
}

pub(super) fn duration(span: std::time::Duration) -> prost_types::Duration {
    prost_types::Duration { seconds: span.as_secs() as i64, nanos: span.subsec_nanos() as i32 }
}

pub(super) fn value(value: &Value) -> proto::Value {
    use proto::value::Kind;
    let kind = match value {
        Value::Text(text) => Kind::Text(text.to_string()),
        Value::Number(number) => Kind::Number(*number),
        Value::Bool(flag) => Kind::Flag(*flag),
        Value::Time(time) => Kind::Time(timestamp(*time)),
    };
    proto::Value { kind: Some(kind) }
}

pub(super) fn actor(actor: &Actor) -> proto::Actor {
    let kind = match actor.kind {
        ActorKind::ScriptEngine => proto::ActorKind::ScriptEngine,
        ActorKind::Person => proto::ActorKind::Person,
        ActorKind::Operations => proto::ActorKind::Operations,
        ActorKind::Author => proto::ActorKind::Author,
        ActorKind::Timer => proto::ActorKind::Timer,
    };
    proto::Actor { kind: kind.into(), name: actor.name.to_string() }
}

pub(super) fn status(status: Status) -> proto::Status {
    match status {
        Status::WaitingForCallEnd => proto::Status::WaitingForCallEnd,
        Status::Active => proto::Status::Active,
        Status::Incomplete => proto::Status::Incomplete,
        Status::Finished => proto::Status::Finished,
        Status::Cancelled => proto::Status::Cancelled,
    }
}

pub(super) fn priority(priority: Priority) -> proto::Priority {
    match priority {
        Priority::Low => proto::Priority::Low,
        Priority::Normal => proto::Priority::Normal,
        Priority::High => proto::Priority::High,
        Priority::Urgent => proto::Priority::Urgent,
    }
}

pub(super) fn stage(stage: &Stage) -> proto::Stage {
    let kind = match stage.event.kind {
        EventKind::NewCall => proto::EventKind::NewCall,
        EventKind::ButtonPushed => proto::EventKind::ButtonPushed,
        EventKind::TimerElapsed => proto::EventKind::TimerElapsed,
    };
    proto::Stage {
        number: stage.number,
        event_id: stage.event.id.clone(),
        title: stage.event.label.clone(),
        kind: kind.into(),
    }
}

pub(super) fn field_declaration(field: &FieldDeclaration) -> proto::FieldDeclaration {
    let field_type = match field.field_type {
        FieldType::Text => proto::FieldType::Text,
        FieldType::Number => proto::FieldType::Number,
        FieldType::Bool => proto::FieldType::Bool,
        FieldType::Time => proto::FieldType::Time,
    };
    proto::FieldDeclaration { name: field.name.clone(), r#type: field_type.into(), required: field.required }
}

pub(super) fn team(team: &Team) -> proto::Team {
    proto::Team { name: team.name.clone(), title: team.title.clone(), revision: team.revision }
}

pub(super) fn fault(fault: &Fault) -> proto::Fault {
    proto::Fault {
        code: fault.code.name().to_owned(),
        message: fault.message.clone(),
        stage: fault.stage,
        action: fault.action,
        field: fault.field.clone(),
        line: fault.line,
        column: fault.column,
        warning: fault.warning,
    }
}

pub(super) fn call(call: &Call) -> proto::Call {
    proto::Call {
        r#ref: Some(proto::CallRef { source: call.key.source.to_string(), id: call.key.id.to_string() }),
        customer: call.customer.to_string(),
        script: call.script.to_string(),
        agent: call.agent.to_string(),
        caller: Some(proto::Caller {
            name: call.caller.name.to_string(),
            phone: call.caller.phone.to_string(),
            email: call.caller.email.to_string(),
            reference: call.caller.reference.to_string(),
        }),
        chargeable: call.chargeable,
        ended: call.ended_at.is_some(),
        revision: call.revision,
        created_at: Some(timestamp(call.created_at)),
        ended_at: call.ended_at.map(timestamp),
    }
}

pub(super) fn details(call: &Call) -> BTreeMap<String, String> {
    call.details.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

pub(super) fn alert(root: &Root, instance: &Instance, alert: &Alert) -> proto::Alert {
    proto::Alert {
        id: format!("{}.{}.{}", instance.stage, instance.visit(), alert.action + 1),
        text: alert.text.to_string(),
        team: root.teams.at(alert.team).map_or_else(String::new, |team| team.name.clone()),
        priority: priority(alert.priority).into(),
        due: alert.due.map(timestamp),
        raised_at: Some(timestamp(instance.entered_at)),
        acknowledged_by: alert.seen.as_ref().map_or_else(String::new, |seen| seen.by.to_string()),
        acknowledged_at: alert.seen.as_ref().map(|seen| timestamp(seen.at)),
    }
}

/// A follow-up, whole, as every answer and every frame shows it.
pub(super) fn follow_up(root: &Root, instance: &Instance) -> proto::FollowUp {
    follow_up_of_call(root, instance, root.call_of(instance).map(|call| &**call))
}

/// The same, with the call as it was after an entry.
pub(super) fn follow_up_of_call(root: &Root, instance: &Instance, call_record: Option<&Call>) -> proto::FollowUp {
    let visible = call_record.is_some_and(|call| instance.is_visible(call));
    let definition = root.definition_of(instance);
    let present = definition.and_then(|definition| definition.stage(instance.stage));
    let mut alerts: Vec<&Alert> = instance.alerts.iter().collect();
    alerts.sort_by_key(|alert| (rank(alert.priority), alert.due.unwrap_or(Time::NEVER)));
    let fields = definition.map_or_else(BTreeMap::new, |definition| fields(definition, instance));
    proto::FollowUp {
        instance_id: instance.id.to_string(),
        workflow: root.workflow_of(instance).map_or_else(String::new, |workflow| workflow.name.clone()),
        workflow_title: definition.map_or_else(String::new, |definition| definition.title.clone()),
        version: instance.version,
        status: status(instance.status).into(),
        stage: present.map(stage),
        visit: instance.visit(),
        call: call_record.map(call),
        alerts: alerts.iter().map(|one| alert(root, instance, one)).collect(),
        buttons: if visible { buttons(definition.map(|definition| &**definition), instance) } else { Vec::new() },
        timers: timers(definition.map(|definition| &**definition), instance),
        fields,
        priority: alerts.first().map_or(proto::Priority::Unspecified, |alert| priority(alert.priority)).into(),
        due: instance.due().filter(|_| !instance.status.is_ended()).map(timestamp),
        deadline: instance.deadline.map(timestamp),
        started_at: Some(timestamp(instance.started_at)),
        stage_entered_at: Some(timestamp(instance.entered_at)),
        ended_at: instance.ended_at.map(timestamp),
        outcome: if instance.status == Status::Finished { instance.ending.to_string() } else { String::new() },
        reason: reason(instance, present),
        visible,
        release_at: instance.release_at.map(timestamp),
        note_count: instance.notes,
        revision: u64::from(instance.revision),
        sequence: instance.sequence,
        claim: instance.claim.as_deref().map(claim),
    }
}

fn claim(claim: &Claim) -> proto::Claim {
    proto::Claim {
        holder: claim.by.to_string(),
        since: Some(timestamp(claim.since)),
        until: Some(timestamp(claim.until)),
    }
}

fn reason(instance: &Instance, present: Option<&Stage>) -> String {
    match (instance.status, present) {
        (Status::Cancelled, _) => instance.ending.to_string(),
        (Status::Incomplete, Some(stage)) => {
            format!("stage {} \"{}\" is an unlinked end", stage.number, stage.event.label)
        }
        _ => String::new(),
    }
}

fn fields(definition: &Definition, instance: &Instance) -> BTreeMap<String, proto::Value> {
    let named = |(place, held): &(u16, Value)| {
        definition.fields.get(usize::from(*place)).map(|field| (field.name.clone(), value(held)))
    };
    instance.fields.iter().filter_map(named).collect()
}

/// The buttons that may be pushed now.
fn buttons(definition: Option<&Definition>, instance: &Instance) -> Vec<proto::Button> {
    let stage = definition.and_then(|definition| definition.stage(instance.stage));
    let (Some(definition), Some(stage), Status::Active) = (definition, stage, instance.status) else {
        return Vec::new();
    };
    let shown = |action: &Action| match action {
        Action::Button(one) => Some(button(definition, one)),
        _ => None,
    };
    stage.actions.iter().filter_map(shown).collect()
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
        leads_to_stage: definition.stage_of(&button.event).map_or(0, |stage| stage.number),
    }
}

fn timers(definition: Option<&Definition>, instance: &Instance) -> Vec<proto::Timer> {
    let stage = definition.and_then(|definition| definition.stage(instance.stage));
    let (Some(definition), Some(stage)) = (definition, stage) else { return Vec::new() };
    let event = |action: u16| match stage.actions.get(usize::from(action)) {
        Some(Action::Timer(timer)) => definition.stage_of(&timer.event),
        _ => None,
    };
    let shown = |timer: &aftercall_engine::instance::Timer| {
        let target = event(timer.action)?;
        let due = Some(timestamp(instance.fires_at(timer)));
        Some(proto::Timer { id: target.event.id.clone(), due, leads_to_stage: target.number })
    };
    instance.timers.iter().filter_map(shown).collect()
}

pub(super) fn change_kind(kind: ChangeKind) -> proto::ChangeKind {
    match kind {
        ChangeKind::TeamImported | ChangeKind::WorkflowImported | ChangeKind::WorkflowPublished => {
            proto::ChangeKind::Unspecified
        }
        ChangeKind::Set => proto::ChangeKind::Set,
        ChangeKind::SetAgain => proto::ChangeKind::SetAgain,
        ChangeKind::Released => proto::ChangeKind::Released,
        ChangeKind::Withdrawn => proto::ChangeKind::Withdrawn,
        ChangeKind::ButtonPushed => proto::ChangeKind::ButtonPushed,
        ChangeKind::TimerElapsed => proto::ChangeKind::TimerElapsed,
        ChangeKind::AlertAcknowledged => proto::ChangeKind::AlertAcknowledged,
        ChangeKind::Claimed => proto::ChangeKind::Claimed,
        ChangeKind::ClaimExtended => proto::ChangeKind::ClaimExtended,
        ChangeKind::ClaimReleased => proto::ChangeKind::ClaimReleased,
        ChangeKind::ClaimLapsed => proto::ChangeKind::ClaimLapsed,
        ChangeKind::TakenOver => proto::ChangeKind::TakenOver,
        ChangeKind::HandedOver => proto::ChangeKind::HandedOver,
        ChangeKind::NoteAdded => proto::ChangeKind::NoteAdded,
        ChangeKind::Cancelled => proto::ChangeKind::Cancelled,
        ChangeKind::Replaced => proto::ChangeKind::Replaced,
        ChangeKind::CallUpdated => proto::ChangeKind::CallUpdated,
        ChangeKind::CallEnded => proto::ChangeKind::CallEnded,
    }
}

/// Why something changed; the words of the actor go with the change that the command was about.
pub(super) fn cause(kind: ChangeKind, entry: &Entry, definition: Option<&Definition>) -> proto::Cause {
    let said = if kind == entry.kind { entry.said.clone() } else { Said::default() };
    let event = definition.and_then(|definition| definition.stage(said.event_stage)).map(|stage| &stage.event);
    proto::Cause {
        kind: change_kind(kind).into(),
        event_id: event.map_or_else(String::new, |event| event.id.clone()),
        title: event.map_or_else(String::new, |event| event.label.clone()),
        note: said.note.to_string(),
        values: said.values.iter().map(|(name, held)| (name.to_string(), value(held))).collect(),
    }
}

/// A stage of the definition that an instance is pinned to.
pub(super) fn stage_of(root: &Root, instance: &Instance, number: u32) -> Option<proto::Stage> {
    root.definition_of(instance)?.stage(number).map(stage)
}

/// One line of history.
pub(super) fn history_item(root: &Root, entry: &Entry, change: Option<&InstanceChange>) -> proto::HistoryItem {
    let definition = change.and_then(|change| root.definition_of(&change.after));
    let kind = change.map_or(entry.kind, |change| change.kind);
    let instance = change.map(|change| &*change.after);
    let from = change.and_then(|change| change.before.as_ref()).map(|before| before.stage);
    let entered = change.map_or(&[][..], |change| &change.entered);
    proto::HistoryItem {
        sequence: entry.sequence,
        at: Some(timestamp(entry.at)),
        actor: Some(actor(&entry.actor)),
        cause: Some(cause(kind, entry, definition.map(|definition| &**definition))),
        instance_id: instance.map_or_else(String::new, |instance| instance.id.to_string()),
        workflow: instance
            .and_then(|instance| root.workflow_of(instance))
            .map_or_else(String::new, |workflow| workflow.name.clone()),
        from_stage: instance.zip(from).and_then(|(instance, from)| stage_of(root, instance, from)),
        entered_stages: instance.map_or_else(Vec::new, |instance| {
            entered.iter().filter_map(|number| stage_of(root, instance, *number)).collect()
        }),
        status: instance.map_or(proto::Status::Unspecified, |instance| status(instance.status)).into(),
        outcome: instance
            .filter(|instance| instance.status == Status::Finished)
            .map_or_else(String::new, |instance| instance.ending.to_string()),
    }
}
