//! The rows of an entry: what the tables for SQL show of it.
//!
//! The fields are the columns, by their names. A column that begins with `personal_` may hold data
//! of the caller.

use std::collections::BTreeMap;

use aftercall_engine::Entry;
use aftercall_engine::call::Call;
use aftercall_engine::entry::{ChangeKind, InstanceChange};
use aftercall_engine::instance::{Instance, Status};
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::value::Kind;
use prost_types::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use crate::service::say::{ReadMask, causes, convert, follow_up};
use crate::service::view::Names;

/// A follow-up as it is after its newest change.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct FollowUpRow {
    pub(super) instance_id: String,
    sequence: u64,
    revision: u64,
    workflow: String,
    workflow_title: String,
    workflow_version: u32,
    status: &'static str,
    stage: Option<u32>,
    stage_title: Option<String>,
    last_stage: u32,
    visible: bool,
    priority: Option<String>,
    teams: Vec<String>,
    due_at: Option<String>,
    deadline_at: Option<String>,
    started_at: Option<String>,
    stage_entered_at: Option<String>,
    ended_at: Option<String>,
    outcome: Option<String>,
    held_by: Option<String>,
    held_until: Option<String>,
    paused_by: Option<String>,
    notes: u32,
    chases: u32,
    attempts: u32,
    call_source: String,
    call_id: String,
    call_created_at: Option<String>,
    call_ended_at: Option<String>,
    customer: String,
    script: String,
    agent: String,
    chargeable: bool,
    personal_caller_name: Option<String>,
    personal_caller_phone: Option<String>,
    personal_caller_email: Option<String>,
    personal_caller_reference: Option<String>,
    personal_alert_text: Option<String>,
    personal_reason: Option<String>,
    personal_fields: Option<BTreeMap<String, Json>>,
}

/// A step of a follow-up from one stage to the next, or to its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct StageChangeRow {
    sequence: u64,
    step: u32,
    at: String,
    instance_id: String,
    workflow: String,
    workflow_version: u32,
    customer: String,
    kind: String,
    actor_kind: String,
    actor: Option<String>,
    event: Option<String>,
    from_stage: Option<u32>,
    from_stage_title: Option<String>,
    to_stage: Option<u32>,
    to_stage_title: Option<String>,
    status: &'static str,
    outcome: Option<String>,
}

/// A change of an instance, with the instance and the call as they are after it.
pub(super) struct Changed<'c> {
    pub(super) entry: &'c Entry,
    pub(super) change: &'c InstanceChange,
    pub(super) instance: &'c Instance,
    pub(super) call: Option<&'c Call>,
}

/// The row of a follow-up after a change.
pub(super) fn follow_up_row(names: &Names, changed: &Changed<'_>) -> FollowUpRow {
    let Changed { instance, call, .. } = changed;
    let shown = follow_up::follow_up_of_call(names, instance, *call, &ReadMask::ALL);
    let call = shown.call.unwrap_or_default();
    let reference = call.r#ref.unwrap_or_default();
    let caller = call.caller.unwrap_or_default();
    let claim = shown.claim.unwrap_or_default();
    let alert_text = shown.alerts.first().map(|alert| alert.text.clone());
    FollowUpRow {
        instance_id: shown.instance_id,
        sequence: shown.sequence,
        revision: shown.revision,
        workflow: shown.workflow,
        workflow_title: shown.workflow_title,
        workflow_version: shown.version,
        status: status_word(instance.status),
        stage: shown.stage.as_ref().map(|stage| stage.number),
        stage_title: shown.stage.map(|stage| stage.title),
        last_stage: shown.last_stage,
        visible: shown.visible,
        priority: priority_word(shown.priority),
        teams: teams(&shown.alerts),
        due_at: time(shown.due),
        deadline_at: time(shown.deadline),
        started_at: time(shown.started_at),
        stage_entered_at: time(shown.stage_entered_at),
        ended_at: time(shown.ended_at),
        outcome: declared_outcome(names, instance),
        held_by: text(claim.holder),
        held_until: time(claim.until),
        paused_by: text(shown.pause.unwrap_or_default().by),
        notes: shown.note_count,
        chases: shown.chase_count,
        attempts: shown.attempts.map_or(0, |attempts| attempts.count),
        call_source: reference.source,
        call_id: reference.id,
        call_created_at: time(call.created_at),
        call_ended_at: time(call.ended_at),
        customer: call.customer,
        script: call.script,
        agent: call.agent,
        chargeable: call.chargeable,
        personal_caller_name: text(caller.name),
        personal_caller_phone: text(caller.phone),
        personal_caller_email: text(caller.email),
        personal_caller_reference: text(caller.reference),
        personal_alert_text: alert_text.and_then(text),
        personal_reason: free_ending(names, instance),
        personal_fields: fields(shown.fields, &shown.sensitive_fields),
    }
}

/// The rows of the stages that a change has entered or left. None if the stage stayed the same.
pub(super) fn stage_change_rows(names: &Names, changed: &Changed<'_>) -> Vec<StageChangeRow> {
    let Changed {
        entry,
        change,
        instance,
        call,
    } = changed;
    let pinned = (instance.workflow, instance.version);
    let stage = |number: u32| convert::stage_of_version(names, pinned, number);
    let has_ended = instance.ended_at == Some(entry.at)
        && instance.status.is_ended()
        && change.kind != ChangeKind::NoteAdded;
    let ends = has_ended.then_some(None);
    let steps = change.entered.iter().copied().map(Some).chain(ends);
    let mut from = change.before.as_ref().map_or(0, |before| before.stage);
    let definition = names.definition_of(instance).map(|one| &**one);
    let cause = causes::cause(names, entry, Some(change), definition);
    let workflow = names.workflows().at(instance.workflow);
    let mut rows = Vec::new();
    for to in steps {
        let (left, entered) = (stage(from), to.and_then(stage));
        rows.push(StageChangeRow {
            sequence: entry.sequence,
            step: rows.len() as u32 + 1,
            at: convert::timestamp(entry.at).to_string(),
            instance_id: instance.id.to_string(),
            workflow: workflow.map_or_else(String::new, |one| one.name.clone()),
            workflow_version: instance.version,
            customer: call.map_or_else(String::new, |call| call.customer.to_string()),
            kind: lower(cause.kind().as_str_name(), "CHANGE_KIND_"),
            actor_kind: lower(
                convert::actor(&entry.actor).kind().as_str_name(),
                "ACTOR_KIND_",
            ),
            actor: text(entry.actor.name.to_string()),
            event: text(cause.title.clone()),
            from_stage: left.as_ref().map(|stage| stage.number),
            from_stage_title: left.map(|stage| stage.title),
            to_stage: entered.as_ref().map(|stage| stage.number),
            to_stage_title: entered.map(|stage| stage.title),
            status: status_word(instance.status),
            outcome: to
                .is_none()
                .then(|| declared_outcome(names, instance))
                .flatten(),
        });
        from = to.unwrap_or(from);
    }
    rows
}

/// The teams of all alerts, each once, in their order.
fn teams(alerts: &[proto::Alert]) -> Vec<String> {
    let mut teams: Vec<String> = Vec::new();
    for alert in alerts {
        for team in std::iter::once(&alert.team).chain(&alert.added_teams) {
            if !team.is_empty() && !teams.contains(team) {
                teams.push(team.clone());
            }
        }
    }
    teams
}

/// The outcome, if the definition declares it. One that a person typed may name the caller.
fn declared_outcome(names: &Names, instance: &Instance) -> Option<String> {
    is_declared(names, instance).then(|| instance.ending.to_string())
}

/// The reason of a cancellation, or an outcome that a person typed.
fn free_ending(names: &Names, instance: &Instance) -> Option<String> {
    text(instance.ending.to_string()).filter(|_| !is_declared(names, instance))
}

fn is_declared(names: &Names, instance: &Instance) -> bool {
    let definition = names.definition_of(instance);
    instance.status == Status::Finished
        && definition.is_some_and(|definition| definition.has_outcome(&instance.ending))
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::WaitingForCallEnd => "waiting_for_call_end",
        Status::Active => "active",
        Status::Paused => "paused",
        Status::Incomplete => "incomplete",
        Status::Finished => "finished",
        Status::Cancelled => "cancelled",
    }
}

fn priority_word(priority: i32) -> Option<String> {
    let priority = proto::Priority::try_from(priority).unwrap_or_default();
    (priority != proto::Priority::Unspecified).then(|| lower(priority.as_str_name(), "PRIORITY_"))
}

fn lower(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
}

/// The values of the fields, by name, without the sensitive ones. `None` without fields.
fn fields(
    values: impl IntoIterator<Item = (String, proto::Value)>,
    sensitive: &[String],
) -> Option<BTreeMap<String, Json>> {
    let fields: BTreeMap<String, Json> = values
        .into_iter()
        .filter(|(name, _)| !sensitive.contains(name))
        .filter_map(|(name, value)| Some((name, json(value.kind?))))
        .collect();
    (!fields.is_empty()).then_some(fields)
}

fn json(kind: Kind) -> Json {
    match kind {
        Kind::Text(text) => Json::from(printable(text)),
        Kind::Number(number) => Json::from(number),
        Kind::Flag(flag) => Json::from(flag),
        Kind::Time(time) => Json::from(time.to_string()),
    }
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

/// A text that a column can hold. `None` if it is empty.
fn text(text: String) -> Option<String> {
    (!text.is_empty()).then(|| printable(text))
}

/// A text of PostgreSQL cannot have the character NUL.
fn printable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}
