//! The server's time. It is the wall clock while that is plausible. Otherwise it is the newest
//! trusted time plus what the monotonic clock has counted since. Meanwhile timers wait and nothing
//! is removed. This ends when the wall clock is plausible again, or when operations accept it.
//!
//! The wall clock is plausible if it agrees with the monotonic clock to within five minutes. At a
//! start the server must know how long no process ran. It knows this only if the machine was not
//! rebooted. Otherwise the wall clock may be ahead of the last sign of life by up to a setting. In
//! the first hours a time service may still correct it by the same amount.
//!
//! Promise: one start moves the time past the newest trusted time by at most that setting plus the
//! time that is known to have passed.

mod shared;

use std::sync::Arc;
use std::time::Duration;

use aftercall_definition::time::{Time, duration_in_words};
pub(in crate::ledger) use shared::SharedTime;

use crate::ledger::Clock;
use crate::limits::{CLOCK_JUMP_MAX, PROCESS_SETTLES};
use crate::records::LastSeen;

/// What a process knows about the time when it starts.
pub(in crate::ledger) struct Known {
    /// When the newest entry was decided. None if there is no entry.
    pub(in crate::ledger) newest: Option<Time>,
    /// The last sign of life, if it is still valid.
    pub(in crate::ledger) last_seen: Option<LastSeen>,
    /// How far the wall clock may be ahead.
    pub(in crate::ledger) ahead_max: Duration,
}

/// Why the server does not trust the wall clock.
#[derive(Clone)]
struct Hold {
    /// The newest time that the server trusted before.
    believed: Time,
    /// How far off the wall clock is, in milliseconds.
    off: i64,
    sentence: Arc<str>,
}

pub(in crate::ledger) struct Timekeeping {
    clock: Arc<dyn Clock>,
    started: Duration,
    /// A trusted time, and the monotonic time at that moment.
    base: (Time, Duration),
    /// When the newest entry was decided. None if there is no entry: then no time is early or late.
    newest: Option<Time>,
    /// In the first hours of a process: the latest time that was plausible at its start.
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
        // If the clock was held when the last process ended, it is held again, unless it has
        // returned. After a reboot this cannot be known.
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

    /// The time that commands are decided at.
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

    /// The time that the wall clock should show.
    fn expected(&self, monotonic: Duration) -> Time {
        add(self.base.0, monotonic.saturating_sub(self.base.1))
            .max(self.newest.unwrap_or(self.base.0))
    }

    /// The earliest plausible time. A clock that was behind is trusted again once it has passed the
    /// last trusted time, even if it never agreed.
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

    /// Accepts the wall clock as it is.
    fn accept(&mut self, at: Time) {
        self.newest = Some(at);
        self.base = (self.clock.wall(), self.clock.monotonic());
        self.latest_at_start = None;
        self.hold = None;
    }
}

/// How long no process ran since a sign of life. None if the machine was rebooted since.
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
            |_| "a time outside of the calendar".to_owned(),
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
