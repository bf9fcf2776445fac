//! Faults of a definition: what, where, and what to do about it.

/// A stable name for a kind of fault; the API shows it in UPPER_SNAKE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultCode {
    /// The file is not YAML 1.2 or JSON.
    Syntax,
    /// The file, or something in it, is larger than a limit.
    TooLarge,
    /// A key that does not exist.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// A value of the wrong kind or form.
    BadValue,
    /// Something that a later version supports.
    NotSupportedYet,
    /// A stage that neither waits, links nor finishes.
    UnlinkedEnd,
    /// A link to an event that does not exist.
    UnknownEvent,
    /// A circle of links in which nothing waits.
    CircleWithoutWait,
    /// A stage that nothing leads to.
    UnreachableStage,
    /// Two buttons with one label in a stage.
    DuplicateLabel,
    /// One id, stage number or field name twice.
    Duplicate,
    /// A stage with buttons and no alert: nobody learns that it waits.
    NoAlert,
    /// A team that is not declared.
    UnknownTeam,
    /// A calendar that is not declared.
    UnknownCalendar,
    /// Something names a field that is not declared.
    UnknownField,
    /// An expression that names what is not there, or whose types do not go together.
    BadExpression,
    /// A link or finish that is not the last action, or that shares its stage with what it would
    /// withdraw at once.
    ActionAfterEnd,
    /// A stage number or id that earlier versions used for another event.
    NumberUsed,
}

impl FaultCode {
    /// Its name in the API.
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

/// A fault, or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub code: FaultCode,
    /// One sentence for the author, which says what to do.
    pub message: String,
    /// The stage's number; 0 where it is not in a stage.
    pub stage: u32,
    /// The action, counted from 1 within the stage; 0 where it is not in an action.
    pub action: u32,
    /// The invalid field; empty if none is.
    pub field: String,
    /// The words in the field's text or condition that are wrong, as the author wrote them; empty
    /// where all of it is.
    pub part: String,
    /// The line in the file, from 1; 0 where unknown.
    pub line: u32,
    /// The column in the file, from 1; 0 where unknown.
    pub column: u32,
    /// A warning does not keep a workflow from being published.
    pub warning: bool,
}

impl Fault {
    /// A fault that is nowhere in particular yet.
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
