//! Definitions, and teams and workflows with their versions.

use std::sync::Arc;

use aftercall_definition::model::{Definition, Event, Stage};
use aftercall_definition::numbering::Numbering;
use aftercall_definition::source::Source;
use aftercall_definition::time::Time;
use aftercall_engine::actor::Actor;
use aftercall_engine::team::Team;
use aftercall_engine::world::definitions::{Version, Workflow};

use super::actions::ActionRecord;
use super::codes::Coded;
use super::fields::{FieldDeclarationRecord, declarations, from_declarations};
use super::span::SpanRecord;
use crate::records::RecordError;

/// A team.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TeamRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    title: String,
    #[prost(uint64, tag = "3")]
    revision: u64,
    #[prost(bool, tag = "4")]
    removed: bool,
    #[prost(bool, tag = "5")]
    claim_next_only: bool,
}

impl From<&Team> for TeamRecord {
    fn from(team: &Team) -> Self {
        let Team {
            name,
            title,
            claim_next_only,
            revision,
            removed,
        } = team;
        Self {
            name: name.clone(),
            title: title.clone(),
            revision: *revision,
            removed: *removed,
            claim_next_only: *claim_next_only,
        }
    }
}

impl From<TeamRecord> for Team {
    fn from(record: TeamRecord) -> Self {
        Self {
            name: record.name,
            title: record.title,
            revision: record.revision,
            removed: record.removed,
            claim_next_only: record.claim_next_only,
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct StageRecord {
    #[prost(uint32, tag = "1")]
    number: u32,
    #[prost(string, tag = "2")]
    event: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(string, tag = "4")]
    label: String,
    #[prost(message, repeated, tag = "5")]
    actions: Vec<ActionRecord>,
    #[prost(string, optional, tag = "6")]
    title: Option<String>,
}

/// A definition.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DefinitionRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    title: String,
    #[prost(message, optional, tag = "3")]
    deadline: Option<SpanRecord>,
    #[prost(message, repeated, tag = "4")]
    fields: Vec<FieldDeclarationRecord>,
    #[prost(bool, tag = "5")]
    allow_unlinked_ends: bool,
    #[prost(message, repeated, tag = "6")]
    stages: Vec<StageRecord>,
    #[prost(message, optional, tag = "7")]
    retention: Option<SpanRecord>,
    #[prost(string, optional, tag = "8")]
    calendar: Option<String>,
    /// The imported file, if it has comments.
    #[prost(string, optional, tag = "9")]
    source: Option<String>,
}

impl From<&Definition> for DefinitionRecord {
    fn from(definition: &Definition) -> Self {
        Self {
            name: definition.name.clone(),
            title: definition.title.clone(),
            deadline: definition.deadline.map(Into::into),
            retention: definition.retention.map(Into::into),
            calendar: definition.calendar.clone(),
            source: definition.source.text().map(str::to_owned),
            fields: declarations(&definition.fields),
            allow_unlinked_ends: definition.allow_unlinked_ends,
            stages: definition
                .stages
                .iter()
                .map(|stage| StageRecord {
                    number: stage.number,
                    event: stage.event.id.clone(),
                    kind: stage.event.kind.code(),
                    label: stage.event.label.clone(),
                    actions: stage.actions.iter().map(Into::into).collect(),
                    title: stage.event.stage_title.clone(),
                })
                .collect(),
        }
    }
}

impl TryFrom<DefinitionRecord> for Definition {
    type Error = RecordError;

    fn try_from(record: DefinitionRecord) -> Result<Self, RecordError> {
        let stage = |stage: StageRecord| {
            Ok(Stage {
                number: stage.number,
                event: Event {
                    id: stage.event,
                    kind: Coded::from_code(stage.kind)?,
                    label: stage.label,
                    stage_title: stage.title,
                },
                actions: stage
                    .actions
                    .into_iter()
                    .map(TryInto::try_into)
                    .collect::<Result<_, RecordError>>()?,
            })
        };
        Ok(Self {
            name: record.name,
            title: record.title,
            deadline: record.deadline.map(TryInto::try_into).transpose()?,
            retention: record.retention.map(TryInto::try_into).transpose()?,
            calendar: record.calendar,
            fields: from_declarations(record.fields)?,
            allow_unlinked_ends: record.allow_unlinked_ends,
            stages: record
                .stages
                .into_iter()
                .map(stage)
                .collect::<Result<_, RecordError>>()?,
            source: record
                .source
                .map(|text| Source::new(&text))
                .unwrap_or_default(),
        })
    }
}

/// A published version.
#[derive(Clone, PartialEq, prost::Message)]
pub struct VersionRecord {
    #[prost(message, optional, tag = "1")]
    definition: Option<DefinitionRecord>,
    #[prost(sint64, tag = "2")]
    published_at: i64,
    #[prost(int32, tag = "3")]
    actor_kind: i32,
    /// Personal.
    #[prost(string, tag = "4")]
    actor_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct NumberRecord {
    #[prost(string, tag = "1")]
    event: String,
    #[prost(uint32, tag = "2")]
    number: u32,
}

/// A workflow with its draft, its versions, and all stage numbers that were ever used.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WorkflowRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    draft: Option<DefinitionRecord>,
    #[prost(message, repeated, tag = "3")]
    versions: Vec<VersionRecord>,
    #[prost(message, repeated, tag = "4")]
    numbers: Vec<NumberRecord>,
    #[prost(uint64, tag = "5")]
    revision: u64,
    #[prost(bool, tag = "6")]
    archived: bool,
    /// 0 for the newest version.
    #[prost(uint32, tag = "7")]
    retention_from: u32,
}

impl From<&Version> for VersionRecord {
    fn from(version: &Version) -> Self {
        Self {
            definition: Some((&*version.definition).into()),
            published_at: version.published_at.0,
            actor_kind: version.published_by.kind.code(),
            actor_name: version.published_by.name.to_string(),
        }
    }
}

impl TryFrom<VersionRecord> for Version {
    type Error = RecordError;

    fn try_from(record: VersionRecord) -> Result<Self, RecordError> {
        let definition = record
            .definition
            .ok_or(RecordError::Incomplete("content of a version"))?;
        Ok(Self {
            definition: Arc::new(definition.try_into()?),
            published_at: Time(record.published_at),
            published_by: Actor {
                kind: Coded::from_code(record.actor_kind)?,
                name: record.actor_name.into(),
                subject: None,
            },
        })
    }
}

impl WorkflowRecord {
    /// The record of a workflow with these first versions.
    pub(crate) fn with_versions(workflow: &Workflow, versions: Vec<VersionRecord>) -> Self {
        let number = |(event, number): (&str, u32)| NumberRecord {
            event: event.to_owned(),
            number,
        };
        Self {
            name: workflow.name.clone(),
            draft: workflow.draft.as_ref().map(|draft| (&**draft).into()),
            versions,
            numbers: workflow.numbering.pairs().map(number).collect(),
            revision: workflow.revision,
            archived: workflow.archived,
            retention_from: workflow.retention_from,
        }
    }
}

impl TryFrom<WorkflowRecord> for Workflow {
    type Error = RecordError;

    fn try_from(record: WorkflowRecord) -> Result<Self, RecordError> {
        Ok(Self {
            name: record.name,
            // An older server applied the newest retention immediately.
            retention_from: record.retention_from,
            draft: record
                .draft
                .map(|draft| Definition::try_from(draft).map(Arc::new))
                .transpose()?,
            versions: record
                .versions
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, RecordError>>()?,
            numbering: Numbering::from_pairs(
                record
                    .numbers
                    .into_iter()
                    .map(|pair| (pair.event, pair.number)),
            ),
            revision: record.revision,
            archived: record.archived,
        })
    }
}
