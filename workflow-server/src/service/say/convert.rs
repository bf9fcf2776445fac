//! What the API shows of the engine's records. The other direction is in `requests.rs`.

use std::collections::BTreeMap;

use aftercall_definition::model::Priority;
use aftercall_definition::time::{Offset, Time};
use aftercall_definition::value::{FieldDeclaration, FieldType, Value};
use aftercall_definition::{EventKind, Fault, Stage};
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::{Call, CallKey, Caller};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::{Instance, Status};
use aftercall_engine::team::Team;
use aftercall_proto::workflow::v1 as proto;
use prost_types::Timestamp;

use crate::service::say::read_mask::{CallFields, StageFields, shown};
use crate::service::view::Names;

pub(crate) fn timestamp(time: Time) -> Timestamp {
    let seconds = time.0.div_euclid(1_000);
    let nanos = time.0.rem_euclid(1_000) * 1_000_000;
    Timestamp {
        seconds,
        nanos: nanos as i32,
    }
}

pub(crate) fn duration(span: std::time::Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: span.as_secs() as i64,
        nanos: span.subsec_nanos() as i32,
    }
}

pub(crate) fn value(value: &Value) -> proto::Value {
    use proto::value::Kind;
    let kind = match value {
        Value::Text(text) => Kind::Text(text.to_string()),
        Value::Number(number) => Kind::Number(*number),
        Value::Bool(flag) => Kind::Flag(*flag),
        Value::Time(time) => Kind::Time(timestamp(*time)),
    };
    proto::Value { kind: Some(kind) }
}

pub(crate) fn actor(actor: &Actor) -> proto::Actor {
    let kind = match actor.kind {
        ActorKind::ScriptEngine => proto::ActorKind::ScriptEngine,
        ActorKind::Person => proto::ActorKind::Person,
        ActorKind::Operations => proto::ActorKind::Operations,
        ActorKind::Author => proto::ActorKind::Author,
        ActorKind::Timer => proto::ActorKind::Timer,
        ActorKind::Server => proto::ActorKind::Server,
    };
    proto::Actor {
        kind: kind.into(),
        name: actor.name.to_string(),
        subject: String::new(),
    }
}

pub(crate) fn status(status: Status) -> proto::Status {
    match status {
        Status::WaitingForCallEnd => proto::Status::WaitingForCallEnd,
        Status::Active => proto::Status::Active,
        Status::Paused => proto::Status::Paused,
        Status::Incomplete => proto::Status::Incomplete,
        Status::Finished => proto::Status::Finished,
        Status::Cancelled => proto::Status::Cancelled,
    }
}

pub(crate) fn priority(priority: Priority) -> proto::Priority {
    match priority {
        Priority::Low => proto::Priority::Low,
        Priority::Normal => proto::Priority::Normal,
        Priority::High => proto::Priority::High,
        Priority::Urgent => proto::Priority::Urgent,
    }
}

pub(crate) fn stage(stage: &Stage) -> proto::Stage {
    masked_stage(stage, &StageFields::ALL)
}

/// A stage with some of its fields.
pub(crate) fn masked_stage(stage: &Stage, fields: &StageFields) -> proto::Stage {
    let kind = match stage.event.kind {
        EventKind::NewCall => proto::EventKind::NewCall,
        EventKind::ButtonPushed => proto::EventKind::ButtonPushed,
        EventKind::TimerElapsed => proto::EventKind::TimerElapsed,
    };
    proto::Stage {
        number: shown(fields.number, || stage.number),
        event_id: shown(fields.event_id, || stage.event.id.clone()),
        title: shown(fields.title, || stage.title().into_owned()),
        kind: shown(fields.kind, || kind.into()),
        event_label: shown(fields.event_label, || stage.event.label.clone()),
    }
}

pub(crate) fn field_declaration(field: &FieldDeclaration) -> proto::FieldDeclaration {
    let field_type = match field.field_type {
        FieldType::Text => proto::FieldType::Text,
        FieldType::Number => proto::FieldType::Number,
        FieldType::Bool => proto::FieldType::Bool,
        FieldType::Time => proto::FieldType::Time,
    };
    proto::FieldDeclaration {
        name: field.name.clone(),
        r#type: field_type.into(),
        required: field.required,
        label: field.label.clone(),
        default: field.default.as_ref().map(value),
        values: field.values.iter().map(value).collect(),
        min: field.min,
        max: field.max,
        min_from_now: field.earliest.map(offset),
        max_from_now: field.latest.map(offset),
        sensitive: field.sensitive,
    }
}

fn offset(offset: Offset) -> prost_types::Duration {
    let millis = offset.millis();
    prost_types::Duration {
        seconds: millis / 1_000,
        nanos: (millis % 1_000 * 1_000_000) as i32,
    }
}

pub(crate) fn team(team: &Team) -> proto::Team {
    proto::Team {
        claim_next_only: team.claim_next_only,
        name: team.name.clone(),
        title: team.title.clone(),
        revision: team.revision,
    }
}

pub(crate) fn fault(fault: &Fault) -> proto::Fault {
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

pub(crate) fn call_ref(key: &CallKey) -> proto::CallRef {
    proto::CallRef {
        source: key.source.to_string(),
        id: key.id.to_string(),
    }
}

pub(crate) fn call(call: &Call) -> proto::Call {
    masked_call(call, &CallFields::ALL)
}

/// A call with some of its fields.
pub(crate) fn masked_call(call: &Call, fields: &CallFields) -> proto::Call {
    proto::Call {
        r#ref: fields.reference.then(|| call_ref(&call.key)),
        customer: shown(fields.customer, || call.customer.to_string()),
        script: shown(fields.script, || call.script.to_string()),
        agent: shown(fields.agent, || call.agent.to_string()),
        caller: fields.caller.then(|| caller(&call.caller)),
        chargeable: fields.chargeable && call.chargeable,
        ended: fields.ended && call.ended_at.is_some(),
        revision: shown(fields.revision, || call.revision),
        created_at: fields.created_at.then(|| timestamp(call.created_at)),
        ended_at: call.ended_at.filter(|_| fields.ended_at).map(timestamp),
    }
}

fn caller(caller: &Caller) -> proto::Caller {
    proto::Caller {
        name: caller.name.to_string(),
        phone: caller.phone.to_string(),
        email: caller.email.to_string(),
        reference: caller.reference.to_string(),
        time_zone: caller.time_zone.to_string(),
    }
}

pub(crate) fn details(call: &Call) -> BTreeMap<String, String> {
    call.details
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

pub(crate) fn change_kind(kind: ChangeKind) -> proto::ChangeKind {
    match kind {
        ChangeKind::TeamImported
        | ChangeKind::TeamRemoved
        | ChangeKind::CalendarImported
        | ChangeKind::WorkflowImported
        | ChangeKind::WorkflowPublished
        | ChangeKind::WorkflowArchived
        | ChangeKind::RetentionConfirmed
        | ChangeKind::BatchStarted
        | ChangeKind::BatchItemRefused
        | ChangeKind::BatchStopped
        | ChangeKind::Archived
        | ChangeKind::ChunkReplaced
        | ChangeKind::HistoryPacked
        | ChangeKind::HistoryRewritten
        | ChangeKind::ErasureStarted
        | ChangeKind::ErasureEnded
        | ChangeKind::ClockAccepted
        | ChangeKind::PurgeConfirmed
        | ChangeKind::ViewSaved
        | ChangeKind::ViewRemoved
        | ChangeKind::AwaySet
        | ChangeKind::AwayEnded => proto::ChangeKind::Unspecified,
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
        ChangeKind::Escalated => proto::ChangeKind::Escalated,
        ChangeKind::Snoozed => proto::ChangeKind::Snoozed,
        ChangeKind::AlertReturned => proto::ChangeKind::AlertReturned,
        ChangeKind::AlertedAgain => proto::ChangeKind::AlertedAgain,
        ChangeKind::Paused => proto::ChangeKind::Paused,
        ChangeKind::Resumed => proto::ChangeKind::Resumed,
        ChangeKind::PushUndone => proto::ChangeKind::PushUndone,
        ChangeKind::Chased => proto::ChangeKind::Chased,
        ChangeKind::Moved => proto::ChangeKind::Moved,
        ChangeKind::Migrated => proto::ChangeKind::Migrated,
        ChangeKind::CallerErased => proto::ChangeKind::CallerErased,
        ChangeKind::NoteAdded => proto::ChangeKind::NoteAdded,
        ChangeKind::Finished => proto::ChangeKind::Finished,
        ChangeKind::Cancelled => proto::ChangeKind::Cancelled,
        ChangeKind::Replaced => proto::ChangeKind::Replaced,
        ChangeKind::CallUpdated => proto::ChangeKind::CallUpdated,
        ChangeKind::CallEnded => proto::ChangeKind::CallEnded,
    }
}

/// A stage of the definition that an instance is pinned to.
pub(crate) fn stage_of(names: &Names, instance: &Instance, number: u32) -> Option<proto::Stage> {
    stage_of_version(names, (instance.workflow, instance.version), number)
}

/// The same, of the version of a workflow.
pub(crate) fn stage_of_version(
    names: &Names,
    (workflow, version): (u32, u32),
    number: u32,
) -> Option<proto::Stage> {
    let workflow = names.workflows().at(workflow)?;
    // What it was in before it was migrated may be in an older version only.
    let of_others = || {
        workflow
            .versions
            .iter()
            .rev()
            .find_map(|one| one.definition.stage(number))
    };
    workflow
        .version(version)?
        .definition
        .stage(number)
        .or_else(of_others)
        .map(stage)
}
