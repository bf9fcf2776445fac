//! The settings of the ledger.

use std::time::Duration;

use aftercall_definition::time::Span;
use aftercall_engine::World;
use aftercall_engine::world::Keeping;

use crate::limits::SNAPSHOT_SHARE;
use jiff::tz::TimeZone;

/// The settings of the ledger.
#[derive(Clone)]
pub struct LedgerOptions {
    /// The number of commands that may wait, at least 1. Less urgent ones have a share of it.
    pub commands_waiting_max: usize,
    /// What the World keeps, and for how long.
    pub keeping: Keeping,
    /// The minimum number of entries between snapshots. A large World has more.
    pub snapshot_every_entries: u64,
    /// The number of entries that stay in the journal before the older of the two snapshots.
    pub journal_kept_entries: u64,
    /// How far the wall clock may be ahead at a start, beyond the time that is known to have
    /// passed.
    pub clock_ahead_max: Duration,
    /// How long after its end an instance leaves memory, in milliseconds.
    pub archive_after_millis: i64,
    /// How long ended instances are kept if their workflow does not set it. `None` for ten years.
    pub retention: Option<Span>,
    /// The time zone for requests and calendars that have none.
    pub default_zone: TimeZone,
}

impl LedgerOptions {
    /// The number of entries between a snapshot of this World and the next.
    pub(in crate::ledger) fn entries_to_next_snapshot(&self, world: &World) -> u64 {
        self.snapshot_every_entries
            .max(world.records() as u64 / SNAPSHOT_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use aftercall_definition::time::Time;

    use super::*;
    use crate::limits::COMMANDS_WAITING_MAX;

    #[test]
    fn a_large_world_has_more_entries_between_snapshots() {
        let options = LedgerOptions {
            commands_waiting_max: COMMANDS_WAITING_MAX as usize,
            keeping: Keeping::default(),
            snapshot_every_entries: 1_000,
            journal_kept_entries: 0,
            clock_ahead_max: Duration::ZERO,
            archive_after_millis: 0,
            retention: None,
            default_zone: TimeZone::UTC,
        };
        let mut world = World::new(Keeping::default());
        for (records, expected) in [(1_000, 1_000), (8_000, 1_000), (16_000, 2_000)] {
            while world.records() < records {
                let number = world.records() as u64;
                world.restore_mark(u128::from(number), number, number, Time(0));
            }
            assert_eq!(options.entries_to_next_snapshot(&world), expected);
        }
    }
}
