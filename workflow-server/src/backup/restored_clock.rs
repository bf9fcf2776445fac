//! The time of a restored store. A server does not trust a wall clock that is more than an hour
//! ahead of the newest entry. It would hold the timers until a person accepts the clock. But a
//! restore is a deliberate act. So the restore writes a sign of life, and the server's time
//! continues from there. The restore also counts the timers that have become due, so that operators
//! know in advance what will fire.

use aftercall_definition::time::Time;

use super::BackupError;
use super::replay::At;
use crate::journal::VaultWriter;
use crate::ledger::{Clock, LAST_SEEN_KEY};
use crate::limits::{CLOCK_AHEAD_MAX, RESTORE_AHEAD_MAX};
use crate::records::LastSeen;

/// How a server that starts on a restored store treats the time that has passed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockAtStart {
    /// The time continues from here. The timers that have become due fire.
    Continues {
        /// The time of the wall clock.
        from: Time,
        /// The number of timers that have become due since the newest entry: timers of workflows,
        /// escalations, ends of claims, snoozes and pauses.
        due: u64,
    },
    /// As requested, the server holds its timers until operations accept the clock.
    Held,
    /// The wall clock is behind the newest entry, or too far ahead. The server decides at its
    /// start, and probably holds its timers.
    Unbelievable {
        /// The time of the wall clock.
        wall: Time,
    },
}

/// Writes the sign of life if the clock is plausible.
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
