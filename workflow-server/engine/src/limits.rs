//! All limits of calls, instances and the World, each with its reason.
//!
//! A limit in characters counts Unicode scalar values.

/// Characters of a reason.
pub const REASON_CHARS_MAX: usize = 1_024;
/// Characters of a call's id, a customer, a script, an agent or an actor.
pub const SHORT_CHARS_MAX: usize = 128;
/// Characters of a caller's name or mail address.
pub const CALLER_CHARS_MAX: usize = 256;
/// Entries of a call's details.
pub const DETAILS_MAX: usize = 64;
/// Open instances on one call. This limits what one change of a call can touch. Together with
/// [`TOUCHED_WHOLE_BYTES_MAX`] and [`RELEASED_BYTES_MAX`] it limits the size of an entry.
pub const OPEN_INSTANCES_PER_CALL_MAX: usize = 100;
/// Bytes of an instance that an entry contains as a whole although only its call changed. Usual
/// instances have less than 2 KiB. Of a larger instance, the entry contains only the effect of the
/// change. So 100 of the largest instances on one call take at most 100 times this size.
pub const TOUCHED_WHOLE_BYTES_MAX: usize = 4_096;
/// Bytes of instances in one entry that ends or masks a call. The other instances of the call get
/// entries of their own. An entry with one more instance of the largest size still fits into a
/// group of the journal.
pub const RELEASED_BYTES_MAX: usize = 1 << 20;
/// Bytes of the calls that one erasure takes.
pub const ERASURE_BYTES_MAX: usize = 1 << 20;
/// Warnings to keep when an instance enters stages. Nobody reads more. A walk through a thousand
/// stages could otherwise make megabytes of them.
pub const STAGE_WARNINGS_MAX: usize = 100;
/// Instances on one call, including ended ones. This limits the record of the call.
pub const INSTANCES_PER_CALL_MAX: usize = 1_000;
/// Open instances in a server. At 1.5 KiB each they need 6 GiB of memory.
pub const OPEN_INSTANCES_MAX: u64 = 4_000_000;
/// The shortest lease of a claim, in milliseconds.
pub const LEASE_MILLIS_MIN: i64 = 1_000;
/// The longest lease of a claim, in milliseconds: a day. For longer, hand the work over.
pub const LEASE_MILLIS_MAX: i64 = 86_400_000;
/// The lease of a claim if the request does not set it, in milliseconds: 15 minutes.
pub const LEASE_MILLIS_DEFAULT: i64 = 900_000;
/// Candidates in one command that claims the next follow-up. So many people can ask at the same
/// moment, and each gets a different one. Checking all of them takes about ten microseconds.
pub const CLAIM_CANDIDATES_MAX: usize = 64;
/// Calls of one caller that a search reads. A caller with more is a switchboard, or a number that
/// many people share.
pub const CALLS_OF_CALLER_MAX: usize = 1_000;
/// The longest snooze of an alert or pause of an instance, in milliseconds: a year. People forget
/// what is hidden for longer.
pub const HIDDEN_MILLIS_MAX: i64 = 366 * 86_400_000;
/// Items of a batch. They take about a quarter of a megabyte in the journal.
pub const BATCH_ITEMS_MAX: usize = 10_000;
/// Batches that can run at once: so many of operations, and so many of people.
pub const BATCHES_RUNNING_MAX: usize = 8;
/// Batches of one person that can run at once.
pub const BATCHES_OF_PERSON_MAX: usize = 1;
/// Ended batches to keep with their results: so many of operations, and so many of people. The oldest
/// are removed first.
pub const BATCHES_KEPT: usize = 100;
/// Items of a batch in a second, if the request does not set it.
pub const BATCH_PER_SECOND_DEFAULT: u32 = 100;
/// The largest number of items of a batch in a second. With more, requests would wait for the
/// ledger.
pub const BATCH_PER_SECOND_MAX: u32 = 1_000;
/// Calls that one erasure takes, about 100 KB in the journal. A caller with more needs another
/// request.
pub const ERASED_CALLS_MAX: usize = 1_000;
/// Erasures that can run at once.
pub const ERASURES_RUNNING_MAX: usize = 8;
/// Ended erasures to keep. The oldest are removed first.
pub const ERASURES_KEPT: usize = 100;
/// How many sequences a call that left memory stays in the shared indexes. Far fewer entries are on
/// their way to the disk at once, so a reader of an older root still finds the call.
pub const RETIRED_SEQUENCES: u64 = 4_096;
/// Keys that one entry removes from the shared indexes. On average one is enough, because each call
/// came with an entry of its own. A new chunk of the archive removes thousands of calls at once;
/// the following entries share this work.
pub const RETIRED_PER_ENTRY: usize = 64;
/// Declared teams. A list of all teams fits into one answer.
pub const TEAMS_MAX: usize = 1_000;
/// Workflows of a server.
pub const WORKFLOWS_MAX: usize = 10_000;
/// Versions of a workflow.
pub const VERSIONS_MAX: usize = 10_000;
/// Request ids to remember. At about 90 bytes each they need 900 MB. The oldest are removed first.
pub const REQUEST_IDS_MAX: usize = 10_000_000;
/// Entries that set the clock back, to remember. A person accepted each of them. Each costs a
/// report one more search.
pub const TIMES_SET_BACK_KEPT: usize = 100;
/// Values of one field of a filter.
pub const FILTER_VALUES_MAX: usize = 100;
/// Saved views of one person or one team. More than that nobody reads.
pub const VIEWS_PER_OWNER_MAX: usize = 50;
/// Saved views of all owners. Each takes about a kilobyte, so they need 20 MB.
pub const VIEWS_MAX: usize = 20_000;
/// People who are away at the same time.
pub const AWAY_MAX: usize = 10_000;
/// People who are away themselves, of those who get the work of a person instead.
pub const AWAY_CHAIN_MAX: usize = 8;
/// Declared calendars.
pub const CALENDARS_MAX: usize = 1_000;
