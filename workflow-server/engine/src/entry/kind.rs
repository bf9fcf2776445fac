//! The kinds of changes, with everything that the rest of the program needs to know of each.
//!
//! Promise: one `match` lists every kind once, so the compiler finds a forgotten one.

/// The kind of a change. A command has one kind.
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
    /// A workflow was archived, or its archiving ended.
    WorkflowArchived,
    /// Operations confirmed a shorter retention.
    RetentionConfirmed,
    /// A workflow was set on a call.
    Set,
    /// The workflow was set again while it ran.
    SetAgain,
    /// The call ended or the release time came, and the instance entered its first stage.
    Released,
    /// A script withdrew the instance.
    Withdrawn,
    /// A button was pushed.
    ButtonPushed,
    /// A timer fired.
    TimerElapsed,
    /// A note was added.
    NoteAdded,
    /// A person has seen an alert.
    AlertAcknowledged,
    /// A person claimed the instance.
    Claimed,
    /// The person with the claim extended it.
    ClaimExtended,
    /// The person with the claim released it.
    ClaimReleased,
    /// The claim ended, because its lease is over.
    ClaimLapsed,
    /// A person took the instance over.
    TakenOver,
    /// The instance was handed over to a person or a team.
    HandedOver,
    /// An alert escalated at its time.
    Escalated,
    /// A person snoozed an alert.
    Snoozed,
    /// A snoozed alert returned.
    AlertReturned,
    /// A seen alert counts as new again, because nobody worked on it for its time.
    AlertedAgain,
    /// The instance was paused.
    Paused,
    /// The instance was resumed.
    Resumed,
    /// A push was undone.
    PushUndone,
    /// The caller asked again.
    Chased,
    /// A person moved the instance to another stage.
    Moved,
    /// The instance was migrated to another version of its workflow.
    Migrated,
    /// A batch was started.
    BatchStarted,
    /// An item of a batch was refused.
    BatchItemRefused,
    /// A batch was stopped.
    BatchStopped,
    /// Calls and their instances left memory.
    Archived,
    /// A chunk of the archive was rewritten.
    ChunkReplaced,
    /// Entries were packed into chunks of the history, or chunks of an older server were found.
    HistoryPacked,
    /// A chunk of the history was rewritten or removed.
    HistoryRewritten,
    /// The erasure of a caller started.
    ErasureStarted,
    /// A call of an erased caller was masked.
    CallerErased,
    /// No byte of an erased caller remains.
    ErasureEnded,
    /// A person finished the instance with an outcome.
    Finished,
    /// The instance was cancelled.
    Cancelled,
    /// The instance was cancelled, because a newer one of its workflow replaced it.
    Replaced,
    /// The call changed.
    CallUpdated,
    /// The call ended.
    CallEnded,
    /// Operations accepted the wall clock. Only the time of this change may be earlier than that of
    /// the change before.
    ClockAccepted,
    /// Operations allowed the next purge to remove more of the archive than its share.
    PurgeConfirmed,
    /// A view was saved.
    ViewSaved,
    /// A view was removed.
    ViewRemoved,
    /// A person is away.
    AwaySet,
    /// A person is back earlier.
    AwayEnded,
}

/// What a change is about, besides the details of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Nothing else.
    Nothing,
    /// An alert of the instance.
    Alert,
    /// The person or team that got the instance, and the person whose claim ended.
    Recipient,
    /// The person whose claim ended.
    PreviousHolder,
    /// The person whose lease is over.
    Holder,
    /// The instance that replaces this one.
    Successor,
}

/// When a push can still be undone after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoOver {
    /// Never: the change is the work of a person, or it changes the stage or the meaning of the
    /// alerts.
    Never,
    /// Always: only the call changes.
    Always,
    /// If the change ended the claim of the person who pushed.
    OfPusher,
    /// If a timer made the change.
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
    /// Whether the change is work on the instance if a person makes it. After that, a script cannot
    /// withdraw the instance.
    #[must_use]
    pub fn is_work(self) -> bool {
        self.traits().is_work
    }

    /// Whether the values of the change were entered by people or scripts. An erasure masks such
    /// values. It keeps the values of other changes: times of a pause or a snooze, teams and
    /// counts.
    #[must_use]
    pub fn has_entered_values(self) -> bool {
        self.traits().has_entered_values
    }

    /// Whether the note of the change is one of the follow-up's notes.
    #[must_use]
    pub fn is_note(self) -> bool {
        self.traits().is_note
    }

    /// What the change is about, besides the details of its command.
    #[must_use]
    pub fn about(self) -> About {
        self.traits().about
    }

    /// When a push can still be undone after the change.
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
            Self::Escalated | Self::AlertedAgain => {
                NONE.about(About::Alert).undo_over(UndoOver::OfTimer)
            }
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
            | Self::PurgeConfirmed
            | Self::ViewSaved
            | Self::ViewRemoved
            | Self::AwaySet
            | Self::AwayEnded => NONE,
        }
    }
}
