//! Walks over many rows that can be stopped: because the client has disconnected, or because the
//! time is over.

use thiserror::Error;

/// Rows between two checks. They take about 30 µs.
const CHECK_EVERY: u32 = 256;

/// The walk was stopped before its end, so it has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the walk was stopped before its end")]
pub struct Stopped;

/// A walk calls this every 256 rows. Returns whether the walk must stop.
pub type ShouldStop<'s> = &'s dyn Fn() -> bool;

/// Never stops a walk. For walks that are short or that no client waits for.
#[must_use]
pub fn never() -> bool {
    false
}

/// Returns the rows. Checks whether to stop before the first row and after every 256 rows.
pub(super) fn checked<'s, T>(
    rows: impl Iterator<Item = T> + 's,
    should_stop: ShouldStop<'s>,
) -> impl Iterator<Item = Result<T, Stopped>> + 's {
    let mut until_check = 0;
    rows.map(move |row| {
        if until_check == 0 {
            if should_stop() {
                return Err(Stopped);
            }
            until_check = CHECK_EVERY;
        }
        until_check -= 1;
        Ok(row)
    })
}
