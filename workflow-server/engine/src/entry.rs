//! What a command changed: facts, in the order in which everything happened. One command, one
//! entry, one sequence.
//!
//! An entry holds everything as it is after the command. Of the state before, it holds only what
//! filters, the feed and the history need. So applying one evaluates no template, condition or
//! calendar.

mod after;
mod details;
mod kind;

use std::fmt;
use std::sync::Arc;

pub use after::{After, Touched};
use aftercall_definition::calendar::Calendar;
use aftercall_definition::model::{Definition, Priority};
use aftercall_definition::time::Time;
pub use details::{Details, OF_ALERT, TO_PERSON, TO_TEAM};
pub use kind::{About, ChangeKind, UndoOver};

use crate::actor::Actor;
use crate::archive::ArchiveChange;
use crate::batch::{BatchChange, BatchProgress};
use crate::call::Call;
use crate::command::RequestMark;
use crate::erasure::ErasureChange;
use crate::history::HistoryChange;
use crate::instance::InstanceId;
use crate::team::Team;

/// The first answer to the command, as far as it cannot be read from the present state.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nothing but the sequence.
    Done,
    /// A version.
    Published {
        /// The version that has the draft's content.
        version: u32,
        /// Whether this command made it.
        created: bool,
    },
    /// An instance.
    Set {
        /// Which.
        instance: InstanceId,
        /// Whether this command started it.
        started: bool,
        /// The fields that it changed on a running instance.
        updated_fields: Vec<String>,
        /// What the script's author should know.
        warnings: Vec<Warning>,
        /// A time that the agent can read out.
        promise_by: Option<Time>,
    },
    /// The instances that were released.
    Released(Vec<InstanceId>),
    /// The revision of a workflow after the command, for a client that named the one it saw; or of
    /// a team or calendar that did not change.
    Revision(u64),
    /// The follow-ups that a hand-over is about.
    HandOver {
        /// Which, in the order in which they are handed over.
        instances: Vec<InstanceId>,
        /// How many more matched than one request takes.
        remaining: u32,
    },
    /// An instance, and the stages that it entered.
    Moved {
        /// Which.
        instance: InstanceId,
        /// The stages' numbers, in order.
        entered: Vec<u32>,
    },
    /// The wall clock was accepted. Both times are equal where they agreed already.
    ClockAccepted {
        /// The server's time before.
        from: Time,
        /// The server's time since: the wall clock.
        to: Time,
    },
    /// A batch as it was when somebody stopped it.
    BatchStopped(BatchProgress),
    /// So many ended instances may be removed beyond the share of a pass.
    PurgeConfirmed(u64),
}

/// A warning of Set Workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// The call is not chargeable: nobody sees the follow-up.
    NotChargeable,
    /// The workflow has unlinked ends.
    UnlinkedEnds,
    /// It waits for the end of a call that has ended already, and was released at once.
    CallHadEnded,
    /// It is incomplete from the start.
    Incomplete,
    /// A value is missing, or a condition had no answer; the history shows which.
    StageWarnings,
    /// It was set again, and should have been done by now.
    Overdue,
}

/// A call after an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct CallChange {
    /// Its slot.
    pub slot: u32,
    /// The call after the entry.
    pub after: Arc<Call>,
    /// The sequence of the entry that changed it before; 0 for the first.
    pub previous: u64,
    /// Whether something changed that people should know, and not only a link to a new instance.
    pub is_news: bool,
}

/// An alert that was not snoozed, as far as filters need it; once for each of its teams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertBefore {
    /// Its team's place in the World's list.
    pub team: u32,
    /// How urgent it was.
    pub priority: Priority,
}

/// What an entry keeps of an instance as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// The sequence of its change before this one; the history follows these links.
    pub sequence: u64,
    /// The stage it was in; 0 before the first.
    pub stage: u32,
    /// Whether Call Managers listed it.
    pub visible: bool,
    /// The customer of its call at that time.
    pub customer: Box<str>,
    /// The alerts that were open and not snoozed.
    pub alerts: Box<[AlertBefore]>,
    /// Who held it; empty for nobody. Personal data.
    pub holder: Box<str>,
}

/// What went wrong when a stage was entered, and did not stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StageWarningKind {
    /// A text has a gap, because something that it names has no value.
    MissingValue,
    /// A condition had no answer, and counted as false.
    ConditionFailed,
    /// A field kept its value, because what it should become has none.
    FieldNotSet,
    /// A timer should count from a field that has no time, and counts from entering the stage.
    NoTime,
}

/// Something that went wrong when a stage was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageWarning {
    /// The stage's number.
    pub stage: u32,
    /// Which of its actions, counted from 0.
    pub action: u16,
    /// What went wrong.
    pub kind: StageWarningKind,
    /// What it is about, as the author wrote it, such as `fields.order`; empty where nothing can
    /// be named. Never a value.
    pub name: Box<str>,
}

/// A sentence for the author: what went wrong, and the effect.
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
                write!(out, "the text could not be worked out to its end")
            }
            (StageWarningKind::MissingValue, name) => {
                write!(out, "the text has a gap, because `{name}` has no value")
            }
            (StageWarningKind::ConditionFailed, "") => {
                write!(
                    out,
                    "the condition counted as false, because its values do not go together"
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
                    "`{name}` stayed as it was, because what it should become has no value or is not allowed"
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
    /// What went wrong.
    pub warnings: Vec<StageWarning>,
}

/// An instance after an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceChange {
    /// What happened to it.
    pub kind: ChangeKind,
    /// The instance after the entry.
    pub after: After,
    /// What is kept of it as it was before; none for a new one.
    pub before: Option<Before>,
    /// The stages that were entered, in order.
    pub entered: Box<[u32]>,
    /// What went wrong when they were entered.
    pub warnings: Box<[StageWarning]>,
    /// The open alerts whose text has changed, by the actions that raised them, counted from 0.
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
    /// The workflow at this place was taken out of use, or brought back.
    Archived {
        /// The workflow's place in the World's list.
        workflow: u32,
        /// Whether it is out of use.
        archived: bool,
    },
    /// The draft of the workflow at this place became this version, or was already the same.
    Version {
        /// The workflow's place in the World's list.
        workflow: u32,
        /// The version.
        version: u32,
        /// Whether it is new.
        created: bool,
        /// The oldest version whose retention applies afterwards; 0 for the newest one.
        retention_from: u32,
    },
    /// The retentions of older versions of the workflow at this place apply no longer.
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
    /// Its number in the order of all entries, from 1, without gaps.
    pub sequence: u64,
    /// When it was decided. Never earlier than the entry before, except where operations accepted a
    /// wall clock that is behind.
    pub at: Time,
    /// Who sent the command.
    pub actor: Actor,
    /// The request's mark.
    pub mark: Option<RequestMark>,
    /// What happened.
    pub kind: ChangeKind,
    /// The details of the command.
    pub details: Details,
    /// The first answer.
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
    /// The call, where it changed.
    pub call: Option<CallChange>,
    /// The instances that it changed, each once.
    pub instances: Vec<InstanceChange>,
}
