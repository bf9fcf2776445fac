//! The lease of a leader: when it may answer, and who may campaign. Time is that of tokio, which the
//! tests pause.

mod answers;
mod clocks;
mod elections;
mod farewell;
mod leases;
mod standing;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use aftercall_definition::time::Time;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::journal::Member;
use crate::ledger::{Clock, Uptime};

/// What the clocks show at the beginning of a test.
const WALL: i64 = 1_795_000_000_000;

/// A clock that runs with tokio's. It can jump, as after a pause of the process, and its wall clock
/// can be wrong.
struct TestClock {
    start: Instant,
    jumped_nanos: AtomicU64,
    wrong_millis: AtomicI64,
}

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            jumped_nanos: AtomicU64::new(0),
            wrong_millis: AtomicI64::new(0),
        })
    }

    /// The process was paused for this time.
    fn jump(&self, by: Duration) {
        let nanos = by.as_nanos() as u64;
        self.jumped_nanos.fetch_add(nanos, Ordering::SeqCst);
    }

    fn set_wrong_by(&self, millis: i64) {
        self.wrong_millis.store(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Time {
        let passed = self.start.elapsed().as_millis() as i64;
        Time(WALL + passed + self.wrong_millis.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        let jumped = Duration::from_nanos(self.jumped_nanos.load(Ordering::SeqCst));
        self.start.elapsed() + jumped
    }

    fn uptime(&self) -> Option<Uptime> {
        None
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep_until(Instant::now() + span))
    }
}

fn member(name: &str) -> Member {
    Member {
        name: name.to_owned(),
        address: format!("http://{name}:7401"),
    }
}
