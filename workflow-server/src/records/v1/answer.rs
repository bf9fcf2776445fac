//! The first answer to a command. It is stored with the entry of the command.

use aftercall_definition::time::Time;
use aftercall_engine::batch::BatchProgress;
use aftercall_engine::entry::{Answer, Warning};

use super::codes::Coded;
use super::instance::IdRecord;
use crate::records::RecordError;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PublishedRecord {
    #[prost(uint32, tag = "1")]
    pub(super) version: u32,
    #[prost(bool, tag = "2")]
    pub(super) created: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetRecord {
    #[prost(message, optional, tag = "1")]
    instance: Option<IdRecord>,
    #[prost(bool, tag = "2")]
    started: bool,
    #[prost(string, repeated, tag = "3")]
    updated_fields: Vec<String>,
    #[prost(int32, repeated, tag = "4")]
    warnings: Vec<i32>,
    #[prost(sint64, optional, tag = "5")]
    promise_by: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReleasedRecord {
    #[prost(message, repeated, tag = "1")]
    instances: Vec<IdRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MovedRecord {
    #[prost(message, optional, tag = "1")]
    instance: Option<IdRecord>,
    #[prost(uint32, repeated, tag = "2")]
    entered: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HandOverRecord {
    #[prost(message, repeated, tag = "1")]
    instances: Vec<IdRecord>,
    #[prost(uint32, tag = "2")]
    remaining: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ClockAcceptedRecord {
    #[prost(sint64, tag = "1")]
    from: i64,
    #[prost(sint64, tag = "2")]
    to: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BatchProgressRecord {
    #[prost(int32, tag = "1")]
    state: i32,
    #[prost(uint32, tag = "2")]
    next: u32,
    #[prost(uint32, tag = "3")]
    refused: u32,
    #[prost(sint64, optional, tag = "4")]
    ended_at: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum AnswerRecord {
    #[prost(message, tag = "8")]
    Published(PublishedRecord),
    #[prost(message, tag = "9")]
    Set(SetRecord),
    #[prost(message, tag = "10")]
    Released(ReleasedRecord),
    #[prost(message, tag = "11")]
    Moved(MovedRecord),
    #[prost(uint64, tag = "20")]
    Revision(u64),
    #[prost(message, tag = "21")]
    HandOver(HandOverRecord),
    #[prost(message, tag = "22")]
    ClockAccepted(ClockAcceptedRecord),
    #[prost(message, tag = "23")]
    BatchStopped(BatchProgressRecord),
    #[prost(uint64, tag = "24")]
    PurgeConfirmed(u64),
}

/// The stored form of an answer. `None` if the answer is empty.
pub(super) fn answer_record(answer: &Answer) -> Option<AnswerRecord> {
    Some(match answer {
        Answer::Done => return None,
        Answer::Published { version, created } => AnswerRecord::Published(PublishedRecord {
            version: *version,
            created: *created,
        }),
        Answer::Set {
            instance,
            started,
            updated_fields,
            warnings,
            promise_by,
        } => AnswerRecord::Set(SetRecord {
            instance: Some((*instance).into()),
            started: *started,
            updated_fields: updated_fields.clone(),
            warnings: warnings.iter().map(|warning| warning.code()).collect(),
            promise_by: promise_by.map(|at| at.0),
        }),
        Answer::Released(instances) => AnswerRecord::Released(ReleasedRecord {
            instances: instances.iter().map(|id| (*id).into()).collect(),
        }),
        Answer::Moved { instance, entered } => AnswerRecord::Moved(MovedRecord {
            instance: Some((*instance).into()),
            entered: entered.clone(),
        }),
        Answer::Revision(revision) => AnswerRecord::Revision(*revision),
        Answer::HandOver {
            instances,
            remaining,
        } => AnswerRecord::HandOver(HandOverRecord {
            instances: instances.iter().map(|id| (*id).into()).collect(),
            remaining: *remaining,
        }),
        Answer::ClockAccepted { from, to } => AnswerRecord::ClockAccepted(ClockAcceptedRecord {
            from: from.0,
            to: to.0,
        }),
        Answer::BatchStopped(progress) => AnswerRecord::BatchStopped(BatchProgressRecord {
            state: progress.state.code(),
            next: progress.next,
            refused: progress.refused,
            ended_at: progress.ended_at.map(|at| at.0),
        }),
        Answer::PurgeConfirmed(instances) => AnswerRecord::PurgeConfirmed(*instances),
    })
}

/// Reads an answer.
pub(super) fn answer(record: AnswerRecord) -> Result<Answer, RecordError> {
    let no_id = || RecordError::Incomplete("instance id of an answer");
    Ok(match record {
        AnswerRecord::Published(record) => Answer::Published {
            version: record.version,
            created: record.created,
        },
        AnswerRecord::Set(record) => Answer::Set {
            instance: record.instance.ok_or_else(no_id)?.into(),
            started: record.started,
            updated_fields: record.updated_fields,
            warnings: record
                .warnings
                .into_iter()
                .map(Warning::from_code)
                .collect::<Result<_, _>>()?,
            promise_by: record.promise_by.map(Time),
        },
        AnswerRecord::Released(record) => {
            Answer::Released(record.instances.into_iter().map(Into::into).collect())
        }
        AnswerRecord::Moved(record) => Answer::Moved {
            instance: record.instance.ok_or_else(no_id)?.into(),
            entered: record.entered,
        },
        AnswerRecord::Revision(revision) => Answer::Revision(revision),
        AnswerRecord::HandOver(record) => Answer::HandOver {
            instances: record.instances.into_iter().map(Into::into).collect(),
            remaining: record.remaining,
        },
        AnswerRecord::ClockAccepted(record) => Answer::ClockAccepted {
            from: Time(record.from),
            to: Time(record.to),
        },
        AnswerRecord::BatchStopped(record) => Answer::BatchStopped(BatchProgress {
            state: Coded::from_code(record.state)?,
            next: record.next,
            refused: record.refused,
            ended_at: record.ended_at.map(Time),
        }),
        AnswerRecord::PurgeConfirmed(instances) => Answer::PurgeConfirmed(instances),
    })
}
