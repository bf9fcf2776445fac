//! Errors of a definition: what is wrong, where, and what the author should do.

/// The stable name of a kind of error. The API shows it in UPPER_SNAKE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultCode {
    /// The file is not YAML 1.2 or JSON.
    Syntax,
    /// The file or a part of it exceeds a limit.
    TooLarge,
    /// The key does not exist.
    UnknownKey,
    /// A required key is missing.
    MissingKey,
    /// A value has the wrong kind or form.
    BadValue,
    /// Only a later version supports this.
    NotSupportedYet,
    /// A stage neither waits, links nor finishes.
    UnlinkedEnd,
    /// A link to an event that does not exist.
    UnknownEvent,
    /// A circle of links in which nothing waits.
    CircleWithoutWait,
    /// Nothing leads to a stage.
    UnreachableStage,
    /// Two buttons in a stage have the same label.
    DuplicateLabel,
    /// An id, a stage number or a field name occurs twice.
    Duplicate,
    /// A stage has buttons but no alert, so nobody sees that it waits.
    NoAlert,
    /// A team is not declared.
    UnknownTeam,
    /// A calendar is not declared.
    UnknownCalendar,
    /// A field is named but not declared.
    UnknownField,
    /// An expression uses unknown names, or values of types that do not match.
    BadExpression,
    /// A link or finish is not the last action. Or its stage has alerts, buttons or timers that it
    /// would end at once.
    ActionAfterEnd,
    /// Earlier versions used the stage number or id for another event.
    NumberUsed,
}

impl FaultCode {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "SYNTAX",
            Self::TooLarge => "TOO_LARGE",
            Self::UnknownKey => "UNKNOWN_KEY",
            Self::MissingKey => "MISSING_KEY",
            Self::BadValue => "BAD_VALUE",
            Self::NotSupportedYet => "NOT_SUPPORTED_YET",
            Self::UnlinkedEnd => "UNLINKED_END",
            Self::UnknownEvent => "UNKNOWN_EVENT",
            Self::CircleWithoutWait => "CIRCLE_WITHOUT_WAIT",
            Self::UnreachableStage => "UNREACHABLE_STAGE",
            Self::DuplicateLabel => "DUPLICATE_LABEL",
            Self::Duplicate => "DUPLICATE",
            Self::NoAlert => "NO_ALERT",
            Self::UnknownTeam => "UNKNOWN_TEAM",
            Self::UnknownCalendar => "UNKNOWN_CALENDAR",
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::BadExpression => "BAD_EXPRESSION",
            Self::ActionAfterEnd => "ACTION_AFTER_END",
            Self::NumberUsed => "NUMBER_USED",
        }
    }
}

/// An error or a warning of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind of error.
    pub code: FaultCode,
    /// One sentence for the author. It says what to do.
    pub message: String,
    /// The number of the stage; 0 if the error is not in a stage.
    pub stage: u32,
    /// The action, counted from 1 within the stage; 0 if the error is not in an action.
    pub action: u32,
    /// The invalid field; empty if there is none.
    pub field: String,
    /// The invalid words in the field's text or condition, as the author wrote them; empty if all
    /// of it is invalid.
    pub part: String,
    /// The line in the file, from 1; 0 if unknown.
    pub line: u32,
    /// The column in the file, from 1; 0 if unknown.
    pub column: u32,
    /// Whether this is a warning. A warning does not prevent publishing.
    pub warning: bool,
}

impl Fault {
    /// An error without a place. The caller adds the place.
    pub fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            stage: 0,
            action: 0,
            field: String::new(),
            part: String::new(),
            line: 0,
            column: 0,
            warning: false,
        }
    }
}
