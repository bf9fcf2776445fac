//! Instances.

mod writing;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::instance::{
    Attempts, Claim, Count, Filling, Instance, InstanceId, Pause, Timer,
};

use super::alert::AlertRecord;
use super::codes::Coded;
use super::subject::{from_subject, subject};
use super::value::{FormValueRecord, ValueRecord};
use crate::records::RecordError;
pub(super) use writing::write_instance;

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
struct ClaimRecord {
    /// Personal.
    #[prost(string, tag = "1")]
    by: String,
    #[prost(sint64, tag = "2")]
    since: i64,
    #[prost(sint64, tag = "3")]
    until: i64,
    /// Personal. Empty if only the name of the holder is known.
    #[prost(string, tag = "4")]
    subject: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PauseRecord {
    /// Personal.
    #[prost(string, tag = "1")]
    by: String,
    #[prost(sint64, tag = "2")]
    since: i64,
    #[prost(sint64, optional, tag = "3")]
    until: Option<i64>,
    /// Personal.
    #[prost(string, tag = "4")]
    reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AttemptsRecord {
    #[prost(uint32, tag = "1")]
    times: u32,
    #[prost(string, tag = "2")]
    outcome: String,
    /// Personal.
    #[prost(string, tag = "3")]
    by: String,
    #[prost(sint64, tag = "4")]
    at: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TimerRecord {
    #[prost(uint32, tag = "1")]
    action: u32,
    #[prost(sint64, tag = "2")]
    due: i64,
    #[prost(bool, tag = "3")]
    waits_for_claim: bool,
    #[prost(sint64, optional, tag = "4")]
    waited: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FieldRecord {
    #[prost(uint32, tag = "1")]
    place: u32,
    #[prost(message, optional, tag = "2")]
    value: Option<ValueRecord>,
}

/// The stored data of a form. Personal.
#[derive(Clone, PartialEq, prost::Message)]
struct FormRecord {
    #[prost(message, repeated, tag = "1")]
    values: Vec<FormValueRecord>,
}

/// The values that texts are filled in with, beside the fields and the call.
#[derive(Clone, PartialEq, prost::Message)]
struct FillingRecord {
    #[prost(message, optional, tag = "1")]
    form: Option<FormRecord>,
    #[prost(sint64, optional, tag = "2")]
    refresh_at: Option<i64>,
}

/// The id of an instance.
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
        Self {
            made_at: id.made_at,
            slot: id.slot,
            salt: u32::from(id.salt),
        }
    }
}

impl From<IdRecord> for InstanceId {
    fn from(record: IdRecord) -> Self {
        Self {
            made_at: record.made_at,
            slot: record.slot,
            salt: record.salt as u16,
        }
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
    #[prost(message, optional, tag = "22")]
    pause: Option<PauseRecord>,
    #[prost(uint32, tag = "23")]
    chases: u32,
    #[prost(message, optional, tag = "24")]
    attempts: Option<AttemptsRecord>,
    #[prost(uint32, repeated, tag = "25")]
    skipped: Vec<u32>,
    /// Only in snapshots, and only if it differs from `sequence`.
    #[prost(uint64, optional, tag = "26")]
    whole_at: Option<u64>,
    /// Personal.
    #[prost(message, optional, tag = "27")]
    filling: Option<FillingRecord>,
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
            visits: instance.visits.iter().map(Into::into).collect(),
            links: instance.links.iter().map(Into::into).collect(),
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
                .map(|(place, value)| FieldRecord {
                    place: u32::from(*place),
                    value: Some(value.into()),
                })
                .collect(),
            alerts: instance.alerts.iter().map(Into::into).collect(),
            timers: instance.timers.iter().map(Into::into).collect(),
            ending: instance.ending.to_string(),
            claim: instance.claim.as_deref().map(claim_record),
            pause: instance.pause.as_deref().map(pause_record),
            chases: instance.chases,
            attempts: instance.attempts.as_deref().map(attempts_record),
            skipped: instance
                .skipped
                .iter()
                .map(|action| u32::from(*action))
                .collect(),
            filling: instance.filling.as_deref().map(filling_record),
            whole_at: (instance.whole_at != instance.sequence).then_some(instance.whole_at),
        }
    }
}

impl TryFrom<InstanceRecord> for Instance {
    type Error = RecordError;

    fn try_from(record: InstanceRecord) -> Result<Self, RecordError> {
        Ok(Self {
            id: record
                .id
                .ok_or(RecordError::Incomplete("instance id"))?
                .into(),
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
            whole_at: record.whole_at.unwrap_or(record.sequence),
            started_at: Time(record.started_at),
            entered_at: Time(record.entered_at),
            ended_at: record.ended_at.map(Time),
            deadline: record.deadline.map(Time),
            release_at: record.release_at.map(Time),
            fields: record
                .fields
                .into_iter()
                .map(from_field_record)
                .collect::<Result<_, RecordError>>()?,
            alerts: record
                .alerts
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
            timers: record.timers.iter().map(from_timer_record).collect(),
            ending: record.ending.into(),
            claim: record.claim.map(from_claim_record),
            pause: record.pause.map(from_pause_record),
            chases: record.chases,
            attempts: record.attempts.map(from_attempts_record),
            skipped: record
                .skipped
                .into_iter()
                .map(|action| action as u16)
                .collect(),
            filling: record.filling.map(from_filling_record).transpose()?,
        })
    }
}

fn from_field_record(record: FieldRecord) -> Result<(u16, Value), RecordError> {
    let value = record.value.ok_or(RecordError::Incomplete("field value"))?;
    Ok((record.place as u16, value.try_into()?))
}

impl From<&Timer> for TimerRecord {
    fn from(timer: &Timer) -> Self {
        Self {
            action: u32::from(timer.action),
            due: timer.due.0,
            waits_for_claim: timer.waits_for_claim,
            waited: timer.waited.map(|waited| waited.0),
        }
    }
}

fn from_timer_record(record: &TimerRecord) -> Timer {
    Timer {
        action: record.action as u16,
        due: Time(record.due),
        waits_for_claim: record.waits_for_claim,
        waited: record.waited.map(Time),
    }
}

fn filling_record(filling: &Filling) -> FillingRecord {
    FillingRecord {
        form: filling.form.as_ref().map(|form| FormRecord {
            values: form.iter().map(Into::into).collect(),
        }),
        refresh_at: filling.refresh_at.map(|at| at.0),
    }
}

fn from_filling_record(record: FillingRecord) -> Result<Box<Filling>, RecordError> {
    let form = record.form.map(|form| {
        form.values
            .into_iter()
            .map(TryInto::try_into)
            .collect::<Result<_, RecordError>>()
    });
    Ok(Box::new(Filling {
        form: form.transpose()?,
        refresh_at: record.refresh_at.map(Time),
    }))
}

impl From<&Count> for CountRecord {
    fn from(count: &Count) -> Self {
        Self {
            stage: count.stage,
            action: u32::from(count.action),
            times: count.times,
        }
    }
}

fn from_counts(records: Vec<CountRecord>) -> Box<[Count]> {
    let count = |record: CountRecord| Count {
        stage: record.stage,
        action: record.action as u16,
        times: record.times,
    };
    records.into_iter().map(count).collect()
}

fn claim_record(claim: &Claim) -> ClaimRecord {
    ClaimRecord {
        by: claim.by.to_string(),
        subject: subject(&claim.subject),
        since: claim.since.0,
        until: claim.until.0,
    }
}

fn from_claim_record(record: ClaimRecord) -> Box<Claim> {
    Box::new(Claim {
        by: record.by.into(),
        subject: from_subject(&record.subject),
        since: Time(record.since),
        until: Time(record.until),
    })
}

fn pause_record(pause: &Pause) -> PauseRecord {
    PauseRecord {
        by: pause.by.to_string(),
        since: pause.since.0,
        until: pause.until.map(|until| until.0),
        reason: pause.reason.to_string(),
    }
}

fn from_pause_record(record: PauseRecord) -> Box<Pause> {
    let PauseRecord {
        by,
        since,
        until,
        reason,
    } = record;
    Box::new(Pause {
        by: by.into(),
        since: Time(since),
        until: until.map(Time),
        reason: reason.into(),
    })
}

fn attempts_record(attempts: &Attempts) -> AttemptsRecord {
    let Attempts {
        times,
        outcome,
        by,
        at,
    } = attempts;
    AttemptsRecord {
        times: *times,
        outcome: outcome.to_string(),
        by: by.to_string(),
        at: at.0,
    }
}

fn from_attempts_record(record: AttemptsRecord) -> Box<Attempts> {
    let AttemptsRecord {
        times,
        outcome,
        by,
        at,
    } = record;
    Box::new(Attempts {
        times,
        outcome: outcome.into(),
        by: by.into(),
        at: Time(at),
    })
}
