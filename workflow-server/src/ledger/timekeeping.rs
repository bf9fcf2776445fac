//! What time it is for the ledger: the wall clock while it can be trusted. A jump of more than five minutes against the
//! monotonic clock is not believed: time then goes on by the monotonic clock, firings are held, and operations are told,
//! until the wall clock returns or is accepted. A smaller step forward fires what is due; a smaller step back holds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aftercall_engine::time::Time;

use super::Clock;
use crate::limits::CLOCK_JUMP_MAX;

pub(super) struct Timekeeping {
    clock: Arc<dyn Clock>,
    /// A moment at which the wall clock was believed.
    base: (Time, Duration),
    held: bool,
}

impl Timekeeping {
    /// Believes the wall clock, unless firings were held when the server ended: then time goes on from the newest entry.
    pub(super) fn new(clock: Arc<dyn Clock>, newest: Time, held: bool) -> Self {
        let base = (if held { newest } else { clock.wall() }, clock.monotonic());
        if held {
            tracing::error!(
                "timers were held when the server ended, because the wall clock had jumped: they are held until it returns, or until it is accepted with `aftercall server accept-clock`"
            );
        }
        Self { clock, base, held }
    }

    /// The time by which commands are decided.
    fn now(&mut self) -> Time {
        let (wall, monotonic) = (self.clock.wall(), self.clock.monotonic());
        let passed = monotonic.saturating_sub(self.base.1).as_millis() as i64;
        let expected = Time(self.base.0.0.saturating_add(passed));
        let jumped = wall.0.abs_diff(expected.0) > CLOCK_JUMP_MAX.as_millis() as u64;
        if jumped != self.held {
            self.held = jumped;
            if jumped {
                tracing::error!(
                    wall_millis = wall.0,
                    expected_millis = expected.0,
                    "the wall clock has jumped: timers are held until it returns, or until it is accepted with `aftercall server accept-clock`"
                );
            } else {
                tracing::info!("the wall clock has returned: timers fire again");
            }
        }
        if jumped {
            return expected;
        }
        self.base = (wall, monotonic);
        wall
    }

    fn is_held(&self) -> bool {
        self.held
    }

    /// Believes the wall clock as it is; says whether it was not believed before.
    fn accept(&mut self) -> bool {
        let was_held = self.held;
        self.base = (self.clock.wall(), self.clock.monotonic());
        self.held = false;
        was_held
    }
}

/// The time of the ledger, for all who ask.
#[derive(Clone)]
pub(super) struct SharedTime(Arc<Mutex<Timekeeping>>);

impl SharedTime {
    pub(super) fn new(timekeeping: Timekeeping) -> Self {
        Self(Arc::new(Mutex::new(timekeeping)))
    }

    pub(super) fn now(&self) -> Time {
        self.lock().now()
    }

    pub(super) fn is_held(&self) -> bool {
        self.lock().is_held()
    }

    pub(super) fn accept(&self) -> bool {
        self.lock().accept()
    }

    fn lock(&self) -> MutexGuard<'_, Timekeeping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ManualClock;
    use super::*;

    #[test]
    fn what_was_held_when_the_server_ended_is_held_when_it_starts_until_it_is_accepted() {
        let newest = Time(1_795_000_000_000);
        let clock = Arc::new(ManualClock::at(Time(newest.0 + 36_000_000)));
        let believing = SharedTime::new(Timekeeping::new(clock.clone(), newest, false));
        assert_eq!((believing.now(), believing.is_held()), (Time(newest.0 + 36_000_000), false));
        let held = SharedTime::new(Timekeeping::new(clock, newest, true));
        assert_eq!((held.now(), held.is_held()), (newest, true));
        assert!(held.accept());
        assert_eq!((held.now(), held.is_held()), (Time(newest.0 + 36_000_000), false));
    }

    #[test]
    fn a_clock_that_has_returned_while_the_server_was_away_is_believed_again() {
        let newest = Time(1_795_000_000_000);
        let clock = Arc::new(ManualClock::at(Time(newest.0 + 60_000)));
        let held = SharedTime::new(Timekeeping::new(clock, newest, true));
        assert_eq!((held.now(), held.is_held()), (Time(newest.0 + 60_000), false));
    }
}
