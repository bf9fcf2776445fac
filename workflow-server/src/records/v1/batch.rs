//! Batches, and changes of them.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::Actor;
use aftercall_engine::batch::{Batch, BatchChange, BatchPush, BatchWork, RefusedItem};
use aftercall_engine::recipient::Recipient;

use super::codes::Coded;
use super::instance::IdRecord;
use super::subject::{from_subject, subject};
use super::value::FormValueRecord;
use crate::records::RecordError;

#[derive(Clone, PartialEq, prost::Message)]
struct PauseWorkRecord {
    #[prost(sint64, optional, tag = "1")]
    until: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct NothingRecord {}

#[derive(Clone, PartialEq, prost::Message)]
struct PersonRecord {
    /// Personal.
    #[prost(string, tag = "1")]
    name: String,
    #[prost(sint64, tag = "2")]
    lease_millis: i64,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum WorkRecord {
    /// The stage's number.
    #[prost(uint32, tag = "3")]
    Move(u32),
    #[prost(message, tag = "4")]
    Pause(PauseWorkRecord),
    #[prost(message, tag = "5")]
    Resume(NothingRecord),
    #[prost(message, tag = "6")]
    Cancel(NothingRecord),
    #[prost(message, tag = "7")]
    ToPerson(PersonRecord),
    /// The team's place.
    #[prost(uint32, tag = "8")]
    ToTeam(u32),
    #[prost(message, tag = "19")]
    Migrate(MigrateRecord),
    #[prost(message, tag = "21")]
    Release(NothingRecord),
    #[prost(message, tag = "22")]
    Push(PushRecord),
    /// When the alerts return.
    #[prost(sint64, tag = "23")]
    Snooze(i64),
    /// The lease in milliseconds.
    #[prost(sint64, tag = "24")]
    Claim(i64),
}

#[derive(Clone, PartialEq, prost::Message)]
struct PushRecord {
    #[prost(string, tag = "1")]
    button: String,
    #[prost(uint32, tag = "2")]
    stage: u32,
    /// Of each item.
    #[prost(uint32, repeated, tag = "3")]
    visits: Vec<u32>,
    /// Personal. Only until the batch ends.
    #[prost(message, repeated, tag = "4")]
    form: Vec<FormValueRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MigrateRecord {
    #[prost(uint32, tag = "1")]
    version: u32,
    /// Pairs of numbers of stages: from, to, from, to …
    #[prost(uint32, repeated, tag = "2")]
    stages: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RefusedItemRecord {
    #[prost(uint32, tag = "1")]
    item: u32,
    #[prost(string, tag = "2")]
    reason: String,
}

/// A batch.
#[derive(Clone, PartialEq, prost::Message)]
pub struct BatchRecord {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int32, tag = "2")]
    state: i32,
    #[prost(oneof = "WorkRecord", tags = "3, 4, 5, 6, 7, 8, 19, 21, 22, 23, 24")]
    work: Option<WorkRecord>,
    #[prost(int32, tag = "9")]
    actor_kind: i32,
    /// Personal.
    #[prost(string, tag = "10")]
    actor_name: String,
    /// Personal.
    #[prost(string, tag = "11")]
    reason: String,
    #[prost(sint64, tag = "12")]
    started_at: i64,
    #[prost(sint64, optional, tag = "13")]
    ended_at: Option<i64>,
    #[prost(uint32, tag = "14")]
    per_second: u32,
    #[prost(uint64, tag = "15")]
    matched: u64,
    #[prost(message, repeated, tag = "16")]
    items: Vec<IdRecord>,
    #[prost(uint32, tag = "17")]
    next: u32,
    #[prost(message, repeated, tag = "18")]
    refused: Vec<RefusedItemRecord>,
    /// Personal. Empty if only the name of the actor is known.
    #[prost(string, tag = "20")]
    actor_subject: String,
    #[prost(bool, tag = "25")]
    takes_next: bool,
}

impl From<&Batch> for BatchRecord {
    fn from(batch: &Batch) -> Self {
        let refused = |refused: &RefusedItem| RefusedItemRecord {
            item: refused.item,
            reason: refused.reason.to_string(),
        };
        Self {
            id: batch.id,
            state: batch.state.code(),
            work: Some(work_record(&batch.work)),
            actor_kind: batch.actor.kind.code(),
            actor_name: batch.actor.name.to_string(),
            actor_subject: subject(&batch.actor.subject),
            takes_next: batch.takes_next,
            reason: batch.reason.to_string(),
            started_at: batch.started_at.0,
            ended_at: batch.ended_at.map(|at| at.0),
            per_second: batch.per_second,
            matched: batch.matched,
            items: batch.items.iter().map(|id| (*id).into()).collect(),
            next: batch.next,
            refused: batch.refused.iter().map(refused).collect(),
        }
    }
}

impl TryFrom<BatchRecord> for Batch {
    type Error = RecordError;

    fn try_from(record: BatchRecord) -> Result<Self, RecordError> {
        let refused = |refused: RefusedItemRecord| RefusedItem {
            item: refused.item,
            reason: refused.reason.into(),
        };
        Ok(Self {
            id: record.id,
            work: work(
                record
                    .work
                    .ok_or(RecordError::Incomplete("work of a batch"))?,
            )?,
            actor: Actor {
                kind: Coded::from_code(record.actor_kind)?,
                name: record.actor_name.into(),
                subject: from_subject(&record.actor_subject),
            },
            takes_next: record.takes_next,
            reason: record.reason.into(),
            started_at: Time(record.started_at),
            ended_at: record.ended_at.map(Time),
            per_second: record.per_second,
            matched: record.matched,
            items: record.items.into_iter().map(Into::into).collect(),
            next: record.next,
            refused: record.refused.into_iter().map(refused).collect(),
            state: Coded::from_code(record.state)?,
        })
    }
}

fn work_record(work: &BatchWork) -> WorkRecord {
    match work {
        BatchWork::Move { stage } => WorkRecord::Move(*stage),
        BatchWork::Pause { until } => WorkRecord::Pause(PauseWorkRecord {
            until: until.map(|until| until.0),
        }),
        BatchWork::Migrate { version, stages } => WorkRecord::Migrate(MigrateRecord {
            version: *version,
            stages: stages.iter().flat_map(|(from, to)| [*from, *to]).collect(),
        }),
        BatchWork::Resume => WorkRecord::Resume(NothingRecord {}),
        BatchWork::Cancel => WorkRecord::Cancel(NothingRecord {}),
        BatchWork::HandOver(Recipient::Person { name, lease_millis }) => {
            WorkRecord::ToPerson(PersonRecord {
                name: name.to_string(),
                lease_millis: *lease_millis,
            })
        }
        BatchWork::HandOver(Recipient::Team { team }) => WorkRecord::ToTeam(*team),
        BatchWork::HandOver(Recipient::Release) => WorkRecord::Release(NothingRecord {}),
        BatchWork::Push(push) => WorkRecord::Push(PushRecord {
            button: push.button.to_string(),
            stage: push.stage,
            visits: push.visits.to_vec(),
            form: push.form.iter().map(Into::into).collect(),
        }),
        BatchWork::Snooze { until } => WorkRecord::Snooze(until.0),
        BatchWork::Claim { lease_millis } => WorkRecord::Claim(*lease_millis),
    }
}

fn work(record: WorkRecord) -> Result<BatchWork, RecordError> {
    Ok(match record {
        WorkRecord::Move(stage) => BatchWork::Move { stage },
        WorkRecord::Pause(pause) => BatchWork::Pause {
            until: pause.until.map(Time),
        },
        WorkRecord::Migrate(record) => BatchWork::Migrate {
            version: record.version,
            stages: record
                .stages
                .chunks_exact(2)
                .map(|pair| (pair[0], pair[1]))
                .collect(),
        },
        WorkRecord::Resume(NothingRecord {}) => BatchWork::Resume,
        WorkRecord::Cancel(NothingRecord {}) => BatchWork::Cancel,
        WorkRecord::ToPerson(person) => BatchWork::HandOver(Recipient::Person {
            name: person.name.into(),
            lease_millis: person.lease_millis,
        }),
        WorkRecord::ToTeam(team) => BatchWork::HandOver(Recipient::Team { team }),
        WorkRecord::Release(NothingRecord {}) => BatchWork::HandOver(Recipient::Release),
        WorkRecord::Push(push) => BatchWork::Push(BatchPush {
            button: push.button.into(),
            stage: push.stage,
            visits: push.visits.into(),
            form: push
                .form
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, RecordError>>()?,
        }),
        WorkRecord::Snooze(until) => BatchWork::Snooze { until: Time(until) },
        WorkRecord::Claim(lease_millis) => BatchWork::Claim { lease_millis },
    })
}

/// A change of a batch: it was started, an item was done, or it was stopped.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BatchChangeRecord {
    #[prost(message, optional, tag = "1")]
    started: Option<BatchRecord>,
    #[prost(uint64, tag = "2")]
    batch: u64,
    #[prost(uint32, optional, tag = "3")]
    item: Option<u32>,
    #[prost(string, optional, tag = "4")]
    refused: Option<String>,
}

impl From<&BatchChange> for BatchChangeRecord {
    fn from(change: &BatchChange) -> Self {
        match change {
            BatchChange::Started(batch) => Self {
                started: Some((&**batch).into()),
                ..Self::default()
            },
            BatchChange::Stepped {
                batch,
                item,
                refused,
            } => Self {
                batch: *batch,
                item: Some(*item),
                refused: refused.as_ref().map(ToString::to_string),
                ..Self::default()
            },
            BatchChange::Stopped { batch } => Self {
                batch: *batch,
                ..Self::default()
            },
        }
    }
}

impl TryFrom<BatchChangeRecord> for BatchChange {
    type Error = RecordError;

    fn try_from(record: BatchChangeRecord) -> Result<Self, RecordError> {
        Ok(match (record.started, record.item) {
            (Some(batch), _) => Self::Started(Arc::new(batch.try_into()?)),
            (None, Some(item)) => Self::Stepped {
                batch: record.batch,
                item,
                refused: record.refused.map(Into::into),
            },
            (None, None) => Self::Stopped {
                batch: record.batch,
            },
        })
    }
}
