//! The model: a workflow is a list of stages, a stage an event with its actions.

mod views;

use std::borrow::Cow;

pub use views::{Leads, Target};

use crate::calendar::ClockTime;
use crate::expression::Expression;
use crate::source::Source;
use crate::template::Template;
use crate::time::Span;
use crate::value::FieldDeclaration;

/// How an action says that it counts by the clock on the wall, although the workflow has a
/// calendar.
pub const NO_CALENDAR: &str = "none";

/// The number of the stage that every workflow has: its `NEW_CALL` event.
pub const FIRST_STAGE: u32 = 1;
/// The id of the `NEW_CALL` event.
pub const NEW_CALL_ID: &str = "new-call";
/// The label of the `NEW_CALL` event.
pub const NEW_CALL_LABEL: &str = "New call";

/// A workflow's content, as a draft or as an immutable version.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Its name, unique in a server: lower-case letters, digits and hyphens.
    pub name: String,
    /// Its title, for people.
    pub title: String,
    /// A deadline over all stages, counted from Set Workflow.
    pub deadline: Option<Span>,
    /// How long its instances are kept after their end; none for as long as the server keeps
    /// others. Of all versions the newest published one counts.
    pub retention: Option<Span>,
    /// The calendar in which its spans count, where an action names no other; none for the clock
    /// on the wall.
    pub calendar: Option<String>,
    /// The fields that Set Workflow takes, in the order written.
    pub fields: Vec<FieldDeclaration>,
    /// Whether it may be published with unlinked ends.
    pub allow_unlinked_ends: bool,
    /// Its stages in the order of their numbers; the first is [`FIRST_STAGE`].
    pub stages: Vec<Stage>,
    /// The file that it was imported from, for its comments.
    pub source: Source,
}

impl Definition {
    /// The stage with this number.
    #[must_use]
    pub fn stage(&self, number: u32) -> Option<&Stage> {
        self.stages
            .binary_search_by_key(&number, |stage| stage.number)
            .ok()
            .map(|at| &self.stages[at])
    }

    /// The name of the calendar in which something counts that names this one, or none itself.
    #[must_use]
    pub fn calendar_for<'d>(&'d self, own: Option<&'d str>) -> Option<&'d str> {
        own.or(self.calendar.as_deref())
            .filter(|name| *name != NO_CALENDAR)
    }

    /// The fields of all forms of its buttons.
    pub fn form_fields(&self) -> impl Iterator<Item = &FieldDeclaration> {
        let actions = self.stages.iter().flat_map(|stage| &stage.actions);
        actions
            .filter_map(Action::button)
            .flat_map(|button| &button.form)
    }

    /// Whether one of its actions finishes with this outcome.
    #[must_use]
    pub fn has_outcome(&self, outcome: &str) -> bool {
        let mut actions = self.stages.iter().flat_map(|stage| &stage.actions);
        actions.any(|action| {
            action
                .finish()
                .is_some_and(|finish| finish.outcome == outcome)
        })
    }

    /// The stage of the event with this id.
    #[must_use]
    pub fn stage_of(&self, event: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.event.id == event)
    }
}

/// An event together with its actions.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Given when the event is created and never used again within the workflow.
    pub number: u32,
    /// What happens.
    pub event: Event,
    /// What is done then, in order.
    pub actions: Vec<Action>,
}

impl Stage {
    /// What people call it.
    #[must_use]
    pub fn title(&self) -> Cow<'_, str> {
        self.event.stage_title()
    }

    /// The first stage of every workflow, with nothing in it yet.
    #[must_use]
    pub fn new_call() -> Self {
        let event = Event {
            id: NEW_CALL_ID.to_owned(),
            kind: EventKind::NewCall,
            label: NEW_CALL_LABEL.to_owned(),
            stage_title: None,
        };
        Self {
            number: FIRST_STAGE,
            event,
            actions: Vec::new(),
        }
    }
}

/// The three kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The workflow was set on a call.
    NewCall,
    /// A button was pushed at the Call Manager.
    ButtonPushed,
    /// A timer elapsed.
    TimerElapsed,
}

/// Something that happens to a call's workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique within the workflow: lower-case letters, digits and hyphens.
    pub id: String,
    /// Its kind.
    pub kind: EventKind,
    /// What people call it: the button's label, the timer's label.
    pub label: String,
    /// What people call its stage, where the author says it.
    pub stage_title: Option<String>,
}

impl Event {
    /// What people call its stage. A label says what has happened, and would be read as what is to
    /// be done: without a title of its own a stage is called after what leads to it.
    #[must_use]
    pub fn stage_title(&self) -> Cow<'_, str> {
        match (&self.stage_title, self.kind) {
            (Some(title), _) => Cow::Borrowed(title),
            (None, EventKind::NewCall) => Cow::Borrowed(&self.label),
            // The label that a timer has by default says it already: "After 2h", "At 09:00".
            (None, EventKind::TimerElapsed)
                if self.label.starts_with("After ") || self.label.starts_with("At ") =>
            {
                Cow::Borrowed(&self.label)
            }
            (None, EventKind::ButtonPushed | EventKind::TimerElapsed) => {
                Cow::Owned(format!("After {}", self.label))
            }
        }
    }
}

/// Something that is done when an event happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Asked once, when the stage is entered: it is done only where this holds.
    pub when: Option<Expression>,
    /// What is done.
    pub kind: ActionKind,
}

impl From<ActionKind> for Action {
    /// An action without a condition.
    fn from(kind: ActionKind) -> Self {
        Self { when: None, kind }
    }
}

/// What an action does.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    /// Raises an alert.
    Alert(AlertAction),
    /// Offers a button.
    Button(ButtonAction),
    /// Starts a timer.
    Timer(TimerAction),
    /// Goes to another event.
    Link(LinkAction),
    /// Finishes the workflow.
    Finish(FinishAction),
    /// Gives a field another value.
    SetField(SetFieldAction),
}

/// How urgent an alert is; the order is that of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Can wait.
    Low,
    /// The usual.
    Normal,
    /// Before the usual.
    High,
    /// Before everything else.
    Urgent,
}

impl Priority {
    /// The word for it in files, pages and sentences.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

impl Priority {
    /// The next one up; the highest stays.
    #[must_use]
    pub fn raised(self) -> Self {
        match self {
            Self::Low => Self::Normal,
            Self::Normal => Self::High,
            Self::High | Self::Urgent => Self::Urgent,
        }
    }
}

/// Raises an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertAction {
    /// What is to be done.
    pub text: Template,
    /// The team it is for, a declared one.
    pub team: String,
    /// How urgent it is.
    pub priority: Priority,
    /// When it should be done, counted from entering the stage.
    pub due: Option<Span>,
    /// The calendar in which its due and its escalation count, where it is not the workflow's;
    /// [`NO_CALENDAR`] for none.
    pub calendar: Option<String>,
    /// What becomes of it as its time goes by; only with a due.
    pub escalate: Vec<EscalationStep>,
}

/// One step of an alert's escalation. The stage stays the same, and the alert is shown to people
/// again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationStep {
    /// When it fires.
    pub at: StepTime,
    /// Whether and how often it is repeated.
    pub again: Option<Again>,
    /// How the alert's priority rises.
    pub priority: Option<Raise>,
    /// The team that the alert is for after this step.
    pub team: Option<String>,
    /// A team that the alert is also for after this step.
    pub add_team: Option<String>,
}

/// When an escalation step fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepTime {
    /// After this percentage of the time until the alert is due: 1 to 99.
    Share(u8),
    /// When it is due.
    Due,
    /// This long after it was due.
    After(Span),
}

/// How an escalation step is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Again {
    /// Time between two repetitions.
    pub every: Span,
    /// How many times in all, at least 2.
    pub times: u32,
}

/// How an escalation step changes an alert's priority; it never makes it lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Raise {
    /// To this one.
    To(Priority),
    /// By one.
    ByOne,
}

/// Whether pushing a button takes a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoteRule {
    /// A note may be given.
    Optional,
    /// A note must be given.
    Required,
}

/// Offers a button.
#[derive(Clone, Debug, PartialEq)]
pub struct ButtonAction {
    /// The text on the button.
    pub label: String,
    /// The id of its `BUTTON_PUSHED` event.
    pub event: String,
    /// A question to ask before pushing.
    pub confirmation: Option<String>,
    /// Whether a note is taken.
    pub note: NoteRule,
    /// What its form asks.
    pub form: Vec<FieldDeclaration>,
}

/// From when a timer counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TimerStart {
    /// From entering the stage.
    Stage,
    /// From the instance's start.
    Start,
    /// From the time in this field; from entering the stage where it has none.
    Field(String),
}

/// Starts a timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerAction {
    /// How long; none where it is only the time of day, or the field, that counts.
    pub after: Option<Span>,
    /// The time of day at which it elapses then, by the calendar's clock, else the caller's, else
    /// UTC.
    pub at: Option<ClockTime>,
    /// From when.
    pub from: TimerStart,
    /// The calendar in which it counts, where it is not the workflow's; [`NO_CALENDAR`] for none.
    pub calendar: Option<String>,
    /// Whether it waits, once it is due, until nobody holds the follow-up.
    pub waits_for_claim: bool,
    /// The id of its `TIMER_ELAPSED` event.
    pub event: String,
}

/// Goes to another event of the same workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkAction {
    /// The event's id.
    pub to: String,
    /// At most so many times on one instance, then elsewhere.
    pub at_most: Option<AtMost>,
}

/// The limit of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtMost {
    /// How many times, at least 1.
    pub times: u32,
    /// The id of the event to go to after that.
    pub otherwise: String,
}

/// Finishes the workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishAction {
    /// How it ended, as reports count it: lower-case letters, digits and hyphens.
    pub outcome: String,
}

/// Gives a field another value.
#[derive(Clone, Debug, PartialEq)]
pub struct SetFieldAction {
    /// The field's name.
    pub field: String,
    /// What it becomes; where that has no value it stays as it is.
    pub to: Expression,
}
