//! The time of a restored store. A server would not believe a wall clock that is ahead of the
//! newest entry by more than an hour, and would hold its timers until somebody accepts the clock.
//! To restore is a deliberate act, so the restore leaves a sign of life of its own: time continues
//! from then. It counts what comes due by that, so that nothing fires without having been
//! announced.

use aftercall_definition::time::Time;

use super::BackupError;
use super::replay::At;
use crate::journal::VaultWriter;
use crate::ledger::{Clock, LAST_SEEN_KEY};
use crate::limits::{CLOCK_AHEAD_MAX, RESTORE_AHEAD_MAX};
use crate::records::LastSeen;

/// What a server that starts on a restored store does about the time that has passed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockAtStart {
    /// Its time continues from this; what came due until then fires.
    Continues {
        /// What the wall clock showed.
        from: Time,
        /// How many timers have come due since the newest entry: timers of workflows, escalations,
        /// ends of claims, snoozes and pauses.
        due: u64,
    },
    /// It was asked to hold its timers until operations accept the clock.
    Held,
    /// The wall clock is behind the newest entry, or too far ahead to be believed: the server
    /// decides, and most likely holds its timers.
    Unbelievable {
        /// What the wall clock showed.
        wall: Time,
    },
}

/// Leaves the sign where the clock can be believed.
pub(super) async fn give_sign(
    at: &At,
    clock: Option<&dyn Clock>,
    vault: &dyn VaultWriter,
) -> Result<ClockAtStart, BackupError> {
    let Some(clock) = clock else {
        return Ok(ClockAtStart::Held);
    };
    let (wall, newest) = (clock.wall(), at.world.root().at);
    if at.position.sequence == 0 {
        return Ok(ClockAtStart::Continues { from: wall, due: 0 });
    }
    let ahead_max = i64::try_from(RESTORE_AHEAD_MAX.as_millis()).unwrap_or(i64::MAX);
    if wall < newest || wall.0.saturating_sub(newest.0) > ahead_max {
        return Ok(ClockAtStart::Unbelievable { wall });
    }
    let uptime = clock.uptime();
    let sign = LastSeen {
        sequence: at.position.sequence,
        server: wall,
        wall,
        up_millis: uptime
            .as_ref()
            .map_or(0, |uptime| uptime.since.as_millis() as u64),
        boot: uptime.map_or_else(|| "".into(), |uptime| uptime.id),
        is_held: false,
        slack_millis: CLOCK_AHEAD_MAX.as_millis() as u64,
    };
    vault.put_key(LAST_SEEN_KEY, sign.bytes().into()).await?;
    Ok(ClockAtStart::Continues {
        from: wall,
        due: at.world.timers().due(wall).count() as u64,
    })
}
