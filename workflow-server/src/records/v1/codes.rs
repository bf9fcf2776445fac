//! The numbers that represent the members of closed lists. No number is ever used for another
//! member.

use aftercall_definition::EventKind;
use aftercall_definition::calendar::NextDay;
use aftercall_definition::model::Priority;
use aftercall_definition::time::SpanUnit;
use aftercall_definition::value::FieldType;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::BatchState;
use aftercall_engine::entry::{ChangeKind, StageWarningKind, Warning};
use aftercall_engine::erasure::ErasureState;
use aftercall_engine::instance::Status;

use crate::records::RecordError;

/// A closed list with a number for each of its members.
pub(in crate::records) trait Coded: Sized + Copy + PartialEq + 'static {
    /// The name of the list in errors.
    const NAME: &'static str;
    /// All members with their numbers.
    const CODES: &'static [(Self, i32)];

    /// The number of the member. A test checks that every member has one.
    fn code(self) -> i32 {
        Self::CODES
            .iter()
            .find(|(member, _)| *member == self)
            .map_or(0, |(_, code)| *code)
    }

    /// The member with this number.
    fn from_code(code: i32) -> Result<Self, RecordError> {
        let found = Self::CODES.iter().find(|(_, known)| *known == code);
        found
            .map(|(member, _)| *member)
            .ok_or(RecordError::Incomplete(Self::NAME))
    }
}

macro_rules! coded {
    ($list:ty, $name:literal, $($member:ident = $code:literal),+ $(,)?) => {
        impl Coded for $list {
            const NAME: &'static str = $name;
            const CODES: &'static [(Self, i32)] = &[$((Self::$member, $code)),+];
        }
        const _: () = {
            // Does not compile if a member exists in the list and not here.
            #[allow(dead_code)]
            const fn every_member_has_a_code(member: $list) -> i32 {
                match member { $(<$list>::$member => $code),+ }
            }
        };
    };
}

coded!(
    ActorKind,
    "actor kind",
    ScriptEngine = 1,
    Person = 2,
    Operations = 3,
    Author = 4,
    Timer = 5,
    Server = 6
);
coded!(
    Status,
    "status",
    WaitingForCallEnd = 1,
    Active = 2,
    Incomplete = 3,
    Finished = 4,
    Cancelled = 5,
    Paused = 6
);
coded!(
    Priority,
    "priority",
    Low = 1,
    Normal = 2,
    High = 3,
    Urgent = 4
);
coded!(
    EventKind,
    "event kind",
    NewCall = 1,
    ButtonPushed = 2,
    TimerElapsed = 3
);
coded!(
    SpanUnit,
    "span unit",
    Seconds = 1,
    Minutes = 2,
    Hours = 3,
    Days = 4,
    WorkingDays = 5
);
coded!(
    NextDay,
    "day of a timer",
    Whenever = 1,
    NextDay = 2,
    NextWorkingDay = 3
);
coded!(
    StageWarningKind,
    "stage warning",
    MissingValue = 1,
    ConditionFailed = 2,
    FieldNotSet = 3,
    NoTime = 4,
);
coded!(
    FieldType,
    "field type",
    Text = 1,
    Number = 2,
    Bool = 3,
    Time = 4
);
coded!(
    ErasureState,
    "erasure state",
    Masking = 1,
    Scrubbing = 2,
    Done = 3
);
coded!(
    BatchState,
    "batch state",
    Running = 1,
    Stopped = 2,
    Done = 3
);
coded!(
    Warning,
    "warning",
    NotChargeable = 1,
    UnlinkedEnds = 2,
    CallHadEnded = 3,
    Incomplete = 4,
    StageWarnings = 5,
    Overdue = 6,
);
coded!(
    ChangeKind,
    "change kind",
    TeamImported = 1,
    WorkflowImported = 2,
    WorkflowPublished = 3,
    Set = 4,
    SetAgain = 5,
    Released = 6,
    Withdrawn = 7,
    ButtonPushed = 8,
    TimerElapsed = 9,
    NoteAdded = 10,
    Cancelled = 11,
    Replaced = 12,
    CallUpdated = 13,
    CallEnded = 14,
    AlertAcknowledged = 15,
    Claimed = 16,
    ClaimExtended = 17,
    ClaimReleased = 18,
    ClaimLapsed = 19,
    TakenOver = 20,
    HandedOver = 21,
    Escalated = 22,
    Snoozed = 23,
    AlertReturned = 24,
    Paused = 25,
    Resumed = 26,
    PushUndone = 27,
    Chased = 28,
    Moved = 29,
    BatchStarted = 30,
    BatchItemRefused = 31,
    BatchStopped = 32,
    Archived = 33,
    ChunkReplaced = 34,
    ErasureStarted = 35,
    CallerErased = 36,
    ErasureEnded = 37,
    CalendarImported = 38,
    WorkflowArchived = 39,
    Migrated = 40,
    ClockAccepted = 41,
    RetentionConfirmed = 42,
    Finished = 43,
    PurgeConfirmed = 44,
    TeamRemoved = 45,
    HistoryPacked = 46,
    HistoryRewritten = 47,
    AlertedAgain = 48,
    ViewSaved = 49,
    ViewRemoved = 50,
    AwaySet = 51,
    AwayEnded = 52,
);
