//! Watches the writer, and reports a commit that takes longer than the limit, once. sled deadlocks
//! when too many unflushed writes collect, and a dead disk never answers. In both cases only a
//! restart of the process helps.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use crate::journal::{OnStuck, WATCHDOG_TICKS_PER_LIMIT};

const IDLE: u64 = u64::MAX;

/// The writer has it. Its thread ends when this is dropped.
pub(super) struct Watchdog {
    origin: Instant,
    /// Milliseconds from `origin` to the start of the running commit, or [`IDLE`].
    started: Arc<AtomicU64>,
    _stop: SyncSender<()>,
}

impl Watchdog {
    pub(super) fn start(limit: Duration, on_stuck: OnStuck) -> io::Result<Self> {
        let origin = Instant::now();
        let started = Arc::new(AtomicU64::new(IDLE));
        let (stop, stopped) = mpsc::sync_channel::<()>(1);
        let watched = Arc::clone(&started);
        let limit_millis = millis(limit);
        let tick = (limit / WATCHDOG_TICKS_PER_LIMIT).max(Duration::from_millis(1));
        std::thread::Builder::new().name("journal-watchdog".to_owned()).spawn(move || {
            while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                let since = watched.load(Ordering::Relaxed);
                let running = millis(origin.elapsed()).saturating_sub(since);
                if since != IDLE && running > limit_millis {
                    on_stuck(&format!(
                        "a commit of the journal has been running for {running} ms, the limit is {limit_millis} ms: the disk does \
                         not answer, or sled is stuck; the server must be restarted"
                    ));
                    return;
                }
            }
        })?;
        Ok(Self {
            origin,
            started,
            _stop: stop,
        })
    }

    /// Runs `work` under the limit.
    pub(super) fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        self.started
            .store(millis(self.origin.elapsed()), Ordering::Relaxed);
        let done = work();
        self.started.store(IDLE, Ordering::Relaxed);
        done
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(IDLE - 1)
}
