//! What a command changed: facts, in the order in which everything happened. One command, one
//! entry, one sequence.
//!
//! An entry holds everything as it stands afterwards, and of what went before just what filters,
//! the feed and the history need; so applying one evaluates no template, no condition and no
//! calendar.

mod after;
mod said;

use std::fmt;
use std::sync::Arc;

pub use after::{After, Touched};
use aftercall_definition::calendar::Calendar;
use aftercall_definition::model::{Definition, Priority};
use aftercall_definition::time::Time;
pub use said::{OF_ALERT, Said, TO_PERSON, TO_TEAM};

use crate::actor::Actor;
use crate::archive::ArchiveChange;
use crate::batch::{BatchChange, BatchProgress};
use crate::call::Call;
use crate::command::RequestMark;
use crate::erasure::ErasureChange;
use crate::history::HistoryChange;
use crate::instance::InstanceId;
use crate::team::Team;

/// What an entry says happened, once for the whole command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// A team was declared or changed.
    TeamImported,
    /// A team was removed.
    TeamRemoved,
    /// A calendar was declared or changed.
    CalendarImported,
    /// A draft was stored.
    WorkflowImported,
    /// A version was published.
    WorkflowPublished,
    /// A workflow was taken out of use, or brought back.
    WorkflowArchived,
    /// Operations let a shorter retention count.
    RetentionConfirmed,
    /// The workflow was set on the call.
    Set,
    /// It was set again.
    SetAgain,
    /// The call ended, or the release time came: the first stage was entered.
    Released,
    /// The script took it back.
    Withdrawn,
    /// A button was pushed.
    ButtonPushed,
    /// A timer elapsed.
    TimerElapsed,
    /// Somebody wrote a note.
    NoteAdded,
    /// Somebody has seen an alert.
    AlertAcknowledged,
    /// Somebody holds it.
    Claimed,
    /// Its holder goes on holding it.
    ClaimExtended,
    /// Its holder gave it back.
    ClaimReleased,
    /// The lease of its holder ran out.
    ClaimLapsed,
    /// Somebody took it over.
    TakenOver,
    /// Somebody gave it to a person or a team.
    HandedOver,
    /// The time of an alert went by, and it escalated.
    Escalated,
    /// Somebody has hidden an alert for a time.
    Snoozed,
    /// A snoozed alert came back.
    AlertReturned,
    /// Somebody has stopped its clocks.
    Paused,
    /// Its clocks go on.
    Resumed,
    /// A push was taken back.
    PushUndone,
    /// The caller asked for it again.
    Chased,
    /// Somebody moved it to another stage.
    Moved,
    /// It moved to another version of its workflow.
    Migrated,
    /// A batch was started.
    BatchStarted,
    /// An item of a batch was refused.
    BatchItemRefused,
    /// A batch was stopped.
    BatchStopped,
    /// Calls left memory with their instances.
    Archived,
    /// A chunk of the archive was written anew.
    ChunkReplaced,
    /// Entries were packed into chunks of the history, or chunks of an older server were found.
    HistoryPacked,
    /// A chunk of the history was rewritten, or nothing of it is left.
    HistoryRewritten,
    /// Somebody asked for a caller to be erased.
    ErasureStarted,
    /// A call of an erased caller was masked.
    CallerErased,
    /// No byte remains of an erased caller.
    ErasureEnded,
    /// A person finished it with an outcome.
    Finished,
    /// It was cancelled.
    Cancelled,
    /// It was cancelled because a newer instance of its workflow replaced it.
    Replaced,
    /// The call changed.
    CallUpdated,
    /// The call ended.
    CallEnded,
    /// Operations accepted the wall clock; the only change whose time may be before the one before
    /// it.
    ClockAccepted,
    /// Operations allowed the next pass to remove more of the archive than its share.
    PurgeConfirmed,
}

/// What the first answer to the command said, as far as the present state cannot tell it.
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
        /// The fields that it changed on one that ran already.
        updated_fields: Vec<String>,
        /// What the script's author should know.
        warnings: Vec<Warning>,
        /// A time that the agent can read out.
        promise_by: Option<Time>,
    },
    /// The instances that were released.
    Released(Vec<InstanceId>),
    /// The revision of a workflow after the command, for an asker that named the one it saw; that
    /// of a team or calendar which was the same before.
    Revision(u64),
    /// The follow-ups that a hand-over is about.
    HandOver {
        /// Which, in the order in which they are handed over.
        instances: Vec<InstanceId>,
        /// How many more there were than one request takes.
        remaining: u32,
    },
    /// An instance, and the stages that it entered.
    Moved {
        /// Which.
        instance: InstanceId,
        /// The stages' numbers, in order.
        entered: Vec<u32>,
    },
    /// The wall clock was accepted. Equal where there was nothing to accept.
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

/// What Set Workflow warns of.
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
    /// A value is missing, or a condition had no answer; the history says which.
    StageWarnings,
    /// It was set again, and should have been done by now.
    Overdue,
}

/// A call after an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct CallChange {
    /// Its slot.
    pub slot: u32,
    /// As it stands.
    pub after: Arc<Call>,
    /// The sequence of the entry that changed it before; 0 for the first.
    pub previous: u64,
    /// What of it this entry changed: only a link to a new instance, or something that people
    /// should read of.
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

/// What is kept of an instance as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// The sequence of its change before this one: how its history is walked.
    pub sequence: u64,
    /// The stage it was in; 0 before the first.
    pub stage: u32,
    /// Whether Call Managers listed it.
    pub visible: bool,
    /// Its call's customer then.
    pub customer: Box<str>,
    /// The alerts that stood.
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

/// A sentence for the author: what went wrong, and what came of it.
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

/// What entering a stage came to.
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
    /// As it stands.
    pub after: After,
    /// What went before; none for a new one.
    pub before: Option<Before>,
    /// The stages that were entered, in order.
    pub entered: Box<[u32]>,
    /// What went wrong when they were entered.
    pub warnings: Box<[StageWarning]>,
    /// The alerts that stand and have another text since, by the actions that raised them, counted
    /// from 0.
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
    /// The draft of the workflow at this place became this version; or was found to be it already.
    Version {
        /// The workflow's place in the World's list.
        workflow: u32,
        /// The version.
        version: u32,
        /// Whether it is new.
        created: bool,
        /// The oldest version of which the retention counts after this; 0 for the newest one.
        retention_from: u32,
    },
    /// The retentions of older versions of the workflow at this place count no longer.
    Retention {
        /// The workflow's place in the World's list.
        workflow: u32,
        /// The oldest version of which the retention counts.
        from: u32,
    },
}

/// One change of the World.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the order of everything, from 1, without gaps.
    pub sequence: u64,
    /// When it was decided; never before the entry before, except where operations accepted a wall
    /// clock that is behind.
    pub at: Time,
    /// Who asked.
    pub actor: Actor,
    /// The request's mark.
    pub mark: Option<RequestMark>,
    /// What happened.
    pub kind: ChangeKind,
    /// What the actor said.
    pub said: Said,
    /// What the first answer said.
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
    /// The call behind it.
    pub call: Option<CallChange>,
    /// Each instance that it changed, once.
    pub instances: Vec<InstanceChange>,
}
