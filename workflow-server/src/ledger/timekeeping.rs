//! What time it is for the ledger: the wall clock while it can be trusted. A jump of more than five minutes against the
//! monotonic clock is not believed: time then goes on by the monotonic clock, firings are held, and operations are told,
//! until the wall clock returns or is accepted. A smaller step forward fires what is due; a smaller step back holds.

use std::sync::Arc;
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
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let base = (clock.wall(), clock.monotonic());
        Self { clock, base, held: false }
    }

    /// The time by which commands are decided.
    pub(super) fn now(&mut self) -> Time {
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

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Believes the wall clock as it is; says whether it was not believed before.
    pub(super) fn accept(&mut self) -> bool {
        let was_held = self.held;
        self.base = (self.clock.wall(), self.clock.monotonic());
        self.held = false;
        was_held
    }
}
