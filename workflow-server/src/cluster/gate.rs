//! Whether this process is certain to be the leader at this moment.
//!
//! Promise: while the gate is open, no other process can have become the leader. It relies only on
//! the monotonic clock of this process, which counts the time for which the machine was suspended.
//! A process that was paused finds out at its next look.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::ledger::Clock;
use crate::limits::LEASE_MARGIN;

/// The gate through which the answers of a leader leave.
pub(super) struct Gate {
    clock: Arc<dyn Clock>,
    /// In nanoseconds of the monotonic clock.
    certain_until: AtomicU64,
    /// Cancelled when the certainty ends. The next certainty has another one.
    period: ArcSwap<CancellationToken>,
    extended: Notify,
    is_shut: AtomicBool,
}

impl Gate {
    /// A closed gate.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            certain_until: AtomicU64::new(0),
            period: ArcSwap::default(),
            extended: Notify::new(),
            is_shut: AtomicBool::new(false),
        }
    }

    /// Notes that the store has extended the lease. `asked_at` is the monotonic time before the
    /// request: the lease lasts at least until `lease` after that.
    pub(super) fn extend(&self, asked_at: Duration, lease: Duration) {
        if self.is_shut.load(Ordering::Acquire) {
            return;
        }
        let until = nanos((asked_at + lease).saturating_sub(LEASE_MARGIN));
        if self.period.load().is_cancelled() {
            self.period.store(Arc::default());
        }
        self.certain_until.fetch_max(until, Ordering::AcqRel);
        self.extended.notify_one();
    }

    /// Closes the gate for ever.
    pub(super) fn shut(&self) {
        self.is_shut.store(true, Ordering::Release);
        self.certain_until.store(0, Ordering::Release);
        self.period.load().cancel();
        self.extended.notify_one();
    }

    /// Whether this process is certain to be the leader now.
    pub(super) fn is_open(&self) -> bool {
        nanos(self.clock.monotonic()) < self.certain_until.load(Ordering::Acquire)
            && !self.is_shut.load(Ordering::Acquire)
    }

    /// A token that is cancelled when the certainty ends. `None` while the gate is closed.
    pub(super) fn period(&self) -> Option<CancellationToken> {
        let period = self.period.load();
        (self.is_open() && !period.is_cancelled()).then(|| period.as_ref().clone())
    }

    /// Ends each period in time, so that requests do not hang. Ends when the gate is shut.
    pub(super) async fn watch(&self) {
        while !self.is_shut.load(Ordering::Acquire) {
            let until = Duration::from_nanos(self.certain_until.load(Ordering::Acquire));
            let left = until.saturating_sub(self.clock.monotonic());
            if left.is_zero() {
                self.period.load().cancel();
                self.extended.notified().await;
            } else {
                tokio::select! {
                    () = self.clock.wait(left) => {}
                    // It was extended, or shut: nobody may renew the lease any more.
                    () = self.extended.notified() => {}
                }
            }
        }
        self.period.load().cancel();
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
