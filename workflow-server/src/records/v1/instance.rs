//! Instances, and the values of their fields.

use aftercall_engine::instance::{Alert, Claim, Count, Instance, InstanceId, Seen, Timer};
use aftercall_engine::time::Time;
use aftercall_engine::value::Value;

use super::codes::Coded;
use crate::records::RecordError;

/// The value of a field. Personal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueRecord {
    #[prost(oneof = "ValueKind", tags = "1, 2, 3, 4")]
    kind: Option<ValueKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum ValueKind {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(bool, tag = "3")]
    Bool(bool),
    #[prost(sint64, tag = "4")]
    Time(i64),
}

impl From<&Value> for ValueRecord {
    fn from(value: &Value) -> Self {
        let kind = match value {
            Value::Text(text) => ValueKind::Text(text.to_string()),
            Value::Number(number) => ValueKind::Number(*number),
            Value::Bool(flag) => ValueKind::Bool(*flag),
            Value::Time(time) => ValueKind::Time(time.0),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<ValueRecord> for Value {
    type Error = RecordError;

    fn try_from(record: ValueRecord) -> Result<Self, RecordError> {
        Ok(match record.kind.ok_or(RecordError::Incomplete("value"))? {
            ValueKind::Text(text) => Self::Text(text.into()),
            ValueKind::Number(number) => Self::Number(number),
            ValueKind::Bool(flag) => Self::Bool(flag),
            ValueKind::Time(time) => Self::Time(Time(time)),
        })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct CountRecord {
    #[prost(uint32, tag = "1")]
    stage: u32,
    #[prost(uint32, tag = "2")]
    action: u32,
    #[prost(uint32, tag = "3")]
    times: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AlertRecord {
    #[prost(uint32, tag = "1")]
    action: u32,
    /// Personal.
    #[prost(string, tag = "2")]
    text: String,
    #[prost(uint32, tag = "3")]
    team: u32,
    #[prost(int32, tag = "4")]
    priority: i32,
    #[prost(sint64, optional, tag = "5")]
    due: Option<i64>,
    #[prost(message, optional, tag = "6")]
    seen: Option<SeenRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SeenRecord {
    /// Personal.
    #[prost(string, tag = "1")]
    by: String,
    #[prost(sint64, tag = "2")]
    at: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ClaimRecord {
    /// Personal.
    #[prost(string, tag = "1")]
    by: String,
    #[prost(sint64, tag = "2")]
    since: i64,
    #[prost(sint64, tag = "3")]
    until: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TimerRecord {
    #[prost(uint32, tag = "1")]
    action: u32,
    #[prost(sint64, tag = "2")]
    due: i64,
    #[prost(bool, tag = "3")]
    waits_for_claim: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FieldRecord {
    #[prost(uint32, tag = "1")]
    place: u32,
    #[prost(message, optional, tag = "2")]
    value: Option<ValueRecord>,
}

/// An instance's id.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct IdRecord {
    #[prost(uint64, tag = "1")]
    made_at: u64,
    #[prost(uint32, tag = "2")]
    slot: u32,
    #[prost(uint32, tag = "3")]
    salt: u32,
}

impl From<InstanceId> for IdRecord {
    fn from(id: InstanceId) -> Self {
        Self { made_at: id.made_at, slot: id.slot, salt: u32::from(id.salt) }
    }
}

impl From<IdRecord> for InstanceId {
    fn from(record: IdRecord) -> Self {
        Self { made_at: record.made_at, slot: record.slot, salt: record.salt as u16 }
    }
}

/// An instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InstanceRecord {
    #[prost(message, optional, tag = "1")]
    id: Option<IdRecord>,
    #[prost(uint32, tag = "2")]
    call: u32,
    #[prost(uint32, tag = "3")]
    workflow: u32,
    #[prost(uint32, tag = "4")]
    version: u32,
    #[prost(int32, tag = "5")]
    status: i32,
    #[prost(uint32, tag = "6")]
    stage: u32,
    #[prost(message, repeated, tag = "7")]
    visits: Vec<CountRecord>,
    #[prost(message, repeated, tag = "8")]
    links: Vec<CountRecord>,
    #[prost(uint32, tag = "9")]
    revision: u32,
    #[prost(uint32, tag = "10")]
    notes: u32,
    #[prost(uint64, tag = "11")]
    sequence: u64,
    #[prost(sint64, tag = "12")]
    started_at: i64,
    #[prost(sint64, tag = "13")]
    entered_at: i64,
    #[prost(sint64, optional, tag = "14")]
    ended_at: Option<i64>,
    #[prost(sint64, optional, tag = "15")]
    deadline: Option<i64>,
    #[prost(sint64, optional, tag = "16")]
    release_at: Option<i64>,
    /// Personal.
    #[prost(message, repeated, tag = "17")]
    fields: Vec<FieldRecord>,
    /// Personal.
    #[prost(message, repeated, tag = "18")]
    alerts: Vec<AlertRecord>,
    #[prost(message, repeated, tag = "19")]
    timers: Vec<TimerRecord>,
    /// Personal.
    #[prost(string, tag = "20")]
    ending: String,
    #[prost(message, optional, tag = "21")]
    claim: Option<ClaimRecord>,
}

impl From<&Instance> for InstanceRecord {
    fn from(instance: &Instance) -> Self {
        Self {
            id: Some(instance.id.into()),
            call: instance.call,
            workflow: instance.workflow,
            version: instance.version,
            status: instance.status.code(),
            stage: instance.stage,
            visits: counts(&instance.visits),
            links: counts(&instance.links),
            revision: instance.revision,
            notes: instance.notes,
            sequence: instance.sequence,
            started_at: instance.started_at.0,
            entered_at: instance.entered_at.0,
            ended_at: instance.ended_at.map(|at| at.0),
            deadline: instance.deadline.map(|at| at.0),
            release_at: instance.release_at.map(|at| at.0),
            fields: instance
                .fields
                .iter()
                .map(|(place, value)| FieldRecord { place: u32::from(*place), value: Some(value.into()) })
                .collect(),
            alerts: instance.alerts.iter().map(alert_record).collect(),
            timers: instance
                .timers
                .iter()
                .map(|timer| TimerRecord {
                    action: u32::from(timer.action),
                    due: timer.due.0,
                    waits_for_claim: timer.waits_for_claim,
                })
                .collect(),
            ending: instance.ending.to_string(),
            claim: instance.claim.as_deref().map(claim_record),
        }
    }
}

impl TryFrom<InstanceRecord> for Instance {
    type Error = RecordError;

    fn try_from(record: InstanceRecord) -> Result<Self, RecordError> {
        let field = |field: FieldRecord| {
            Ok((field.place as u16, field.value.ok_or(RecordError::Incomplete("field value"))?.try_into()?))
        };
        Ok(Self {
            id: record.id.ok_or(RecordError::Incomplete("instance id"))?.into(),
            call: record.call,
            workflow: record.workflow,
            version: record.version,
            status: Coded::from_code(record.status)?,
            stage: record.stage,
            visits: from_counts(record.visits),
            links: from_counts(record.links),
            revision: record.revision,
            notes: record.notes,
            sequence: record.sequence,
            started_at: Time(record.started_at),
            entered_at: Time(record.entered_at),
            ended_at: record.ended_at.map(Time),
            deadline: record.deadline.map(Time),
            release_at: record.release_at.map(Time),
            fields: record.fields.into_iter().map(field).collect::<Result<_, RecordError>>()?,
            alerts: record.alerts.into_iter().map(from_alert_record).collect::<Result<_, _>>()?,
            timers: record
                .timers
                .into_iter()
                .map(|timer| Timer {
                    action: timer.action as u16,
                    due: Time(timer.due),
                    waits_for_claim: timer.waits_for_claim,
                })
                .collect(),
            ending: record.ending.into(),
            claim: record.claim.map(from_claim_record),
        })
    }
}

fn counts(counts: &[Count]) -> Vec<CountRecord> {
    let record =
        |count: &Count| CountRecord { stage: count.stage, action: u32::from(count.action), times: count.times };
    counts.iter().map(record).collect()
}

fn from_counts(records: Vec<CountRecord>) -> Box<[Count]> {
    let count = |record: CountRecord| Count { stage: record.stage, action: record.action as u16, times: record.times };
    records.into_iter().map(count).collect()
}

fn claim_record(claim: &Claim) -> ClaimRecord {
    ClaimRecord { by: claim.by.to_string(), since: claim.since.0, until: claim.until.0 }
}

fn from_claim_record(record: ClaimRecord) -> Box<Claim> {
    Box::new(Claim { by: record.by.into(), since: Time(record.since), until: Time(record.until) })
}

fn alert_record(alert: &Alert) -> AlertRecord {
    AlertRecord {
        action: u32::from(alert.action),
        text: alert.text.to_string(),
        team: alert.team,
        priority: alert.priority.code(),
        due: alert.due.map(|due| due.0),
        seen: alert.seen.as_ref().map(|seen| SeenRecord { by: seen.by.to_string(), at: seen.at.0 }),
    }
}

fn from_alert_record(record: AlertRecord) -> Result<Alert, RecordError> {
    Ok(Alert {
        action: record.action as u16,
        text: record.text.into(),
        team: record.team,
        priority: Coded::from_code(record.priority)?,
        due: record.due.map(Time),
        seen: record.seen.map(|seen| Seen { by: seen.by.into(), at: Time(seen.at) }),
    })
}
