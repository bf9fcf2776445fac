//! What time it is for the ledger: the wall clock while it is plausible, and otherwise the newest
//! believed time and what the monotonic clock counts since. Meanwhile timers wait and nothing is
//! removed, until the wall clock is plausible again or operations accept it.
//!
//! Plausible is a wall clock that agrees with the monotonic clock by five minutes. What passed
//! while no process ran is known where the machine has not been booted since; otherwise the wall
//! clock may be ahead of the last sign of life by a setting, and a time service may still correct
//! it by as much in the first hours.
//!
//! Promise: no single start lets the time exceed the newest believed time by more than that setting
//! and the time that is known to have passed.

mod shared;

use std::sync::Arc;
use std::time::Duration;

use aftercall_definition::time::{Time, duration_in_words};
pub(in crate::ledger) use shared::SharedTime;

use crate::ledger::Clock;
use crate::limits::{CLOCK_JUMP_MAX, PROCESS_SETTLES};
use crate::records::LastSeen;

/// What a start knows of the time.
pub(in crate::ledger) struct Known {
    /// When the newest entry was decided; none where there is no entry.
    pub(in crate::ledger) newest: Option<Time>,
    /// The last sign of life, where it counts.
    pub(in crate::ledger) last_seen: Option<LastSeen>,
    /// How far the wall clock may be ahead.
    pub(in crate::ledger) ahead_max: Duration,
}

/// Why the wall clock is not believed.
#[derive(Clone)]
struct Hold {
    /// The newest time that was believed before.
    believed: Time,
    /// How far the wall clock is off, in milliseconds.
    off: i64,
    sentence: Arc<str>,
}

pub(in crate::ledger) struct Timekeeping {
    clock: Arc<dyn Clock>,
    started: Duration,
    /// A believed time, and the monotonic clock then.
    base: (Time, Duration),
    /// When the newest entry was decided; none where there is no entry, so that nothing can be
    /// early or late.
    newest: Option<Time>,
    /// While a start is still to be trusted: the latest time that would have been plausible at it.
    latest_at_start: Option<Time>,
    hold: Option<Hold>,
}

fn add(time: Time, span: Duration) -> Time {
    Time(
        time.0
            .saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
    )
}

impl Timekeeping {
    pub(in crate::ledger) fn new(clock: Arc<dyn Clock>, known: Known) -> Self {
        let (wall, started) = (clock.wall(), clock.monotonic());
        let seen = known.last_seen;
        let away = seen.as_ref().and_then(|seen| away(clock.as_ref(), seen));
        let seen_until = seen
            .as_ref()
            .map(|seen| add(seen.server, away.unwrap_or_default()));
        let begins = known
            .newest
            .max(seen_until.filter(|_| known.newest.is_some()));
        // What was held at the end is held again, unless the clock has returned. Over a boot that
        // is not known.
        let ahead_max = match seen.filter(|seen| seen.is_held && away.is_some()) {
            Some(seen) => Duration::from_millis(seen.slack_millis),
            None => known.ahead_max,
        };
        let mut timekeeping = Self {
            clock,
            started,
            base: (begins.unwrap_or(wall), started),
            newest: known.newest,
            latest_at_start: begins.map(|begins| add(begins, ahead_max)),
            hold: None,
        };
        timekeeping.now();
        timekeeping
    }

    /// The time by which commands are decided.
    fn now(&mut self) -> Time {
        let (wall, monotonic) = (self.clock.wall(), self.clock.monotonic());
        let expected = self.expected(monotonic);
        if self.newest.is_some()
            && !(self.earliest(expected)..=self.latest(expected, monotonic)).contains(&wall)
        {
            self.hold(wall, expected);
            return expected;
        }
        self.hold = None;
        self.base = (wall, monotonic);
        if monotonic.saturating_sub(self.started) > PROCESS_SETTLES {
            self.latest_at_start = None;
        }
        wall
    }

    /// What the wall clock should show.
    fn expected(&self, monotonic: Duration) -> Time {
        add(self.base.0, monotonic.saturating_sub(self.base.1))
            .max(self.newest.unwrap_or(self.base.0))
    }

    /// A clock that is behind is believed again once it has passed all that was believed, though it
    /// never agreed.
    fn earliest(&self, expected: Time) -> Time {
        let earliest = Time(expected.0.saturating_sub(CLOCK_JUMP_MAX.as_millis() as i64));
        match &self.hold {
            Some(hold) if hold.off < 0 => {
                earliest.min(hold.believed.max(self.newest.unwrap_or(hold.believed)))
            }
            _ => earliest,
        }
    }

    fn latest(&self, expected: Time, monotonic: Duration) -> Time {
        let at_start = self
            .latest_at_start
            .map(|latest| add(latest, monotonic.saturating_sub(self.started)));
        add(expected, CLOCK_JUMP_MAX).max(at_start.unwrap_or(expected))
    }

    fn hold(&mut self, wall: Time, expected: Time) {
        let off = wall.0.saturating_sub(expected.0);
        let believed = self.hold.as_ref().map_or(expected, |hold| hold.believed);
        let is_known = |hold: &Hold| hold.off.abs_diff(off) <= CLOCK_JUMP_MAX.as_millis() as u64;
        if !self.hold.as_ref().is_some_and(is_known) {
            self.hold = Some(Hold {
                believed,
                off,
                sentence: sentence(wall, expected).into(),
            });
        }
    }

    /// Takes the wall clock as it is.
    fn accept(&mut self, at: Time) {
        self.newest = Some(at);
        self.base = (self.clock.wall(), self.clock.monotonic());
        self.latest_at_start = None;
        self.hold = None;
    }
}

/// How long no process ran since a sign of life, where the same boot of the machine counts both.
fn away(clock: &dyn Clock, seen: &LastSeen) -> Option<Duration> {
    let uptime = clock
        .uptime()
        .filter(|uptime| !seen.boot.is_empty() && uptime.id == seen.boot)?;
    uptime
        .since
        .checked_sub(Duration::from_millis(seen.up_millis))
}

fn sentence(wall: Time, expected: Time) -> String {
    let shown = |time: Time| {
        let time = jiff::Timestamp::from_millisecond(time.0);
        time.map_or_else(
            |_| "a time that no calendar has".to_owned(),
            |time| format!("{time:.0}"),
        )
    };
    let which = if wall > expected {
        "ahead of"
    } else {
        "behind"
    };
    format!(
        "the wall clock shows {}, and is {which} the server's time, {}, by {}: timers wait and nothing is removed. If the wall clock is wrong, set it right: the server then continues automatically. If it is right, run `aftercall server accept-clock`",
        shown(wall),
        shown(expected),
        duration_in_words(wall.0.abs_diff(expected.0)),
    )
}

#[cfg(test)]
mod tests;
