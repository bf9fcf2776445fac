//! Clocks. They are passed in at the top, so that the engine and the ledger never read the system
//! clock.

mod manual;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aftercall_definition::time::Time;
use futures::future::BoxFuture;
pub use manual::ManualClock;

/// How long the machine has been up. Two readings with the same `id` count from the same boot, also
/// across restarts of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// Identifies this boot of the machine.
    pub id: Arc<str>,
    /// Time since the boot. Includes the time for which the machine was suspended.
    pub since: Duration,
}

/// Shows the time.
pub trait Clock: Send + Sync {
    /// Wall-clock time. People and time services may set it forward and back.
    fn wall(&self) -> Time;
    /// Time since a fixed start. Never goes back. Includes the time for which the machine was
    /// suspended, if the system can count it.
    fn monotonic(&self) -> Duration;
    /// How long the machine has been up. `None` if the system has no ids for its boots.
    fn uptime(&self) -> Option<Uptime>;
    /// Waits for `span` of monotonic time, or until a person sets the clock. After a suspend it may
    /// wake late, by at most `span`.
    fn wait(&self, span: Duration) -> BoxFuture<'_, ()>;
}

/// The file in which Linux shows the id of the boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The clocks of the machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Duration,
    boot_id: Option<Arc<str>>,
}

impl Default for SystemClock {
    fn default() -> Self {
        let boot_id = std::fs::read_to_string(BOOT_ID)
            .ok()
            .map(|id| id.trim().into());
        Self {
            start: since_boot(),
            boot_id,
        }
    }
}

/// `CLOCK_MONOTONIC` stops while the machine is suspended, so a suspend would look like a jump of
/// the wall clock.
fn since_boot() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(clock);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

impl Clock for SystemClock {
    fn wall(&self) -> Time {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Err(_) => Time(0),
        }
    }

    fn monotonic(&self) -> Duration {
        since_boot().saturating_sub(self.start)
    }

    fn uptime(&self) -> Option<Uptime> {
        let id = self.boot_id.clone()?;
        Some(Uptime {
            id,
            since: since_boot(),
        })
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(span))
    }
}
