//! Why a command was refused: a closed list. One file of the API makes a status of each.

mod limit;

use std::sync::Arc;

use aftercall_definition::{Fault, FieldError};
pub use limit::Limit;
use thiserror::Error;

use crate::call::CallKey;
use crate::instance::{Happening, Instance, InstanceId, Status};

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Rejection {
    /// A field is invalid in any state.
    #[error("the request has invalid fields")]
    Invalid(Vec<FieldError>),
    /// The instance does not exist.
    #[error("there is no instance {0}")]
    NoSuchInstance(InstanceId),
    /// The call does not exist, or the sender may not see it.
    #[error("there is no call {}/{}", .0.source, .0.id)]
    NoSuchCall(CallKey),
    /// The value of this field is out of the scope of the sender.
    #[error("`{0}` is outside the scope of your identity")]
    OutOfScope(&'static str),
    /// The script engine acts for somebody else than the agent of the call.
    #[error(
        "the agent of this call is {agent:?}: give this name as `actor`, or leave `actor` empty to act as yourself"
    )]
    NotTheAgent {
        /// The agent of the call.
        agent: Box<str>,
    },
    /// No call has this caller.
    #[error("there is no call of this caller")]
    NoSuchCaller,
    /// A call left memory after the archive was searched.
    #[error("a call has left memory since the archive was searched")]
    ArchiveMoved,
    /// Too many calls changed after the search.
    #[error("too many calls have changed since the search")]
    CallsMoved,
    /// No candidate is still free and matches the filter: other people were faster.
    #[error("other people have claimed the follow-ups that were found")]
    CandidatesTaken,
    /// The draft is not the one that was validated before.
    #[error("the draft has changed since it was validated")]
    DraftMoved,
    /// The team does not exist.
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
    /// The uses of the team may have changed after the search.
    #[error("the uses of the team have changed since the search")]
    TeamMoved,
    /// The workflow does not exist.
    #[error("there is no workflow `{0}`")]
    NoSuchWorkflow(Box<str>),
    /// The version does not exist.
    #[error("workflow `{0}` has no version {1}")]
    NoSuchVersion(Box<str>, u32),
    /// The workflow has no published version.
    #[error("workflow `{0}` has not been published")]
    NotPublished(Box<str>),
    /// The named version is not the newest.
    #[error("the newest version is {newest}")]
    NotTheNewestVersion {
        /// The newest version.
        newest: u32,
    },
    /// The workflow is archived.
    #[error("workflow `{0}` has been taken out of use")]
    WorkflowArchived(Box<str>),
    /// The draft has errors.
    #[error("the draft has errors")]
    WorkflowHasFaults(Vec<Fault>),
    /// The status of the instance does not allow the change.
    #[error("the follow-up is {}: this change is not possible", .instance.status.word())]
    IllegalMove {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// The refused change.
        happening: Happening,
    },
    /// The button cannot be pushed now.
    #[error("the button is no longer available")]
    ButtonGone(Arc<Instance>),
    /// No version of the workflow has this button.
    #[error("the workflow has no such button")]
    NoSuchButton {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// The button of the request.
        button: Box<str>,
    },
    /// The alert is not open any more.
    #[error("the alert is no longer open")]
    AlertGone(Arc<Instance>),
    /// Since the person saw the alert, it has become more urgent or is for another team.
    #[error("the alert has become more urgent or is for other people now: look at it again")]
    AlertEscalated(Arc<Instance>),
    /// Another person has a claim.
    #[error("another person has claimed this follow-up")]
    ClaimedByAnother(Arc<Instance>),
    /// Agents of its team do not choose what they work on.
    #[error("agents of its team do not choose: claim the next one, with no filter but the team")]
    ClaimNextOnly(Arc<Instance>),
    /// The person does not have a claim, or it has ended.
    #[error("you have not claimed this follow-up, or your claim has ended")]
    NotClaimed(Arc<Instance>),
    /// The person clicked in another stage, or in an earlier visit of this stage.
    #[error("the follow-up has moved or changed since you looked at it")]
    StaleVisit(Arc<Instance>),
    /// Call Managers do not see the instance.
    #[error("Call Managers do not see this follow-up")]
    NotVisible(Arc<Instance>),
    /// The workflow already runs on the call, and the script wants this to be refused.
    #[error("the workflow already runs on this call")]
    AlreadyRunning(Arc<Instance>),
    /// A person has worked on the instance.
    #[error("a person has already worked on it")]
    AlreadyWorked(Arc<Instance>),
    /// The workflow has no stage with this number.
    #[error("the workflow has no stage {stage}")]
    NoSuchStage {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// The stage of the request.
        stage: u32,
    },
    /// The version does not have the event of the instance's stage, and the request does not name a
    /// target stage.
    #[error("the version does not have its stage: name the target stage")]
    StageGone(Arc<Instance>),
    /// In the new version, nothing would move the instance out of its stage.
    #[error("in the version nothing waits in its stage: name the target stage")]
    WouldBeStuck(Arc<Instance>),
    /// The change to undo is not the newest one of the instance.
    #[error("there is no push to undo: there was none, or another change came after it")]
    NotTheNewest(Arc<Instance>),
    /// The push was too long ago.
    #[error("it is too late to undo the push")]
    UndoTooLate(Arc<Instance>),
    /// Another person pushed.
    #[error("only the person who pushed or a supervisor can undo the push")]
    PushedByAnother {
        /// The instance as it is.
        instance: Arc<Instance>,
        /// The person who pushed.
        by: Box<str>,
    },
    /// Another instance of the workflow runs on the call now.
    #[error("another follow-up of this workflow now runs on the call")]
    AnotherRuns(Arc<Instance>),
    /// The batch does not exist or is forgotten.
    #[error("there is no batch {0}, or it is no longer kept")]
    NoSuchBatch(u64),
    /// The owner has no view with this name.
    #[error("there is no saved view `{0}`")]
    NoSuchView(Box<str>),
    /// The revision is not the one that the sender saw.
    #[error("the present revision is {present}")]
    OtherRevision {
        /// The present revision.
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

    /// The stable name of the reason, in UPPER_SNAKE.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID",
            Self::NoSuchInstance(_) => "NO_SUCH_INSTANCE",
            Self::NoSuchCall(_) => "NO_SUCH_CALL",
            Self::OutOfScope(_) => "OUT_OF_SCOPE",
            Self::NotTheAgent { .. } => "NOT_THE_AGENT",
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
            Self::ClaimNextOnly(_) => "CLAIM_NEXT_ONLY",
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
            Self::NoSuchView(_) => "NO_SUCH_VIEW",
            Self::OtherRevision { .. } => "OTHER_REVISION",
            Self::RequestIdReused => "REQUEST_ID_REUSED",
            Self::Limit { limit, .. } => limit.name(),
        }
    }
}
