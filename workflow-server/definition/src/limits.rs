//! Every limit of a definition, in one place, each with its reason.
//!
//! A limit in characters counts Unicode scalar values, so that a Chinese name may be as long as an
//! English one; each takes up to four bytes, for which the limits in bytes have room. An emoji that
//! is joined of several counts as several.

/// How long a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// At most so many Unicode scalar values.
    Characters(usize),
    /// At most so many bytes of UTF-8.
    Bytes(usize),
}

impl Length {
    /// What is wrong with a text that is longer.
    #[must_use]
    pub fn fault(self, text: &str) -> Option<String> {
        let (length, unit, max) = match self {
            Self::Characters(max) => (text.chars().count(), "characters", max),
            Self::Bytes(max) => (text.len(), "bytes", max),
        };
        (length > max).then(|| format!("has {length} {unit}; at most {max} are allowed"))
    }
}

/// Stages of a workflow: the largest real ones have some dozens.
pub const STAGES_MAX: usize = 1_000;
/// Actions of a stage: what a person can take in on one screen, several times over.
pub const ACTIONS_PER_STAGE_MAX: usize = 50;
/// Fields of a workflow or of a form.
pub const FIELDS_MAX: usize = 64;
/// Characters of a name or an id: fits a table column.
pub const NAME_CHARS_MAX: usize = 64;
/// Characters of a label or a title: fits a line.
pub const LABEL_CHARS_MAX: usize = 128;
/// Bytes of a text, a note or a text value: a page. An entry may hold hundreds of them, so their
/// bytes are what there must be room for.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// The longest span, in days: a follow-up that waits longer is a mistake in the file.
pub const SPAN_DAYS_MAX: u32 = 3_650;
/// Faults that are reported of one file: more than anybody mends in one go, and a bound on the
/// answer's size.
pub const FAULTS_MAX: usize = 100;
/// The highest stage number: numbers are never used again, and a workflow amended every day for a
/// lifetime stays below.
pub const STAGE_NUMBER_MAX: u32 = 1_000_000;
/// The most often that a link can be limited to: beyond that it is not a limit that anybody counts.
pub const LINK_TIMES_MAX: u32 = 1_000;
/// Steps of an alert's escalation; more than anybody needs.
pub const ESCALATION_STEPS_MAX: usize = 10;
/// The most often that an escalation step is repeated: every hour of a work week and more.
pub const STEP_REPEATS_MAX: u32 = 100;
/// Events nested in one another: the file form of the deepest has two
/// levels for each, and a file may be 128 levels deep.
pub const EVENTS_NESTED_MAX: usize = 60;
/// Bytes of an expression: several lines of conditions.
pub const EXPRESSION_BYTES_MAX: usize = 512;
/// Nesting of an expression: the parser takes a hundred kilobytes of stack for each level where
/// nothing is optimised.
pub const EXPRESSION_DEPTH_MAX: u16 = 8;
/// How deep the tree of an expression may be, such as how many numbers it may add up: evaluating it
/// walks down.
pub const EXPRESSION_TREE_DEPTH_MAX: usize = 40;
/// Expressions of a workflow.
pub const EXPRESSIONS_MAX: usize = 200;
/// Bytes of all expressions of a workflow: sixty for each. Parsing the slowest takes 2.3 ms a KiB:
/// all stay within 50 ms.
pub const EXPRESSIONS_BYTES_MAX: usize = 12 * 1024;
/// Bytes of all texts of a workflow that have filters or conditions. Reading a mebibyte of them
/// takes 70 to 200 ms: all of a file stay within 50 ms. Texts of plain places do not count.
pub const WORKED_OUT_BYTES_MAX: usize = 192 * 1024;
/// Words and signs of one place in a text: some filters and a comparison.
pub const PLACE_WORDS_MAX: usize = 64;
/// Conditions of a text; a text that needs more is several alerts.
pub const TEXT_CONDITIONS_MAX: usize = 16;
/// Places of a text, far more than a page of them shows: each takes a microsecond to read, and a
/// file may be all places.
pub const TEXT_PLACES_MAX: usize = 100;
/// Days of a calendar that are different: ten years of the most festive country.
pub const HOLIDAYS_MAX: usize = 400;
/// Openings of a day of a calendar.
pub const OPENINGS_MAX: usize = 8;
/// Values that a field may be limited to.
pub const FIELD_VALUES_MAX: usize = 100;
