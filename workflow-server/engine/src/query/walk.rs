//! Walks over many rows that can be stopped before their end: because the client has gone away, or
//! the budget is used up.

use thiserror::Error;

/// Rows between two checks: about 30 µs of work.
const CHECK_EVERY: u32 = 256;

/// The walk was stopped before its end: there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the walk was stopped before its end")]
pub struct Stopped;

/// Called every 256 rows; returns whether the walk must stop.
pub type ShouldStop<'s> = &'s dyn Fn() -> bool;

/// For walks that are short or that nobody waits for.
#[must_use]
pub fn never() -> bool {
    false
}

/// The rows, with a check before the first and then every 256 rows.
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
