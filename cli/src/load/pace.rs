//! When requests leave: in a closed loop, or at a fixed rate.
//!
//! Promise: at a rate, the moments are planned before the first request leaves. A late answer does
//! not delay the requests behind it, and a latency counts from the planned moment.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::errors::Failure;
use crate::load::usage::thread_cpu_time;

/// The pacing thread sleeps at least this long: at a high rate some requests leave together, and it
/// does not take the CPU that is to be measured.
const SLEEP_LEAST: Duration = Duration::from_micros(100);

/// How requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// A closed loop: so many at a time, each after the answer to the one before.
    InFlight(u32),
    /// An open loop: so many a second, answered or not.
    Rate(u32),
}

impl fmt::Display for Pace {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFlight(number) => write!(text, "{number} in flight"),
            Self::Rate(rate) => write!(text, "{rate}/s"),
        }
    }
}

/// The planned moments of an open loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) began: Instant,
    /// Requests a second.
    pub(crate) rate: u32,
}

impl Schedule {
    /// When a request is to leave, by its number from 0.
    pub(crate) fn planned(self, number: u64) -> Instant {
        let rate = u64::from(self.rate.max(1));
        let nanos = u128::from(number % rate) * 1_000_000_000 / u128::from(rate);
        self.began
            + Duration::from_secs(number / rate)
            + Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
    }

    /// How many requests are to have left until then.
    pub(crate) fn due(self, until: Instant) -> u64 {
        let elapsed = until.saturating_duration_since(self.began).as_nanos();
        let whole = elapsed * u128::from(self.rate) / 1_000_000_000;
        let mut due = u64::try_from(whole).unwrap_or(u64::MAX);
        // Planned moments are whole nanoseconds: the division above may round one request away.
        while self.planned(due) <= until {
            due += 1;
        }
        due
    }
}

/// Wakes a task when requests are due. tokio's own timer counts whole milliseconds, which is longer
/// than an answer takes.
pub(crate) struct Pacer {
    due: Arc<Notify>,
    thread: JoinHandle<Duration>,
}

impl Pacer {
    /// Starts for this many requests.
    pub(crate) fn start(schedule: Schedule, requests: u64) -> Result<Self, Failure> {
        let due = Arc::new(Notify::new());
        let waking = Arc::clone(&due);
        let pace = move || {
            let mut sent = 0;
            while sent < requests {
                let wait = schedule
                    .planned(sent)
                    .saturating_duration_since(Instant::now());
                thread::sleep(wait.max(SLEEP_LEAST));
                sent = schedule.due(Instant::now());
                waking.notify_one();
            }
            thread_cpu_time()
        };
        let thread = thread::Builder::new()
            .name("pacer".to_owned())
            .spawn(pace)?;
        Ok(Self { due, thread })
    }

    /// Waits until more requests are due.
    pub(crate) async fn due(&self) {
        self.due.notified().await;
    }

    /// The CPU time that pacing took. It has ended when the last request is due.
    pub(crate) fn cpu_time(self) -> Duration {
        self.thread.join().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_fixed_and_even() {
        let schedule = Schedule {
            began: Instant::now(),
            rate: 3,
        };
        let after = |nanos| schedule.began + Duration::from_nanos(nanos);
        assert_eq!(schedule.planned(0), schedule.began);
        assert_eq!(schedule.planned(1), after(333_333_333));
        assert_eq!(schedule.planned(7), after(2_333_333_333));
        assert_eq!(schedule.due(schedule.began), 1);
        assert_eq!(schedule.due(after(333_333_332)), 1);
        assert_eq!(schedule.due(after(333_333_333)), 2);
        assert_eq!(schedule.due(after(2_333_333_333)), 8);
    }

    #[test]
    fn each_request_is_due_at_its_planned_moment() {
        for rate in [1, 7, 999, 10_000, 99_991] {
            let schedule = Schedule {
                began: Instant::now(),
                rate,
            };
            for number in [0, 1, 2, 5, 1_234, 99_999, 1_000_003] {
                let planned = schedule.planned(number);
                assert_eq!(schedule.due(planned), number + 1, "{rate}");
                let before = planned.checked_sub(Duration::from_nanos(1)).unwrap();
                assert_eq!(schedule.due(before).max(1), number.max(1), "{rate}");
            }
        }
    }

    #[tokio::test]
    async fn the_pacer_ends_after_the_last_request() {
        let schedule = Schedule {
            began: Instant::now(),
            rate: 1_000,
        };
        let pacer = Pacer::start(schedule, 5).unwrap();
        while schedule.due(Instant::now()) < 5 {
            pacer.due().await;
        }
        assert!(schedule.began.elapsed() >= Duration::from_millis(4));
        pacer.cpu_time();
    }
}
