//! Every limit of calls, instances and the World, in one place, each with its reason.
//!
//! A limit in characters counts Unicode scalar values.

/// Characters of a reason.
pub const REASON_CHARS_MAX: usize = 1_024;
/// Characters of a call's id, a customer, a script, an agent, an actor.
pub const SHORT_CHARS_MAX: usize = 128;
/// Characters of a caller's name or mail address.
pub const CALLER_CHARS_MAX: usize = 256;
/// Entries of a call's details.
pub const DETAILS_MAX: usize = 64;
/// Open instances on one call: bounds what one change of a call can touch. With
/// [`TOUCHED_WHOLE_BYTES_MAX`] and [`RELEASED_BYTES_MAX`] it bounds the size of an entry.
pub const OPEN_INSTANCES_PER_CALL_MAX: usize = 100;
/// Bytes of an instance that an entry holds whole although only its call changed. Usual instances
/// have less than 2 KiB. Of a larger one the entry holds only the effect of the change, so that 100
/// of the largest on one call take no more than 100 of this size.
pub const TOUCHED_WHOLE_BYTES_MAX: usize = 4_096;
/// Bytes of instances in one entry that ends or masks a call; the other instances of the call get
/// entries of their own. An entry with one more instance of the largest size still fits into a
/// group of the journal.
pub const RELEASED_BYTES_MAX: usize = 1 << 20;
/// Bytes of the calls that one erasure takes.
pub const ERASURE_BYTES_MAX: usize = 1 << 20;
/// Warnings that are kept when stages are entered: more than anybody reads. A walk through a
/// thousand stages could make megabytes of them.
pub const STAGE_WARNINGS_MAX: usize = 100;
/// Instances on one call, ended ones too: bounds the call's record.
pub const INSTANCES_PER_CALL_MAX: usize = 1_000;
/// Open instances in a server: at 1.5 KiB each they fill 6 GiB of memory.
pub const OPEN_INSTANCES_MAX: u64 = 4_000_000;
/// The shortest lease of a claim, in milliseconds.
pub const LEASE_MILLIS_MIN: i64 = 1_000;
/// The longest lease of a claim: a day. For longer, hand the work over.
pub const LEASE_MILLIS_MAX: i64 = 86_400_000;
/// The lease of a claim that names none: a quarter of an hour.
pub const LEASE_MILLIS_DEFAULT: i64 = 900_000;
/// Candidates of one command that claims the next follow-up: so many people may ask at the same
/// moment, and each gets another one. Checking all of them takes about ten microseconds.
pub const CLAIM_CANDIDATES_MAX: usize = 64;
/// Calls of one caller that a search reads: a caller with more is a switchboard, or a number that
/// everybody has.
pub const CALLS_OF_CALLER_MAX: usize = 1_000;
/// The longest snooze of an alert or pause of an instance: a year. What nobody looks at for longer
/// is forgotten.
pub const HIDDEN_MILLIS_MAX: i64 = 366 * 86_400_000;
/// Items of a batch: about a quarter of a megabyte in the journal.
pub const BATCH_ITEMS_MAX: usize = 10_000;
/// Batches that run at once.
pub const BATCHES_RUNNING_MAX: usize = 8;
/// Ended batches that are kept with their results; the oldest go first.
pub const BATCHES_KEPT: usize = 100;
/// Items of a batch in a second, where the request does not set it.
pub const BATCH_PER_SECOND_DEFAULT: u32 = 100;
/// The most items of a batch in a second, so that requests do not wait for the ledger.
pub const BATCH_PER_SECOND_MAX: u32 = 1_000;
/// Calls that one erasure takes: a caller with more needs another request; about 100 KB in the
/// journal.
pub const ERASED_CALLS_MAX: usize = 1_000;
/// Erasures that run at once.
pub const ERASURES_RUNNING_MAX: usize = 8;
/// Ended erasures that are kept; the oldest go first.
pub const ERASURES_KEPT: usize = 100;
/// For so many sequences a call that has left memory stays in the shared indexes: far more than are
/// on their way to the disk, so that a reader of an older root still finds it.
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
/// Entries that set time back and are remembered: a person accepted each, and each costs a report
/// one more search.
pub const TIMES_SET_BACK_KEPT: usize = 100;
/// Values of one field of a filter.
pub const FILTER_VALUES_MAX: usize = 100;
/// Declared calendars.
pub const CALENDARS_MAX: usize = 1_000;
