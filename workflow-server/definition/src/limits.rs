//! All limits of a definition, each with its reason.
//!
//! A limit in characters counts Unicode scalar values, so a Chinese name may be as long as an
//! English one. Each character takes up to four bytes; the limits in bytes allow for that. An emoji
//! of several parts counts as several characters.

/// The largest length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// This many Unicode scalar values.
    Characters(usize),
    /// This many bytes of UTF-8.
    Bytes(usize),
}

impl Length {
    /// The error of a text that is longer; `None` if it is not.
    #[must_use]
    pub fn fault(self, text: &str) -> Option<String> {
        let (length, unit, max) = match self {
            Self::Characters(max) => (text.chars().count(), "characters", max),
            Self::Bytes(max) => (text.len(), "bytes", max),
        };
        (length > max).then(|| format!("has {length} {unit}; at most {max} are allowed"))
    }
}

/// Stages of a workflow. The largest real workflows have some dozens.
pub const STAGES_MAX: usize = 1_000;
/// Actions of a stage. A person can understand far fewer on one screen.
pub const ACTIONS_PER_STAGE_MAX: usize = 50;
/// Fields of a workflow or of a form.
pub const FIELDS_MAX: usize = 64;
/// Characters of a name or an id. They fit into a column of a table.
pub const NAME_CHARS_MAX: usize = 64;
/// Characters of a label or a title. They fit into one line.
pub const LABEL_CHARS_MAX: usize = 128;
/// Bytes of a text, a note or a text value: one page. An entry may contain hundreds of them, so the
/// limit is in bytes.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// The longest duration, in days. A follow-up that waits longer is a mistake in the file.
pub const SPAN_DAYS_MAX: u32 = 3_650;
/// Errors of one file that are reported. People do not correct more at once, and it limits the size
/// of the answer.
pub const FAULTS_MAX: usize = 100;
/// The highest stage number. Numbers are never used twice. Even with a new version every day, a
/// workflow does not reach it in a lifetime.
pub const STAGE_NUMBER_MAX: u32 = 1_000_000;
/// The highest maximum of a link. Nobody counts further than this.
pub const LINK_TIMES_MAX: u32 = 1_000;
/// Steps of an alert's escalation. Nobody needs more.
pub const ESCALATION_STEPS_MAX: usize = 10;
/// The largest number of repetitions of an escalation step: every hour of a work week, and more.
pub const STEP_REPEATS_MAX: u32 = 100;
/// Levels of nested events. In a file, each event takes two levels, and a file may have 128 levels.
pub const EVENTS_NESTED_MAX: usize = 60;
/// Bytes of an expression: conditions of several lines.
pub const EXPRESSION_BYTES_MAX: usize = 512;
/// Levels of nesting of an expression. Without optimisation, the parser needs a hundred kilobytes
/// of stack for each level.
pub const EXPRESSION_DEPTH_MAX: u16 = 8;
/// Levels of the tree of an expression, such as the terms of a sum. The evaluation is recursive.
pub const EXPRESSION_TREE_DEPTH_MAX: usize = 40;
/// Expressions of a workflow.
pub const EXPRESSIONS_MAX: usize = 200;
/// Bytes of all expressions of a workflow: sixty for each. The slowest take 2.3 ms for each KiB to
/// parse, so all of them take less than 50 ms.
pub const EXPRESSIONS_BYTES_MAX: usize = 12 * 1024;
/// Bytes of all texts of a workflow that have filters or conditions. Reading a mebibyte of them
/// takes 70 to 200 ms, so all texts of a file take less than 50 ms. Texts with plain places do not
/// count.
pub const LOGIC_BYTES_MAX: usize = 192 * 1024;
/// Words and signs in one place of a text: some filters and a comparison.
pub const PLACE_WORDS_MAX: usize = 64;
/// Conditions of a text. A text that needs more should be several alerts.
pub const TEXT_CONDITIONS_MAX: usize = 16;
/// Places of a text. A page shows far fewer. Each takes a microsecond to read, and a file could
/// consist of places only.
pub const TEXT_PLACES_MAX: usize = 100;
/// Days of a calendar with other hours: the holidays of ten years.
pub const HOLIDAYS_MAX: usize = 400;
/// Openings of a day of a calendar.
pub const OPENINGS_MAX: usize = 8;
/// Values in the list of allowed values of a field.
pub const FIELD_VALUES_MAX: usize = 100;
