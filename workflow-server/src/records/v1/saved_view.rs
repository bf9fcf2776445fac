//! Saved views.

use aftercall_definition::time::Time;
use aftercall_engine::actor::Actor;
use aftercall_engine::saved_view::{SavedView, ViewFilter, ViewOwner};

use super::codes::Coded;
use super::subject::{from_subject, subject};
use crate::records::RecordError;

#[derive(Clone, PartialEq, prost::Message)]
struct StageRecord {
    #[prost(string, tag = "1")]
    workflow: String,
    #[prost(uint32, tag = "2")]
    stage: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ViewFilterRecord {
    #[prost(string, repeated, tag = "1")]
    teams: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    customers: Vec<String>,
    #[prost(string, repeated, tag = "3")]
    workflows: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    stages: Vec<StageRecord>,
    #[prost(int32, repeated, tag = "5")]
    priorities: Vec<i32>,
    /// Personal.
    #[prost(string, repeated, tag = "6")]
    holders: Vec<String>,
    #[prost(bool, tag = "7")]
    unclaimed: bool,
    #[prost(bool, tag = "8")]
    overdue: bool,
    /// Personal.
    #[prost(string, tag = "9")]
    text: String,
}

/// A saved view.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SavedViewRecord {
    #[prost(uint64, tag = "1")]
    id: u64,
    /// The place of the team that owns it; absent if a person does.
    #[prost(uint32, optional, tag = "2")]
    team: Option<u32>,
    /// Personal. Empty if a team owns it.
    #[prost(string, tag = "3")]
    person: String,
    /// Personal. Empty if only the name of the person is known.
    #[prost(string, tag = "4")]
    subject: String,
    /// Personal.
    #[prost(string, tag = "5")]
    name: String,
    #[prost(message, optional, tag = "6")]
    filter: Option<ViewFilterRecord>,
    #[prost(uint64, tag = "7")]
    revision: u64,
    #[prost(int32, tag = "8")]
    saved_by_kind: i32,
    /// Personal.
    #[prost(string, tag = "9")]
    saved_by_name: String,
    /// Personal. Empty if only the name of the actor is known.
    #[prost(string, tag = "10")]
    saved_by_subject: String,
    #[prost(sint64, tag = "11")]
    saved_at: i64,
}

fn texts(texts: &[Box<str>]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn boxed(texts: Vec<String>) -> Vec<Box<str>> {
    texts.into_iter().map(Into::into).collect()
}

impl From<&ViewFilter> for ViewFilterRecord {
    fn from(filter: &ViewFilter) -> Self {
        let stage = |(workflow, stage): &(Box<str>, u32)| StageRecord {
            workflow: workflow.to_string(),
            stage: *stage,
        };
        Self {
            teams: texts(&filter.teams),
            customers: texts(&filter.customers),
            workflows: texts(&filter.workflows),
            stages: filter.stages.iter().map(stage).collect(),
            priorities: filter.priorities.iter().map(|one| one.code()).collect(),
            holders: texts(&filter.holders),
            unclaimed: filter.unclaimed,
            overdue: filter.overdue,
            text: filter.text.to_string(),
        }
    }
}

impl TryFrom<ViewFilterRecord> for ViewFilter {
    type Error = RecordError;

    fn try_from(record: ViewFilterRecord) -> Result<Self, RecordError> {
        let stage = |one: StageRecord| (one.workflow.into(), one.stage);
        let priorities = record.priorities.into_iter().map(Coded::from_code);
        Ok(Self {
            teams: boxed(record.teams),
            customers: boxed(record.customers),
            workflows: boxed(record.workflows),
            stages: record.stages.into_iter().map(stage).collect(),
            priorities: priorities.collect::<Result<_, _>>()?,
            holders: boxed(record.holders),
            unclaimed: record.unclaimed,
            overdue: record.overdue,
            text: record.text.into(),
        })
    }
}

impl From<&SavedView> for SavedViewRecord {
    fn from(view: &SavedView) -> Self {
        let (team, person, of_person) = match &view.owner {
            ViewOwner::Person { name, subject } => (None, name.to_string(), subject.clone()),
            ViewOwner::Team(place) => (Some(*place), String::new(), None),
        };
        Self {
            id: view.id,
            team,
            person,
            subject: subject(&of_person),
            name: view.name.to_string(),
            filter: Some((&view.filter).into()),
            revision: view.revision,
            saved_by_kind: view.saved_by.kind.code(),
            saved_by_name: view.saved_by.name.to_string(),
            saved_by_subject: subject(&view.saved_by.subject),
            saved_at: view.saved_at.0,
        }
    }
}

impl TryFrom<SavedViewRecord> for SavedView {
    type Error = RecordError;

    fn try_from(record: SavedViewRecord) -> Result<Self, RecordError> {
        let filter = record
            .filter
            .ok_or(RecordError::Incomplete("filter of a saved view"))?;
        Ok(Self {
            id: record.id,
            owner: match record.team {
                Some(place) => ViewOwner::Team(place),
                None => ViewOwner::Person {
                    name: record.person.into(),
                    subject: from_subject(&record.subject),
                },
            },
            name: record.name.into(),
            filter: filter.try_into()?,
            revision: record.revision,
            saved_by: Actor {
                kind: Coded::from_code(record.saved_by_kind)?,
                name: record.saved_by_name.into(),
                subject: from_subject(&record.saved_by_subject),
            },
            saved_at: Time(record.saved_at),
        })
    }
}
