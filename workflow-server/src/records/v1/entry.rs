//! Entries: the stored form of all changes in the journal.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::Entry;
use aftercall_engine::actor::Actor;
use aftercall_engine::command::RequestMark;
use aftercall_engine::entry::{Answer, CallChange, DefinitionChange, Details};

use super::answer::{AnswerRecord, PublishedRecord, answer, answer_record};
use super::archive::ArchiveChangeRecord;
use super::batch::BatchChangeRecord;
use super::calendar::CalendarRecord;
use super::call::{CallRecord, write_call};
use super::codes::Coded;
use super::definition::{DefinitionRecord, TeamRecord};
use super::desk_change::DeskChangeRecord;
use super::erasure::ErasureChangeRecord;
use super::history::HistoryChangeRecord;
use super::instance_change::{InstanceChangeRecord, write_change};
use super::subject::from_subject;
use super::value::ValueRecord;
use super::writing::{Fields, delimited};
use crate::records::RecordError;

/// Identifies a request that may be repeated.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct MarkRecord {
    #[prost(fixed64, tag = "1")]
    pub(crate) key_high: u64,
    #[prost(fixed64, tag = "2")]
    pub(crate) key_low: u64,
    #[prost(fixed64, tag = "3")]
    pub(crate) fingerprint: u64,
    /// Only in snapshots: the sequence of the entry.
    #[prost(uint64, tag = "4")]
    pub(crate) sequence: u64,
    /// Only in snapshots: when it was decided.
    #[prost(sint64, tag = "5")]
    pub(crate) at: i64,
}

impl MarkRecord {
    pub(crate) fn key(&self) -> u128 {
        (u128::from(self.key_high) << 64) | u128::from(self.key_low)
    }

    pub(crate) fn new(key: u128, fingerprint: u64) -> Self {
        Self {
            key_high: (key >> 64) as u64,
            key_low: key as u64,
            fingerprint,
            sequence: 0,
            at: 0,
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct NamedValueRecord {
    #[prost(string, tag = "1")]
    name: String,
    /// Personal.
    #[prost(message, optional, tag = "2")]
    value: Option<ValueRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DefinitionChangeRecord {
    #[prost(uint32, tag = "1")]
    place: u32,
    #[prost(message, optional, tag = "2")]
    team: Option<TeamRecord>,
    #[prost(message, optional, tag = "3")]
    draft: Option<DefinitionRecord>,
    #[prost(message, optional, tag = "4")]
    version: Option<PublishedRecord>,
    #[prost(message, optional, tag = "5")]
    calendar: Option<CalendarRecord>,
    #[prost(bool, optional, tag = "6")]
    archived: Option<bool>,
    /// 0 for the newest version.
    #[prost(uint32, tag = "7")]
    retention_from: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CallChangeRecord {
    #[prost(message, optional, tag = "1")]
    after: Option<CallRecord>,
    #[prost(uint64, tag = "2")]
    previous: u64,
    #[prost(bool, tag = "3")]
    is_news: bool,
}

/// One entry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntryRecord {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(sint64, tag = "2")]
    at: i64,
    #[prost(int32, tag = "3")]
    actor_kind: i32,
    /// Personal.
    #[prost(string, tag = "4")]
    actor_name: String,
    #[prost(message, optional, tag = "5")]
    mark: Option<MarkRecord>,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(uint32, tag = "7")]
    event_stage: u32,
    #[prost(oneof = "AnswerRecord", tags = "8, 9, 10, 11, 20, 21, 22, 23, 24")]
    answer: Option<AnswerRecord>,
    #[prost(message, optional, tag = "12")]
    definition: Option<DefinitionChangeRecord>,
    #[prost(message, optional, tag = "13")]
    call: Option<CallChangeRecord>,
    #[prost(message, repeated, tag = "14")]
    instances: Vec<InstanceChangeRecord>,
    /// Personal.
    #[prost(string, tag = "15")]
    note: String,
    /// Personal.
    #[prost(message, repeated, tag = "16")]
    values: Vec<NamedValueRecord>,
    #[prost(message, optional, tag = "17")]
    batch: Option<BatchChangeRecord>,
    #[prost(message, optional, tag = "18")]
    archive: Option<ArchiveChangeRecord>,
    #[prost(message, optional, tag = "19")]
    erasure: Option<ErasureChangeRecord>,
    #[prost(message, optional, tag = "25")]
    history: Option<HistoryChangeRecord>,
    /// Personal. Empty if only the name of the actor is known.
    #[prost(string, tag = "26")]
    actor_subject: String,
    #[prost(message, optional, tag = "27")]
    desk: Option<DeskChangeRecord>,
}

/// Writes an entry after its length: the fields of an [`EntryRecord`].
pub(in crate::records) fn write_entry(bytes: &mut Vec<u8>, entry: &Entry) {
    delimited(bytes, |fields| write_fields(fields, entry));
}

fn write_fields(fields: &mut Fields<'_>, entry: &Entry) {
    let mark = entry.mark;
    fields.number(1, entry.sequence);
    fields.time(2, entry.at);
    fields.code(3, entry.actor.kind.code());
    fields.text(4, &entry.actor.name);
    fields.optional_record(
        5,
        mark.map(|mark| MarkRecord::new(mark.key, mark.fingerprint)),
    );
    fields.code(6, entry.kind.code());
    fields.number(7, entry.details.event_stage);
    if let Some(answer) = answer_record(&entry.answer) {
        answer.encode(fields.bytes);
    }
    fields.optional_record(12, entry.definition.as_ref().map(definition_record));
    if let Some(change) = &entry.call {
        fields.message(13, |fields| {
            fields.message(1, |fields| write_call(fields, change.slot, &change.after));
            fields.number(2, change.previous);
            fields.number(3, change.is_news);
        });
    }
    for change in &entry.instances {
        fields.message(14, |fields| write_change(fields, change));
    }
    fields.text(15, &entry.details.note);
    for (name, value) in &entry.details.values {
        let record = NamedValueRecord {
            name: name.to_string(),
            value: Some(value.into()),
        };
        fields.record(16, &record);
    }
    fields.optional_record(17, entry.batch.as_ref().map(BatchChangeRecord::from));
    fields.optional_record(18, entry.archive.as_ref().map(ArchiveChangeRecord::from));
    fields.optional_record(19, entry.erasure.as_ref().map(ErasureChangeRecord::from));
    fields.optional_record(25, entry.history.as_ref().map(HistoryChangeRecord::from));
    fields.text(26, entry.actor.subject.as_deref().unwrap_or_default());
    fields.optional_record(27, entry.desk.as_ref().map(DeskChangeRecord::from));
}

impl TryFrom<EntryRecord> for Entry {
    type Error = RecordError;

    fn try_from(record: EntryRecord) -> Result<Self, RecordError> {
        Ok(Self {
            sequence: record.sequence,
            at: Time(record.at),
            actor: Actor {
                kind: Coded::from_code(record.actor_kind)?,
                name: record.actor_name.into(),
                subject: from_subject(&record.actor_subject),
            },
            mark: record.mark.map(|mark| RequestMark {
                key: mark.key(),
                fingerprint: mark.fingerprint,
            }),
            kind: Coded::from_code(record.kind)?,
            details: Details {
                event_stage: record.event_stage,
                note: record.note.into(),
                values: record
                    .values
                    .into_iter()
                    .map(named_value)
                    .collect::<Result<_, _>>()?,
            },
            answer: record.answer.map_or(Ok(Answer::Done), answer)?,
            definition: record.definition.map(definition).transpose()?,
            batch: record.batch.map(TryInto::try_into).transpose()?,
            archive: record.archive.map(TryInto::try_into).transpose()?,
            erasure: record.erasure.map(TryInto::try_into).transpose()?,
            history: record.history.map(Into::into),
            desk: record.desk.map(TryInto::try_into).transpose()?,
            call: record.call.map(call).transpose()?,
            instances: record
                .instances
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
        })
    }
}

fn named_value(record: NamedValueRecord) -> Result<(Box<str>, Value), RecordError> {
    let value = record.value.ok_or(RecordError::Incomplete("value"))?;
    Ok((record.name.into(), value.try_into()?))
}

fn definition_record(change: &DefinitionChange) -> DefinitionChangeRecord {
    let mut record = DefinitionChangeRecord::default();
    match change {
        DefinitionChange::Team(place, team) => {
            record.place = *place;
            record.team = Some(team.into());
        }
        DefinitionChange::Archived { workflow, archived } => {
            record.place = *workflow;
            record.archived = Some(*archived);
        }
        DefinitionChange::Calendar(calendar) => record.calendar = Some((&**calendar).into()),
        DefinitionChange::Draft(place, definition) => {
            record.place = *place;
            record.draft = Some((&**definition).into());
        }
        DefinitionChange::Retention { workflow, from } => {
            record.place = *workflow;
            record.retention_from = *from;
        }
        DefinitionChange::Version {
            workflow,
            version,
            created,
            retention_from,
        } => {
            record.place = *workflow;
            record.retention_from = *retention_from;
            record.version = Some(PublishedRecord {
                version: *version,
                created: *created,
            });
        }
    }
    record
}

fn definition(record: DefinitionChangeRecord) -> Result<DefinitionChange, RecordError> {
    if let Some(archived) = record.archived {
        return Ok(DefinitionChange::Archived {
            workflow: record.place,
            archived,
        });
    }
    if let Some(calendar) = record.calendar {
        return Ok(DefinitionChange::Calendar(Arc::new(calendar.try_into()?)));
    }
    match (record.team, record.draft, record.version) {
        (Some(team), None, None) => Ok(DefinitionChange::Team(record.place, team.into())),
        (None, Some(draft), None) => Ok(DefinitionChange::Draft(
            record.place,
            Arc::new(draft.try_into()?),
        )),
        (None, None, Some(PublishedRecord { version, created })) => {
            // An older server applied the newest retention immediately.
            let retention_from = record.retention_from;
            Ok(DefinitionChange::Version {
                workflow: record.place,
                version,
                created,
                retention_from,
            })
        }
        (None, None, None) if record.retention_from > 0 => Ok(DefinitionChange::Retention {
            workflow: record.place,
            from: record.retention_from,
        }),
        _ => Err(RecordError::Incomplete("change of a definition")),
    }
}

fn call(record: CallChangeRecord) -> Result<CallChange, RecordError> {
    let after = record.after.ok_or(RecordError::Incomplete("call"))?;
    let slot = after.slot;
    Ok(CallChange {
        slot,
        after: Arc::new(after.into()),
        previous: record.previous,
        is_news: record.is_news,
    })
}
