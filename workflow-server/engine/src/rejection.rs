//! Why a command was refused: a closed list. One file of the API turns each into a status.

mod limit;

use std::sync::Arc;

use aftercall_definition::{Fault, FieldError};
pub use limit::Limit;
use thiserror::Error;

use crate::instance::{Happening, Instance, InstanceId, Status};

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Rejection {
    /// Invalid fields, in any state.
    #[error("the request has faults")]
    Invalid(Vec<FieldError>),
    /// No such instance.
    #[error("there is no instance {0}")]
    NoSuchInstance(InstanceId),
    /// No call of such a caller.
    #[error("there is no call of this caller")]
    NoSuchCaller,
    /// Something left memory since the archive was looked into.
    #[error("something has left memory since the archive was looked into")]
    ArchiveMoved,
    /// Too many calls changed since they were looked up.
    #[error("too many calls have changed since they were looked up")]
    CallsMoved,
    /// None of the candidates is free any more, or passes the filter: others were faster.
    #[error("others have taken the follow-ups that were found")]
    CandidatesTaken,
    /// The draft is not the one that was validated before.
    #[error("the draft has changed since it was validated")]
    DraftMoved,
    /// No such team.
    #[error("there is no team `{0}`")]
    NoSuchTeam(Box<str>),
    /// Something uses the team.
    #[error("team `{name}` is used by {by}")]
    TeamInUse {
        /// The team.
        name: Box<str>,
        /// What uses it.
        by: Box<str>,
    },
    /// Something changed since somebody looked for what uses the team.
    #[error("what uses the team has changed since it was looked up")]
    TeamMoved,
    /// No such workflow.
    #[error("there is no workflow `{0}`")]
    NoSuchWorkflow(Box<str>),
    /// No such version.
    #[error("workflow `{0}` has no version {1}")]
    NoSuchVersion(Box<str>, u32),
    /// The workflow has no published version.
    #[error("workflow `{0}` has not been published")]
    NotPublished(Box<str>),
    /// The newest version is another one.
    #[error("the newest version is {newest}")]
    NotTheNewestVersion {
        /// The newest.
        newest: u32,
    },
    /// The workflow has been taken out of use.
    #[error("workflow `{0}` has been taken out of use")]
    WorkflowArchived(Box<str>),
    /// The draft has faults.
    #[error("the draft has faults")]
    WorkflowHasFaults(Vec<Fault>),
    /// The instance's state forbids it.
    #[error("the follow-up is {}: it cannot take this", .instance.status.word())]
    IllegalMove {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// What was asked.
        happening: Happening,
    },
    /// The button is not one of those that may be pushed now.
    #[error("the button is gone")]
    ButtonGone(Arc<Instance>),
    /// No version of the workflow has such a button.
    #[error("the workflow has no such button")]
    NoSuchButton {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// What was asked for.
        button: Box<str>,
    },
    /// The alert is not one of its open ones.
    #[error("the alert is gone")]
    AlertGone(Arc<Instance>),
    /// The alert has become more urgent, or is for another team, since the person saw it.
    #[error("the alert has become more urgent or is for other people since: look at it again")]
    AlertEscalated(Arc<Instance>),
    /// Somebody else holds it.
    #[error("somebody else holds this follow-up")]
    ClaimedByAnother(Arc<Instance>),
    /// The asker does not hold it, or no longer.
    #[error("you do not hold this follow-up, or no longer")]
    NotClaimed(Arc<Instance>),
    /// The click was made in another stage, or on an earlier visit of it.
    #[error("the follow-up has moved or changed since you looked at it")]
    StaleVisit(Arc<Instance>),
    /// Call Managers do not see it.
    #[error("Call Managers do not see this follow-up")]
    NotVisible(Arc<Instance>),
    /// It runs already, and the script asked to refuse then.
    #[error("the workflow already runs on this call")]
    AlreadyRunning(Arc<Instance>),
    /// Somebody has worked on it.
    #[error("somebody has worked on it already")]
    AlreadyWorked(Arc<Instance>),
    /// The workflow has no stage with this number.
    #[error("the workflow has no stage {stage}")]
    NoSuchStage {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// What was asked for.
        stage: u32,
    },
    /// The event of its stage is not in the version, and nothing says where it goes instead.
    #[error("the version does not have its stage: say to which stage it goes instead")]
    StageGone(Arc<Instance>),
    /// In the version nothing would wait in its stage, and nobody would see it.
    #[error("in the version nothing waits in its stage: say to which stage it goes instead")]
    WouldBeStuck(Arc<Instance>),
    /// What is to be taken back is not the newest thing that happened to it.
    #[error("there is no push to take back: none was made, or something has happened since")]
    NotTheNewest(Arc<Instance>),
    /// It was pushed too long ago.
    #[error("the time for taking the push back is over")]
    UndoTooLate(Arc<Instance>),
    /// Another pushed.
    #[error("only the one who pushed, or a supervisor, takes it back")]
    PushedByAnother {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// Who pushed.
        by: Box<str>,
    },
    /// Another instance of the workflow runs on the call by now.
    #[error("another follow-up of this workflow runs on the call by now")]
    AnotherRuns(Arc<Instance>),
    /// No such batch, or no longer.
    #[error("there is no batch {0}, or no longer")]
    NoSuchBatch(u64),
    /// The revision is not the expected one.
    #[error("the present revision is {present}")]
    OtherRevision {
        /// What it is.
        present: u64,
    },
    /// The id was used for another request.
    #[error("this request id was used for another request")]
    RequestIdReused,
    /// A limit is reached.
    #[error("the limit {limit} of {max} is reached")]
    Limit {
        /// The limit.
        limit: Limit,
        /// Its value.
        max: u64,
    },
}

impl Rejection {
    /// The message, with all invalid fields.
    #[must_use]
    pub fn full_message(&self) -> String {
        match self {
            Self::Invalid(faults) => faults
                .iter()
                .map(|fault| format!("{} {}", fault.field, fault.message))
                .collect::<Vec<_>>()
                .join("; "),
            other => other.to_string(),
        }
    }

    /// The stable word for it, UPPER_SNAKE.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID",
            Self::NoSuchInstance(_) => "NO_SUCH_INSTANCE",
            Self::NoSuchCaller => "NO_SUCH_CALLER",
            Self::ArchiveMoved => "ARCHIVE_MOVED",
            Self::CallsMoved => "CALLS_MOVED",
            Self::CandidatesTaken => "CANDIDATES_TAKEN",
            Self::DraftMoved => "DRAFT_MOVED",
            Self::NoSuchTeam(_) => "NO_SUCH_TEAM",
            Self::TeamInUse { .. } => "TEAM_IN_USE",
            Self::TeamMoved => "TEAM_MOVED",
            Self::NoSuchWorkflow(_) => "NO_SUCH_WORKFLOW",
            Self::NoSuchVersion(..) => "NO_SUCH_VERSION",
            Self::NotPublished(_) => "NOT_PUBLISHED",
            Self::NotTheNewestVersion { .. } => "NOT_THE_NEWEST_VERSION",
            Self::WorkflowArchived(_) => "WORKFLOW_ARCHIVED",
            Self::WorkflowHasFaults(_) => "WORKFLOW_HAS_FAULTS",
            Self::IllegalMove { instance, .. } if instance.status.is_ended() => "INSTANCE_ENDED",
            Self::IllegalMove { instance, .. } if instance.status == Status::Paused => "PAUSED",
            Self::IllegalMove { .. } => "ILLEGAL_MOVE",
            Self::ButtonGone(_) => "BUTTON_GONE",
            Self::NoSuchButton { .. } => "NO_SUCH_BUTTON",
            Self::AlertGone(_) => "ALERT_GONE",
            Self::AlertEscalated(_) => "ALERT_ESCALATED",
            Self::ClaimedByAnother(_) => "CLAIMED_BY_ANOTHER",
            Self::NotClaimed(_) => "NOT_CLAIMED",
            Self::StaleVisit(_) => "STALE_VISIT",
            Self::NotVisible(_) => "NOT_VISIBLE",
            Self::AlreadyRunning(_) => "ALREADY_RUNNING",
            Self::AlreadyWorked(_) => "ALREADY_WORKED",
            Self::NoSuchStage { .. } => "NO_SUCH_STAGE",
            Self::StageGone(_) => "STAGE_GONE",
            Self::WouldBeStuck(_) => "WOULD_BE_STUCK",
            Self::NotTheNewest(_) => "NOTHING_TO_UNDO",
            Self::UndoTooLate(_) => "UNDO_TOO_LATE",
            Self::PushedByAnother { .. } => "PUSHED_BY_ANOTHER",
            Self::AnotherRuns(_) => "ANOTHER_RUNS",
            Self::NoSuchBatch(_) => "NO_SUCH_BATCH",
            Self::OtherRevision { .. } => "OTHER_REVISION",
            Self::RequestIdReused => "REQUEST_ID_REUSED",
            Self::Limit { limit, .. } => limit.name(),
        }
    }
}
