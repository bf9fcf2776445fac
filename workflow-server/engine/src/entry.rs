//! Entries: what each command changed, as facts in the order of their sequences. One command makes
//! one entry with one sequence.
//!
//! An entry contains everything that changed, as it is after the command. Of the state before, it
//! contains only what filters, the feed and the history need. So applying an entry evaluates no
//! template, condition or calendar.

mod after;
mod details;
mod kind;

use std::fmt;
use std::sync::Arc;

pub use after::{After, Touched};
use aftercall_definition::calendar::Calendar;
use aftercall_definition::model::{Definition, Priority};
use aftercall_definition::time::Time;
pub use details::{AWAY_UNTIL, Details, INSTEAD_OF, OF_ALERT, TO_PERSON, TO_TEAM};
pub use kind::{About, ChangeKind, UndoOver};

use crate::actor::Actor;
use crate::archive::ArchiveChange;
use crate::batch::{BatchChange, BatchProgress};
use crate::call::Call;
use crate::command::RequestMark;
use crate::desk_change::DeskChange;
use crate::erasure::ErasureChange;
use crate::history::HistoryChange;
use crate::instance::InstanceId;
use crate::team::Team;

/// The parts of the first answer that cannot be read from the present state.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The answer has only the sequence.
    Done,
    /// The answer of publishing a workflow.
    Published {
        /// The version with the content of the draft.
        version: u32,
        /// Whether this command made the version.
        created: bool,
    },
    /// The answer of Set Workflow.
    Set {
        /// The instance.
        instance: InstanceId,
        /// Whether this command started the instance.
        started: bool,
        /// The fields of a running instance that the command changed.
        updated_fields: Vec<String>,
        /// Warnings for the author of the script.
        warnings: Vec<Warning>,
        /// A time that the agent can promise to the caller.
        promise_by: Option<Time>,
    },
    /// The instances that were released.
    Released(Vec<InstanceId>),
    /// The revision after the command: of a saved view, of a workflow, if the client sent the one
    /// that it saw, or of a team or calendar that did not change.
    Revision(u64),
    /// The instances of a hand-over.
    HandOver {
        /// The instances, in the order in which they are handed over.
        instances: Vec<InstanceId>,
        /// The number of further matching instances that did not fit into one request.
        remaining: u32,
    },
    /// An instance, and the stages that it entered.
    Moved {
        /// The instance.
        instance: InstanceId,
        /// The numbers of the stages, in order.
        entered: Vec<u32>,
    },
    /// The wall clock was accepted. If both clocks already agreed, both times are equal.
    ClockAccepted {
        /// The server's time before.
        from: Time,
        /// The server's time after that: the wall clock.
        to: Time,
    },
    /// The progress of a batch when a person stopped it.
    BatchStopped(BatchProgress),
    /// The number of ended instances that the next purge may remove beyond its share.
    PurgeConfirmed(u64),
}

/// A warning of Set Workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// The call is not chargeable, so no Call Manager shows the follow-up.
    NotChargeable,
    /// The workflow has unlinked ends.
    UnlinkedEnds,
    /// The call had already ended, so the instance was released at once.
    CallHadEnded,
    /// The instance is incomplete from the start.
    Incomplete,
    /// A value was missing, or a condition could not be evaluated. The history shows which.
    StageWarnings,
    /// The instance was set again and is overdue.
    Overdue,
}

/// A call after an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct CallChange {
    /// The slot of the call.
    pub slot: u32,
    /// The call after the entry.
    pub after: Arc<Call>,
    /// The sequence of the entry that last changed the call; 0 for the first entry.
    pub previous: u64,
    /// Whether people should see the change. A link to a new instance alone is not news.
    pub is_news: bool,
}

/// What filters need of an alert that was not snoozed. There is one for each team of the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertBefore {
    /// The place of the team in the World's list.
    pub team: u32,
    /// The urgency of the alert.
    pub priority: Priority,
}

/// What an entry keeps of an instance as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// The sequence of the change before this one. The history follows these links.
    pub sequence: u64,
    /// The stage of the instance; 0 before the first.
    pub stage: u32,
    /// Whether a Call Manager's list contained the instance.
    pub visible: bool,
    /// The customer of its call at that time.
    pub customer: Box<str>,
    /// The alerts that were open and not snoozed.
    pub alerts: Box<[AlertBefore]>,
    /// The person with a claim; empty if there was none. Personal data.
    pub holder: Box<str>,
}

/// A problem during the entry of a stage that did not prevent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StageWarningKind {
    /// A text has a gap, because a name in it has no value.
    MissingValue,
    /// A condition could not be evaluated and counted as false.
    ConditionFailed,
    /// A field kept its value, because the new value could not be computed or is not allowed.
    FieldNotSet,
    /// A timer should count from a field without a time. It counts from the entry of the stage.
    NoTime,
}

/// A warning about a problem during the entry of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageWarning {
    /// The number of the stage.
    pub stage: u32,
    /// The action of the stage, counted from 0.
    pub action: u16,
    /// The problem.
    pub kind: StageWarningKind,
    /// The name that the author wrote, such as `fields.order`; empty if there is no name. Never a
    /// value.
    pub name: Box<str>,
}

/// A sentence for the author: the problem and its effect.
impl fmt::Display for StageWarning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stage,
            action,
            kind,
            name,
        } = self;
        write!(out, "stage {stage}, action {}: ", action + 1)?;
        match (kind, &**name) {
            (StageWarningKind::MissingValue, "") => {
                write!(out, "the text could not be filled in completely")
            }
            (StageWarningKind::MissingValue, name) => {
                write!(out, "the text has a gap, because `{name}` has no value")
            }
            (StageWarningKind::ConditionFailed, "") => {
                write!(
                    out,
                    "the condition counted as false, because its values cannot be compared"
                )
            }
            (StageWarningKind::ConditionFailed, name) => {
                write!(
                    out,
                    "the condition counted as false, because `{name}` has no value"
                )
            }
            (StageWarningKind::FieldNotSet, name) => {
                write!(
                    out,
                    "`{name}` did not change, because its new value is missing or not allowed"
                )
            }
            (StageWarningKind::NoTime, name) => {
                write!(
                    out,
                    "the timer counts from entering the stage, because `{name}` has no time"
                )
            }
        }
    }
}

/// The result of entering a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entered {
    /// The numbers of the stages that were entered, in order.
    pub stages: Vec<u32>,
    /// The warnings.
    pub warnings: Vec<StageWarning>,
}

/// An instance after an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceChange {
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The instance after the entry.
    pub after: After,
    /// What is kept of the instance as it was before; `None` if it is new.
    pub before: Option<Before>,
    /// The stages that were entered, in order.
    pub entered: Box<[u32]>,
    /// The warnings about these stages.
    pub warnings: Box<[StageWarning]>,
    /// The actions of the open alerts whose text has changed, counted from 0.
    pub rewritten: Box<[u16]>,
}

/// A change of definitions.
#[derive(Clone, Debug, PartialEq)]
pub enum DefinitionChange {
    /// A team, at its place in the World's list.
    Team(u32, Team),
    /// A calendar.
    Calendar(Arc<Calendar>),
    /// A draft, of the workflow at this place.
    Draft(u32, Arc<Definition>),
    /// The workflow at this place was archived, or its archiving ended.
    Archived {
        /// The workflow's place in the World's list.
        workflow: u32,
        /// Whether the workflow is archived.
        archived: bool,
    },
    /// The draft of the workflow at this place was published as this version. Or this version
    /// already had the same content.
    Version {
        /// The workflow's place in the World's list.
        workflow: u32,
        /// The version.
        version: u32,
        /// Whether the version is new.
        created: bool,
        /// The oldest version whose retention applies afterwards; 0 for the newest one.
        retention_from: u32,
    },
    /// Retentions of older versions of the workflow at this place no longer apply.
    Retention {
        /// The workflow's place in the World's list.
        workflow: u32,
        /// The oldest version whose retention applies.
        from: u32,
    },
}

/// One change of the World.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The sequence: the place of the entry in the order of all entries, from 1, without gaps.
    pub sequence: u64,
    /// When the entry was decided. Never earlier than the entry before, unless operations accepted
    /// a wall clock that is behind.
    pub at: Time,
    /// The actor that sent the command.
    pub actor: Actor,
    /// The mark, if the request has a request id.
    pub mark: Option<RequestMark>,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The details of the command.
    pub details: Details,
    /// The first answer to the command.
    pub answer: Answer,
    /// A change of definitions.
    pub definition: Option<DefinitionChange>,
    /// A change of a batch.
    pub batch: Option<BatchChange>,
    /// A change of the archive.
    pub archive: Option<ArchiveChange>,
    /// A change of an erasure.
    pub erasure: Option<ErasureChange>,
    /// A change of the list of the history's chunks.
    pub history: Option<HistoryChange>,
    /// A change of what people keep at their desks.
    pub desk: Option<DeskChange>,
    /// The call, if it changed.
    pub call: Option<CallChange>,
    /// The changed instances, each once.
    pub instances: Vec<InstanceChange>,
}
