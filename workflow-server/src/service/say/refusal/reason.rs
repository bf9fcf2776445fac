//! The reasons of refusals: a closed list. Code compares variants, only clients compare words.

use aftercall_engine::Rejection;
use aftercall_engine::instance::Status;
use aftercall_engine::rejection::Limit;

/// Declares the reasons, each with its word.
macro_rules! reasons {
    ($($reason:ident = $word:literal,)*) => {
        /// Why a request is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Reason {
            $($reason,)*
            /// A limit of the engine or the ledger; its word is the name of the limit.
            Limit(Limit),
        }

        impl Reason {
            /// Every reason with a word of its own.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$reason,)*];

            /// Stable word for programs, UPPER_SNAKE.
            pub(crate) const fn word(self) -> &'static str {
                match self {
                    $(Self::$reason => $word,)*
                    Self::Limit(limit) => limit.name(),
                }
            }
        }
    };
}

reasons! {
    AlertEscalated = "ALERT_ESCALATED",
    AlertGone = "ALERT_GONE",
    AlreadyRunning = "ALREADY_RUNNING",
    AlreadyWorked = "ALREADY_WORKED",
    AnotherRuns = "ANOTHER_RUNS",
    AnswerGone = "ANSWER_GONE",
    ArchiveMoved = "ARCHIVE_MOVED",
    BackupStalled = "BACKUP_STALLED",
    BackupTime = "BACKUP_TIME",
    BackupsRunning = "BACKUPS_RUNNING",
    ButtonGone = "BUTTON_GONE",
    CallsMoved = "CALLS_MOVED",
    CandidatesTaken = "CANDIDATES_TAKEN",
    ClaimNextOnly = "CLAIM_NEXT_ONLY",
    ClaimedByAnother = "CLAIMED_BY_ANOTHER",
    CommandsWaiting = "COMMANDS_WAITING",
    DraftMoved = "DRAFT_MOVED",
    FeedRange = "FEED_RANGE",
    FeedStreams = "FEED_STREAMS",
    FeedStreamsPerConnection = "FEED_STREAMS_PER_CONNECTION",
    IllegalMove = "ILLEGAL_MOVE",
    InstanceArchived = "INSTANCE_ARCHIVED",
    InstanceEnded = "INSTANCE_ENDED",
    Internal = "INTERNAL",
    IntoItself = "INTO_ITSELF",
    InvalidRequest = "INVALID_REQUEST",
    Linked = "LINKED",
    MigrationRefused = "MIGRATION_REFUSED",
    NameTaken = "NAME_TAKEN",
    NoCluster = "NO_CLUSTER",
    NoLayout = "NO_LAYOUT",
    NoSuchAction = "NO_SUCH_ACTION",
    NoSuchBatch = "NO_SUCH_BATCH",
    NoSuchButton = "NO_SUCH_BUTTON",
    NoSuchCalendar = "NO_SUCH_CALENDAR",
    NoSuchCall = "NO_SUCH_CALL",
    NoSuchCaller = "NO_SUCH_CALLER",
    NoSuchDraft = "NO_SUCH_DRAFT",
    NoSuchErasure = "NO_SUCH_ERASURE",
    NoSuchEvent = "NO_SUCH_EVENT",
    NoSuchInstance = "NO_SUCH_INSTANCE",
    NoSuchStage = "NO_SUCH_STAGE",
    NoSuchTeam = "NO_SUCH_TEAM",
    NoSuchVersion = "NO_SUCH_VERSION",
    NoSuchView = "NO_SUCH_VIEW",
    NoSuchWorkflow = "NO_SUCH_WORKFLOW",
    NoSuccessor = "NO_SUCCESSOR",
    NotClaimed = "NOT_CLAIMED",
    NotPublished = "NOT_PUBLISHED",
    NotTheAgent = "NOT_THE_AGENT",
    NotTheLeader = "NOT_THE_LEADER",
    NotTheNewestVersion = "NOT_THE_NEWEST_VERSION",
    NotVisible = "NOT_VISIBLE",
    NothingToUndo = "NOTHING_TO_UNDO",
    OtherEpoch = "OTHER_EPOCH",
    OtherEvent = "OTHER_EVENT",
    OtherKind = "OTHER_KIND",
    OtherRevision = "OTHER_REVISION",
    OutOfScope = "OUT_OF_SCOPE",
    Paused = "PAUSED",
    PictureTooLarge = "PICTURE_TOO_LARGE",
    PushedByAnother = "PUSHED_BY_ANOTHER",
    ReadTime = "READ_TIME",
    ReadsWaiting = "READS_WAITING",
    ReportsRunning = "REPORTS_RUNNING",
    RequestIdReused = "REQUEST_ID_REUSED",
    RoleMissing = "ROLE_MISSING",
    ScopeLimited = "SCOPE_LIMITED",
    StageGone = "STAGE_GONE",
    StaleVisit = "STALE_VISIT",
    TeamInUse = "TEAM_IN_USE",
    TeamMoved = "TEAM_MOVED",
    TooMany = "TOO_MANY",
    Unavailable = "UNAVAILABLE",
    UndoTooLate = "UNDO_TOO_LATE",
    UnreadBytes = "UNREAD_BYTES",
    WorkflowArchived = "WORKFLOW_ARCHIVED",
    WorkflowHasFaults = "WORKFLOW_HAS_FAULTS",
    WouldBeStuck = "WOULD_BE_STUCK",
}

impl From<&Rejection> for Reason {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Invalid(_) => Self::InvalidRequest,
            Rejection::NoSuchInstance(_) => Self::NoSuchInstance,
            Rejection::NoSuchCall(_) => Self::NoSuchCall,
            Rejection::OutOfScope(_) => Self::OutOfScope,
            Rejection::NotTheAgent { .. } => Self::NotTheAgent,
            Rejection::NoSuchCaller => Self::NoSuchCaller,
            Rejection::ArchiveMoved => Self::ArchiveMoved,
            Rejection::CallsMoved => Self::CallsMoved,
            Rejection::CandidatesTaken => Self::CandidatesTaken,
            Rejection::DraftMoved => Self::DraftMoved,
            Rejection::NoSuchTeam(_) => Self::NoSuchTeam,
            Rejection::TeamInUse { .. } => Self::TeamInUse,
            Rejection::TeamMoved => Self::TeamMoved,
            Rejection::NoSuchWorkflow(_) => Self::NoSuchWorkflow,
            Rejection::NoSuchVersion(..) => Self::NoSuchVersion,
            Rejection::NotPublished(_) => Self::NotPublished,
            Rejection::NotTheNewestVersion { .. } => Self::NotTheNewestVersion,
            Rejection::WorkflowArchived(_) => Self::WorkflowArchived,
            Rejection::WorkflowHasFaults(_) => Self::WorkflowHasFaults,
            Rejection::IllegalMove { instance, .. } => Self::of_illegal_move(instance.status),
            Rejection::ButtonGone(_) => Self::ButtonGone,
            Rejection::NoSuchButton { .. } => Self::NoSuchButton,
            Rejection::AlertGone(_) => Self::AlertGone,
            Rejection::AlertEscalated(_) => Self::AlertEscalated,
            Rejection::ClaimedByAnother(_) => Self::ClaimedByAnother,
            Rejection::ClaimNextOnly(_) => Self::ClaimNextOnly,
            Rejection::NotClaimed(_) => Self::NotClaimed,
            Rejection::StaleVisit(_) => Self::StaleVisit,
            Rejection::NotVisible(_) => Self::NotVisible,
            Rejection::AlreadyRunning(_) => Self::AlreadyRunning,
            Rejection::AlreadyWorked(_) => Self::AlreadyWorked,
            Rejection::NoSuchStage { .. } => Self::NoSuchStage,
            Rejection::StageGone(_) => Self::StageGone,
            Rejection::WouldBeStuck(_) => Self::WouldBeStuck,
            Rejection::NotTheNewest(_) => Self::NothingToUndo,
            Rejection::UndoTooLate(_) => Self::UndoTooLate,
            Rejection::PushedByAnother { .. } => Self::PushedByAnother,
            Rejection::AnotherRuns(_) => Self::AnotherRuns,
            Rejection::NoSuchBatch(_) => Self::NoSuchBatch,
            Rejection::NoSuchView(_) => Self::NoSuchView,
            Rejection::OtherRevision { .. } => Self::OtherRevision,
            Rejection::RequestIdReused => Self::RequestIdReused,
            Rejection::Limit { limit, .. } => Self::Limit(*limit),
        }
    }
}

impl Reason {
    fn of_illegal_move(status: Status) -> Self {
        match status {
            status if status.is_ended() => Self::InstanceEnded,
            Status::Paused => Self::Paused,
            _ => Self::IllegalMove,
        }
    }
}

/// What a request named that does not exist.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    Action,
    Batch,
    Button,
    Calendar,
    Call,
    Caller,
    Draft,
    Erasure,
    Event,
    Instance,
    Stage,
    Team,
    Version,
    View,
    Workflow,
}

impl Missing {
    /// The type of resource in the details of a status, and the reason that it is missing.
    pub(crate) const fn parts(self) -> (&'static str, Reason) {
        match self {
            Self::Action => ("action", Reason::NoSuchAction),
            Self::Batch => ("batch", Reason::NoSuchBatch),
            Self::Button => ("button", Reason::NoSuchButton),
            Self::Calendar => ("calendar", Reason::NoSuchCalendar),
            Self::Call => ("call", Reason::NoSuchCall),
            Self::Caller => ("caller", Reason::NoSuchCaller),
            Self::Draft => ("draft", Reason::NoSuchDraft),
            Self::Erasure => ("erasure", Reason::NoSuchErasure),
            Self::Event => ("event", Reason::NoSuchEvent),
            Self::Instance => ("instance", Reason::NoSuchInstance),
            Self::Stage => ("stage", Reason::NoSuchStage),
            Self::Team => ("team", Reason::NoSuchTeam),
            Self::Version => ("version", Reason::NoSuchVersion),
            Self::View => ("view", Reason::NoSuchView),
            Self::Workflow => ("workflow", Reason::NoSuchWorkflow),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_unique_and_upper_snake_case() {
        let limits = Limit::ALL.iter().map(|limit| Reason::Limit(*limit));
        let reasons: Vec<_> = Reason::ALL.iter().copied().chain(limits).collect();
        let words: BTreeSet<_> = reasons.iter().map(|reason| reason.word()).collect();
        assert_eq!(words.len(), reasons.len());
        for word in words {
            let is_snake = word
                .split('_')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase()));
            assert!(is_snake, "{word}");
        }
    }

    #[test]
    fn a_rejection_keeps_its_word() {
        let name: Box<str> = "refund".into();
        for rejection in [
            Rejection::NoSuchCaller,
            Rejection::OutOfScope("workflow"),
            Rejection::ArchiveMoved,
            Rejection::CallsMoved,
            Rejection::CandidatesTaken,
            Rejection::DraftMoved,
            Rejection::NoSuchTeam(name.clone()),
            Rejection::TeamInUse {
                name: name.clone(),
                by: name.clone(),
            },
            Rejection::TeamMoved,
            Rejection::NoSuchWorkflow(name.clone()),
            Rejection::NoSuchVersion(name.clone(), 1),
            Rejection::NotPublished(name.clone()),
            Rejection::NoSuchView(name.clone()),
            Rejection::NotTheNewestVersion { newest: 1 },
            Rejection::WorkflowArchived(name),
            Rejection::WorkflowHasFaults(Vec::new()),
            Rejection::NoSuchBatch(1),
            Rejection::OtherRevision { present: 1 },
            Rejection::RequestIdReused,
            Rejection::Limit {
                limit: Limit::EntryBytes,
                max: 1,
            },
            Rejection::Limit {
                limit: Limit::Teams,
                max: 1,
            },
        ] {
            assert_eq!(Reason::from(&rejection).word(), rejection.reason());
        }
    }
}
