//! The server's time, shared by all parts that read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aftercall_definition::time::Time;

use super::Timekeeping;
use crate::records::LastSeen;

/// The server's time, shared by all parts that read it.
#[derive(Clone)]
pub(in crate::ledger) struct SharedTime(Arc<Mutex<Timekeeping>>);

impl SharedTime {
    pub(in crate::ledger) fn new(timekeeping: Timekeeping) -> Self {
        Self(Arc::new(Mutex::new(timekeeping)))
    }

    pub(in crate::ledger) fn now(&self) -> Time {
        self.lock().now()
    }

    /// Why the server does not trust the wall clock, as a sentence. None if it does.
    pub(in crate::ledger) fn held(&self) -> Option<Arc<str>> {
        self.lock().hold.as_ref().map(|hold| hold.sentence.clone())
    }

    /// Notes that the newest entry was decided at this time.
    pub(in crate::ledger) fn decided(&self, at: Time) {
        self.lock().newest = Some(at);
    }

    pub(in crate::ledger) fn accept(&self, at: Time) {
        self.lock().accept(at);
    }

    /// The time of the wall clock. None if it is the server's time.
    pub(in crate::ledger) fn to_accept(&self) -> Option<Time> {
        let mut time = self.lock();
        time.now();
        let wall = time.clock.wall();
        (time.hold.is_some() || time.newest.is_some_and(|newest| wall < newest)).then_some(wall)
    }

    /// How long this process has been running.
    pub(in crate::ledger) fn age(&self) -> Duration {
        let time = self.lock();
        time.clock.monotonic().saturating_sub(time.started)
    }

    /// Makes a sign of life for the next start.
    pub(in crate::ledger) fn sign_of_life(&self, sequence: u64) -> LastSeen {
        let mut time = self.lock();
        let (now, uptime, monotonic) = (time.now(), time.clock.uptime(), time.clock.monotonic());
        let server = now.max(time.newest.unwrap_or(now));
        LastSeen {
            sequence,
            server,
            slack_millis: time.latest(server, monotonic).0.abs_diff(server.0),
            wall: time.clock.wall(),
            up_millis: uptime
                .as_ref()
                .map_or(0, |uptime| uptime.since.as_millis() as u64),
            boot: uptime.map_or_else(|| "".into(), |uptime| uptime.id),
            is_held: time.hold.is_some(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Timekeeping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
