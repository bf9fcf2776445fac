//! The model: a workflow is a list of stages. A stage is an event and its actions.

mod views;

use std::borrow::Cow;

pub use views::{Leads, Target};

use crate::calendar::ClockTime;
use crate::expression::Expression;
use crate::source::Source;
use crate::template::Template;
use crate::time::Span;
use crate::value::FieldDeclaration;

/// The name with which an action uses the wall clock although its workflow has a calendar.
pub const NO_CALENDAR: &str = "none";

/// The number of the first stage, which every workflow has. Its event is `NEW_CALL`.
pub const FIRST_STAGE: u32 = 1;
/// The id of the `NEW_CALL` event.
pub const NEW_CALL_ID: &str = "new-call";
/// The label of the `NEW_CALL` event.
pub const NEW_CALL_LABEL: &str = "New call";

/// The content of a workflow, as a draft or as a version that never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The name, unique in a server: lower-case letters, digits and hyphens.
    pub name: String,
    /// The title for people.
    pub title: String,
    /// The deadline for all stages together, counted from Set Workflow.
    pub deadline: Option<Span>,
    /// How long instances are kept after their end. `None` for the server's default. The newest
    /// published version decides.
    pub retention: Option<Span>,
    /// The calendar for durations, unless an action names another one. `None` for the wall clock.
    pub calendar: Option<String>,
    /// The fields that Set Workflow accepts, in the order of the file.
    pub fields: Vec<FieldDeclaration>,
    /// Whether the workflow may be published with unlinked ends.
    pub allow_unlinked_ends: bool,
    /// The stages in the order of their numbers. The first is [`FIRST_STAGE`].
    pub stages: Vec<Stage>,
    /// The file from which the definition was imported, for its comments.
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

    /// The highest number of a stage: of how many stages people speak. 0 without a stage.
    #[must_use]
    pub fn last_stage(&self) -> u32 {
        self.stages.last().map_or(0, |stage| stage.number)
    }

    /// The calendar of an action that names the calendar `own`, or none. `None` for the wall clock.
    #[must_use]
    pub fn calendar_for<'d>(&'d self, own: Option<&'d str>) -> Option<&'d str> {
        own.or(self.calendar.as_deref())
            .filter(|name| *name != NO_CALENDAR)
    }

    /// The fields of all forms of the buttons.
    pub fn form_fields(&self) -> impl Iterator<Item = &FieldDeclaration> {
        let actions = self.stages.iter().flat_map(|stage| &stage.actions);
        actions
            .filter_map(Action::button)
            .flat_map(|button| &button.form)
    }

    /// Whether a field of the workflow or of a form has this name and is sensitive.
    #[must_use]
    pub fn has_sensitive_field(&self, name: &str) -> bool {
        let mut fields = self.fields.iter().chain(self.form_fields());
        fields.any(|field| field.sensitive && field.name == name)
    }

    /// Whether an action finishes with this outcome.
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

/// A stage: an event and its actions.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The number. The event gets it when it is created. No other stage of the workflow ever gets
    /// it.
    pub number: u32,
    /// The event that leads to the stage.
    pub event: Event,
    /// The actions, in order.
    pub actions: Vec<Action>,
}

impl Stage {
    /// The title that people see.
    #[must_use]
    pub fn title(&self) -> Cow<'_, str> {
        self.event.stage_title()
    }

    /// The first stage of every workflow, without actions.
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

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A script set the workflow on a call.
    NewCall,
    /// A person pushed a button.
    ButtonPushed,
    /// A timer fired.
    TimerElapsed,
}

/// Something that happens to an instance and leads to a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id, unique within the workflow: lower-case letters, digits and hyphens.
    pub id: String,
    /// The kind of the event.
    pub kind: EventKind,
    /// The label of the button or timer.
    pub label: String,
    /// The author's title for the stage of this event.
    pub stage_title: Option<String>,
}

impl Event {
    /// The title of the stage of this event. Without a title of its own, the stage is named after
    /// its event: "After" and the label. The label alone would read like something to do, but it
    /// has already happened.
    #[must_use]
    pub fn stage_title(&self) -> Cow<'_, str> {
        match (&self.stage_title, self.kind) {
            (Some(title), _) => Cow::Borrowed(title),
            (None, EventKind::NewCall) => Cow::Borrowed(&self.label),
            // The default labels of timers already say it: "After 2h", "At 09:00".
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

/// An action of a stage. It runs when its event happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The condition. It is evaluated once, when the stage is entered. If it is false, the action
    /// is skipped.
    pub when: Option<Expression>,
    /// The kind of the action.
    pub kind: ActionKind,
}

impl From<ActionKind> for Action {
    /// An action without a condition.
    fn from(kind: ActionKind) -> Self {
        Self { when: None, kind }
    }
}

/// The kind of an action, with its properties.
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
    /// Sets a field to another value.
    SetField(SetFieldAction),
}

/// The urgency of an alert, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// The work can wait.
    Low,
    /// The usual priority.
    Normal,
    /// Before work of the usual priority.
    High,
    /// Before all other work.
    Urgent,
}

impl Priority {
    /// The word for the priority in files, pages and sentences.
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
    /// The next higher priority. The highest one does not change.
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
    /// What people should do.
    pub text: Template,
    /// The team that the alert is for. It must be declared.
    pub team: String,
    /// The urgency of the alert.
    pub priority: Priority,
    /// The time until the alert is due, from the entry of the stage.
    pub due: Option<Span>,
    /// The calendar for its times, if it is not the workflow's. [`NO_CALENDAR`] for the wall clock.
    pub calendar: Option<String>,
    /// The steps of its escalation. They require a due time.
    pub escalate: Vec<EscalationStep>,
    /// How long a person's sight of the alert counts while nobody works on it. Then the alert is
    /// new again. `None` if the sight counts until the alert ends.
    pub seen_for: Option<Span>,
}

/// One step of an alert's escalation. The stage does not change. People see the alert as a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationStep {
    /// When the step fires.
    pub at: StepTime,
    /// How often the step is repeated.
    pub again: Option<Again>,
    /// How the priority of the alert rises.
    pub priority: Option<Raise>,
    /// The team that the alert is for after this step.
    pub team: Option<String>,
    /// A further team that the alert is for after this step.
    pub add_team: Option<String>,
}

/// When an escalation step fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepTime {
    /// After this percentage of the time until the alert is due: 1 to 99.
    Share(u8),
    /// When the alert is due.
    Due,
    /// This long after the alert was due.
    After(Span),
}

/// How an escalation step is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Again {
    /// The time between two repetitions.
    pub every: Span,
    /// The total number of times, at least 2.
    pub times: u32,
}

/// How an escalation step changes the priority of an alert. It never lowers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Raise {
    /// To this priority, if it is higher.
    To(Priority),
    /// To the next higher priority.
    ByOne,
}

/// Whether a person must add a note when pushing a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoteRule {
    /// A note is optional.
    Optional,
    /// A note is required.
    Required,
}

/// Offers a button.
#[derive(Clone, Debug, PartialEq)]
pub struct ButtonAction {
    /// The label.
    pub label: String,
    /// The id of the `BUTTON_PUSHED` event.
    pub event: String,
    /// A question to ask the person before the push.
    pub confirmation: Option<String>,
    /// Whether a note is required.
    pub note: NoteRule,
    /// The fields of the form.
    pub form: Vec<FieldDeclaration>,
}

/// The moment from which a timer counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TimerStart {
    /// From the entry of the stage.
    Stage,
    /// From the start of the instance.
    Start,
    /// From the time in this field. If it has no time, from the entry of the stage.
    Field(String),
}

/// Starts a timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerAction {
    /// The duration; `None` if only the time of day or the field counts.
    pub after: Option<Span>,
    /// The time of day at which the timer fires. It is by the clock of the calendar, or else of the
    /// caller, or else of the server.
    pub at: Option<ClockTime>,
    /// The moment from which the timer counts.
    pub from: TimerStart,
    /// The calendar of the timer, if it is not the workflow's. [`NO_CALENDAR`] for the wall clock.
    pub calendar: Option<String>,
    /// Whether a timer that is due waits until nobody has a claim on the instance.
    pub waits_for_claim: bool,
    /// The id of the `TIMER_ELAPSED` event.
    pub event: String,
}

/// Links to another event of the same workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkAction {
    /// The id of the event.
    pub to: String,
    /// How often an instance may follow the link. After that it goes elsewhere.
    pub at_most: Option<AtMost>,
}

/// The limit of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtMost {
    /// The number of times, at least 1.
    pub times: u32,
    /// The id of the event for later times.
    pub otherwise: String,
}

/// Finishes the workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishAction {
    /// The outcome, as reports count it: lower-case letters, digits and hyphens.
    pub outcome: String,
}

/// Sets a field to another value.
#[derive(Clone, Debug, PartialEq)]
pub struct SetFieldAction {
    /// The name of the field.
    pub field: String,
    /// The new value. If it has none, the field does not change.
    pub to: Expression,
}
