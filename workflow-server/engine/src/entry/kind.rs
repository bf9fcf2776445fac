//! The kinds of changes, and what the rest of the program must know of each.
//!
//! Promise: one `match` lists every kind once, so that a new kind cannot be forgotten.

/// What happened, once for the whole command.
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
    /// Operations confirmed a shorter retention.
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
    /// Somebody claimed it.
    Claimed,
    /// Its holder extended the claim.
    ClaimExtended,
    /// Its holder released it.
    ClaimReleased,
    /// The lease of its holder ran out.
    ClaimLapsed,
    /// Somebody took it over.
    TakenOver,
    /// Somebody gave it to a person or a team.
    HandedOver,
    /// The time of an alert passed, and it escalated.
    Escalated,
    /// Somebody has hidden an alert for a time.
    Snoozed,
    /// A snoozed alert came back.
    AlertReturned,
    /// Somebody has stopped its clocks.
    Paused,
    /// Its clocks run again.
    Resumed,
    /// A push was taken back.
    PushUndone,
    /// The caller asked for it again.
    Chased,
    /// Somebody moved it to another stage.
    Moved,
    /// It was migrated to another version of its workflow.
    Migrated,
    /// A batch was started.
    BatchStarted,
    /// An item of a batch was refused.
    BatchItemRefused,
    /// A batch was stopped.
    BatchStopped,
    /// Calls left memory with their instances.
    Archived,
    /// A chunk of the archive was rewritten.
    ChunkReplaced,
    /// Entries were packed into chunks of the history, or chunks of an older server were found.
    HistoryPacked,
    /// A chunk of the history was rewritten, or nothing of it is left.
    HistoryRewritten,
    /// The erasure of a caller was started.
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
    /// Operations accepted the wall clock. Only the time of this change may be earlier than that of
    /// the change before.
    ClockAccepted,
    /// Operations allowed the next pass to remove more of the archive than its share.
    PurgeConfirmed,
}

/// What a change is about, beside the details of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Nothing else.
    Nothing,
    /// An alert of the instance.
    Alert,
    /// The person or team to whom the instance was handed over, and its holder before.
    Recipient,
    /// The person who held the instance before.
    PreviousHolder,
    /// The person whose lease ran out.
    Holder,
    /// The instance that replaces this one.
    Successor,
}

/// Whether a push can still be undone after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoOver {
    /// No: the change belongs to somebody, or changes the stage or the meaning of the alerts.
    Never,
    /// Yes: the change is only of the call.
    Always,
    /// If it ended the claim of the person who pushed.
    OfPusher,
    /// If a timer made it.
    OfTimer,
}

#[derive(Clone, Copy)]
struct Traits {
    is_work: bool,
    has_entered_values: bool,
    is_note: bool,
    about: About,
    undo_over: UndoOver,
}

const NONE: Traits = Traits {
    is_work: false,
    has_entered_values: false,
    is_note: false,
    about: About::Nothing,
    undo_over: UndoOver::Never,
};

impl Traits {
    const fn work(self) -> Self {
        Self {
            is_work: true,
            ..self
        }
    }

    const fn entered_values(self) -> Self {
        Self {
            has_entered_values: true,
            ..self
        }
    }

    const fn note(self) -> Self {
        Self {
            is_note: true,
            ..self
        }
    }

    const fn about(self, about: About) -> Self {
        Self { about, ..self }
    }

    const fn undo_over(self, undo_over: UndoOver) -> Self {
        Self { undo_over, ..self }
    }
}

impl ChangeKind {
    /// Whether it is work on the instance when a person does it. A script cannot withdraw the
    /// follow-up after that.
    #[must_use]
    pub fn is_work(self) -> bool {
        self.traits().is_work
    }

    /// Whether its values are what people and scripts entered, which an erasure masks. The values of
    /// the others are times of a pause or a snooze, teams and counts, which are kept.
    #[must_use]
    pub fn has_entered_values(self) -> bool {
        self.traits().has_entered_values
    }

    /// Whether its note is among the notes of the follow-up.
    #[must_use]
    pub fn is_note(self) -> bool {
        self.traits().is_note
    }

    /// What it is about, beside the details of its command.
    #[must_use]
    pub fn about(self) -> About {
        self.traits().about
    }

    /// Whether a push can still be undone after it.
    #[must_use]
    pub fn undo_over(self) -> UndoOver {
        self.traits().undo_over
    }

    const fn traits(self) -> Traits {
        match self {
            Self::Claimed
            | Self::ClaimExtended
            | Self::ClaimReleased
            | Self::Paused
            | Self::PushUndone => NONE.work(),
            Self::NoteAdded | Self::Resumed | Self::Moved => NONE.work().note(),
            Self::Set | Self::SetAgain => NONE.entered_values(),
            Self::Chased | Self::Migrated => NONE.note(),
            Self::ButtonPushed => NONE.work().entered_values().note(),
            Self::AlertAcknowledged => NONE.work().about(About::Alert),
            Self::ClaimLapsed => NONE.about(About::Holder).undo_over(UndoOver::OfPusher),
            Self::TakenOver => NONE.work().about(About::PreviousHolder),
            Self::HandedOver => NONE.work().about(About::Recipient),
            Self::Escalated => NONE.about(About::Alert).undo_over(UndoOver::OfTimer),
            Self::Snoozed => NONE.work().note().about(About::Alert),
            Self::AlertReturned => NONE
                .work()
                .note()
                .about(About::Alert)
                .undo_over(UndoOver::OfTimer),
            Self::Finished => NONE.entered_values().note(),
            Self::Replaced => NONE.about(About::Successor),
            Self::CallUpdated => NONE.undo_over(UndoOver::Always),
            Self::TeamImported
            | Self::TeamRemoved
            | Self::CalendarImported
            | Self::WorkflowImported
            | Self::WorkflowPublished
            | Self::WorkflowArchived
            | Self::RetentionConfirmed
            | Self::Released
            | Self::Withdrawn
            | Self::TimerElapsed
            | Self::BatchStarted
            | Self::BatchItemRefused
            | Self::BatchStopped
            | Self::Archived
            | Self::ChunkReplaced
            | Self::HistoryPacked
            | Self::HistoryRewritten
            | Self::ErasureStarted
            | Self::CallerErased
            | Self::ErasureEnded
            | Self::Cancelled
            | Self::CallEnded
            | Self::ClockAccepted
            | Self::PurgeConfirmed => NONE,
        }
    }
}
