//! A clock that moves only when a test sets it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aftercall_definition::time::Time;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::{Clock, Uptime};

/// How long a wait on a [`ManualClock`] lasts at most, in real time. A test may have moved the
/// clock just before the wait began.
const MANUAL_LOOK: Duration = Duration::from_millis(20);

/// A clock that moves only when its user moves it: for simulations, and tests that depend on time.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Hands>,
    moved: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Hands {
    wall: Time,
    monotonic: Duration,
    boots: u32,
}

impl ManualClock {
    /// Makes a clock that shows this wall-clock time.
    #[must_use]
    pub fn at(wall: Time) -> Self {
        let hands = Hands {
            wall,
            monotonic: Duration::ZERO,
            boots: 1,
        };
        Self {
            now: Mutex::new(hands),
            moved: Notify::new(),
        }
    }

    /// Moves both clocks forward.
    pub fn pass(&self, span: Duration) {
        self.change(|now| {
            now.wall = Time(now.wall.0 + span.as_millis() as i64);
            now.monotonic += span;
        });
    }

    /// Sets the wall clock forward or back. No time passes.
    pub fn set_wall(&self, wall: Time) {
        self.change(|now| now.wall = wall);
    }

    /// Starts a new boot of the machine. How long the machine was off can then not be known.
    pub fn reboot(&self) {
        self.change(|now| now.boots += 1);
    }

    fn change(&self, change: impl FnOnce(&mut Hands)) {
        change(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_waiters();
        self.moved.notify_one();
    }

    fn get(&self) -> Hands {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Time {
        self.get().wall
    }

    fn monotonic(&self) -> Duration {
        self.get().monotonic
    }

    fn uptime(&self) -> Option<Uptime> {
        let hands = self.get();
        Some(Uptime {
            id: format!("boot {}", hands.boots).into(),
            since: hands.monotonic,
        })
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        let until = self.monotonic() + span;
        Box::pin(async move {
            if self.monotonic() < until {
                // Both results are fine: the caller checks the clock again.
                let _ = tokio::time::timeout(MANUAL_LOOK, self.moved.notified()).await;
            }
        })
    }
}
