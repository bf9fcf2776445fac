//! Clocks, handed in at the top: the engine and the ledger never read one by themselves.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aftercall_engine::time::Time;
use futures::future::BoxFuture;
use tokio::sync::Notify;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Wall-clock time; may be set forth and back by people.
    fn wall(&self) -> Time;
    /// Time that only goes on, from some start.
    fn monotonic(&self) -> Duration;
    /// Waits for `span` of monotonic time, or until the clock was set by hand.
    fn wait(&self, span: Duration) -> BoxFuture<'_, ()>;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Time {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Err(_) => Time(0),
        }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// A clock that moves only when it is told to: for simulations and tests in which time matters.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<(Time, Duration)>,
    moved: Notify,
}

impl ManualClock {
    /// A clock that shows this wall-clock time.
    #[must_use]
    pub fn at(wall: Time) -> Self {
        Self { now: Mutex::new((wall, Duration::ZERO)), moved: Notify::new() }
    }

    /// Lets time pass.
    pub fn pass(&self, span: Duration) {
        self.change(|now| {
            now.0 = Time(now.0.0 + span.as_millis() as i64);
            now.1 += span;
        });
    }

    /// Sets the wall clock by hand, forth or back, while no time passes.
    pub fn set_wall(&self, wall: Time) {
        self.change(|now| now.0 = wall);
    }

    fn change(&self, change: impl FnOnce(&mut (Time, Duration))) {
        change(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_waiters();
        self.moved.notify_one();
    }

    fn get(&self) -> (Time, Duration) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Time {
        self.get().0
    }

    fn monotonic(&self) -> Duration {
        self.get().1
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        let until = self.monotonic() + span;
        Box::pin(async move {
            if self.monotonic() < until {
                self.moved.notified().await;
            }
        })
    }
}
