//! What the ledger is given when it is made.

use std::time::Duration;

use aftercall_definition::time::Span;
use aftercall_engine::world::Keeping;
use jiff::tz::TimeZone;

/// What the ledger is given when it is made.
#[derive(Clone)]
pub struct LedgerOptions {
    /// What the World keeps.
    pub keeping: Keeping,
    /// Entries between snapshots.
    pub snapshot_every_entries: u64,
    /// Entries that stay in the journal behind the older of the two snapshots.
    pub journal_kept_entries: u64,
    /// How far the wall clock may be ahead at a start, beyond the time that is known to have
    /// passed.
    pub clock_ahead_max: Duration,
    /// How long after its end an instance leaves memory, in milliseconds.
    pub archive_after_millis: i64,
    /// How long ended instances are kept where their workflow does not say; none for ten years.
    pub retention: Option<Span>,
    /// The time zone that counts where neither the caller nor a calendar has one.
    pub default_zone: TimeZone,
}
