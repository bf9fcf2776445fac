//! Every limit of the engine, in one place, each with its reason.
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

/// Bytes of a definition file: a thousand stages with long texts fit; parsing stays within
/// milliseconds.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Nesting of a definition file: forty buttons deep, far beyond what people can read.
pub const FILE_DEPTH_MAX: usize = 128;
/// Keys, values, lists and mappings of a definition file: sixty for each of a thousand stages; read
/// within 50 ms.
pub const FILE_NODES_MAX: usize = 60_000;
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
/// Characters of a reason.
pub const REASON_CHARS_MAX: usize = 1_024;
/// Characters of a call's id, a customer, a script, an agent, an actor.
pub const SHORT_CHARS_MAX: usize = 128;
/// Characters of a caller's name or mail address.
pub const CALLER_CHARS_MAX: usize = 256;
/// Entries of a call's details.
pub const DETAILS_MAX: usize = 64;
/// The longest span, in days: a follow-up that waits longer is a mistake in the file.
pub const SPAN_DAYS_MAX: u32 = 3_650;
/// Open instances on one call: bounds what one change of a call can touch. With
/// [`TOUCHED_WHOLE_BYTES_MAX`] and [`RELEASED_BYTES_MAX`] it bounds the size of an entry.
pub const OPEN_INSTANCES_PER_CALL_MAX: usize = 100;
/// Bytes of an instance that an entry holds whole though only its call changed: usual ones have
/// less than 2 KiB. Of a larger one the entry holds what changed, so that 100 of the largest on one
/// call take no more than 100 of these.
pub const TOUCHED_WHOLE_BYTES_MAX: usize = 4_096;
/// Bytes of instances after which the end of a call, or the masking of one, leaves the others to
/// entries of their own: an entry with one largest instance more still has its place in a group of
/// the journal.
pub const RELEASED_BYTES_MAX: usize = 1 << 20;
/// Bytes of the calls that one erasure takes.
pub const ERASURE_BYTES_MAX: usize = 1 << 20;
/// Warnings of one entering of stages that are kept: more than anybody reads. A walk through a
/// thousand stages could make megabytes of them.
pub const STAGE_WARNINGS_MAX: usize = 100;
/// Instances on one call, ended ones too: bounds the call's record.
pub const INSTANCES_PER_CALL_MAX: usize = 1_000;
/// Open instances in a server: at 1.5 KiB each they fill 6 GiB of memory.
pub const OPEN_INSTANCES_MAX: u64 = 4_000_000;
/// The shortest lease of a claim, in milliseconds.
pub const LEASE_MILLIS_MIN: i64 = 1_000;
/// The longest: a day. What is held for longer is a hand-over, not a hold.
pub const LEASE_MILLIS_MAX: i64 = 86_400_000;
/// The lease of a claim that names none: a quarter of an hour.
pub const LEASE_MILLIS_DEFAULT: i64 = 900_000;
/// Candidates of one command that claims the next follow-up: as many people may ask at the same
/// moment and each gets another. To look at all of them takes some ten microseconds.
pub const CLAIM_CANDIDATES_MAX: usize = 64;
/// Calls of one caller that are looked at: a caller with more is a switchboard, or a number that
/// everybody has.
pub const CALLS_OF_CALLER_MAX: usize = 1_000;
/// The longest that an alert is snoozed, or an instance paused: a year. What nobody looks at for
/// longer is forgotten.
pub const PUT_OFF_MILLIS_MAX: i64 = 366 * 86_400_000;
/// Items of a batch: about a quarter of a megabyte in the journal.
pub const BATCH_ITEMS_MAX: usize = 10_000;
/// Batches that run at once.
pub const BATCHES_RUNNING_MAX: usize = 8;
/// Ended batches that are kept with their results; the oldest go first.
pub const BATCHES_KEPT: usize = 100;
/// Items of a batch in a second, where the request does not say.
pub const BATCH_PER_SECOND_DEFAULT: u32 = 100;
/// The most items of a batch in a second: leaves the ledger to those who wait for an answer.
pub const BATCH_PER_SECOND_MAX: u32 = 1_000;
/// Calls that one erasure takes: a caller with more is asked for again; about 100 KB in the
/// journal.
pub const ERASED_CALLS_MAX: usize = 1_000;
/// Erasures that run at once.
pub const ERASURES_RUNNING_MAX: usize = 8;
/// Ended erasures of which is kept that they were; the oldest go first.
pub const ERASURES_KEPT: usize = 100;
/// For so many sequences after a call has left memory it is still in the shared indexes: far more
/// than are on their way to the disk, so that no reader of an older root misses it.
pub const RETIRED_SEQUENCES: u64 = 4_096;
/// Keys that the shared indexes forget with one entry. Each call took an entry of its own when it
/// came, so on average one an entry is enough; a chunk of the archive, which removes thousands at
/// once, is spread over the entries that follow.
pub const RETIRED_PER_ENTRY: usize = 64;
/// Declared teams: lists of all teams stay small enough for one answer.
pub const TEAMS_MAX: usize = 1_000;
/// Workflows of a server.
pub const WORKFLOWS_MAX: usize = 10_000;
/// Versions of a workflow.
pub const VERSIONS_MAX: usize = 10_000;
/// Request ids that are remembered: at about 90 bytes each they fill 900 MB; the oldest go first.
pub const REQUEST_IDS_MAX: usize = 10_000_000;
/// Places at which time went back that are remembered: each was accepted by a person, and costs a
/// report one more search.
pub const TIMES_SET_BACK_KEPT: usize = 100;
/// Values of one field of a filter.
pub const FILTER_VALUES_MAX: usize = 100;
/// Faults that are reported of one file: more than anybody mends in one go, and a bound on the
/// answer's size.
pub const FAULTS_MAX: usize = 100;
/// The highest stage number: numbers are never used again, and a workflow amended every day for a
/// lifetime stays below.
pub const STAGE_NUMBER_MAX: u32 = 1_000_000;
/// The most often that a link can be limited to: beyond that it is not a limit that anybody counts.
pub const LINK_TIMES_MAX: u32 = 1_000;
/// Rungs of an alert's escalation: more steps than anybody climbs.
pub const RUNGS_MAX: usize = 10;
/// The most often that a rung is repeated: every hour of a work week and more.
pub const RUNG_TIMES_MAX: u32 = 100;
/// Events nested in one another: the file form of the deepest stays within [`FILE_DEPTH_MAX`], at
/// two levels each.
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
/// Commas, colons, brackets and the like in a file, and scalars in quotes. Within brackets the
/// parser keeps all of them until the last one is closed, before anything can be counted: 120,000
/// took 83 MiB and a quarter of a second. A file with as many keys and values as are allowed has
/// fewer.
pub const FILE_SIGNS_MAX: usize = 70_000;
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
/// Declared calendars.
pub const CALENDARS_MAX: usize = 1_000;
/// Days of a calendar that are different: ten years of the most festive country.
pub const HOLIDAYS_MAX: usize = 400;
/// Openings of a day of a calendar.
pub const OPENINGS_MAX: usize = 8;
/// Values that a field may be limited to.
pub const FIELD_VALUES_MAX: usize = 100;
