//! The closed loop: so many workers, each with one request under way, until a count or a time is
//! reached.
//!
//! Promise: a worker's next request leaves when its last one is answered; every latency is kept.
//! Must not: repeat a request, or leave an error out.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;
use tonic::Status;

use crate::errors::Failure;

/// Latencies are kept in nanoseconds with three digits, up to a minute.
const LATENCY_MAX_NANOS: u64 = 60_000_000_000;
const DIGITS: u8 = 3;
/// Often enough for a person, rare enough not to disturb the measurement.
const PROGRESS_EVERY: u64 = 256;

/// When a measurement ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How many requests are under way at a time.
    pub(crate) in_flight: u32,
    /// How many requests in all.
    pub(crate) requests: u64,
    /// No request begins after this.
    pub(crate) time_max: Duration,
}

/// What was measured of one kind of request.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Latencies of the requests that were answered well, in nanoseconds.
    pub(crate) latencies: Histogram<u32>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// How many requests failed.
    pub(crate) errors: u64,
    /// What the first failure said.
    pub(crate) first_error: Option<String>,
    /// The server's CPU time for each request; none where the server does not report it.
    pub(crate) cpu_each: Option<Duration>,
}

impl Measured {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Self, Failure> {
        let latencies = Histogram::new_with_max(LATENCY_MAX_NANOS, DIGITS)
            .map_err(|error| Failure::refused(format!("Latencies cannot be kept: {error}.")))?;
        Ok(Self {
            latencies,
            elapsed: Duration::ZERO,
            errors: 0,
            first_error: None,
            cpu_each: None,
        })
    }

    /// Keeps one latency.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.latencies
            .saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(LATENCY_MAX_NANOS));
    }

    /// Counts one that failed.
    pub(crate) fn fail(&mut self, status: &Status) {
        self.errors += 1;
        self.first_error
            .get_or_insert_with(|| format!("{}: {}", status.code(), status.message()));
    }

    /// Adds what was measured elsewhere.
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), Failure> {
        self.latencies
            .add(&other.latencies)
            .map_err(|error| Failure::refused(error.to_string()))?;
        self.errors += other.errors;
        self.first_error = self
            .first_error
            .take()
            .or_else(|| other.first_error.clone());
        Ok(())
    }

    /// How many requests were answered well.
    pub(crate) fn answered(&self) -> u64 {
        self.latencies.len()
    }

    /// Answered well, a second.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 52 bits"
    )]
    pub(crate) fn rate(&self) -> f64 {
        if self.elapsed.is_zero() {
            0.0
        } else {
            self.answered() as f64 / self.elapsed.as_secs_f64()
        }
    }

    /// The latency that this share of the requests did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_quantile(share))
    }
}

/// Sends requests of one kind. `work` is given the worker's number and the request's.
pub(crate) async fn drive<W, F>(label: &str, bounds: Bounds, work: W) -> Result<Measured, Failure>
where
    W: Fn(u32, u64) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let next = Arc::new(AtomicU64::new(0));
    let progress = progress(label, bounds);
    let begin = Instant::now();
    let mut workers = JoinSet::new();
    for worker in 0..bounds.in_flight {
        workers.spawn(run(
            worker,
            bounds,
            begin,
            next.clone(),
            progress.clone(),
            work.clone(),
        ));
    }
    let mut all = Measured::new()?;
    while let Some(joined) = workers.join_next().await {
        let measured =
            joined.map_err(|error| Failure::refused(format!("A worker stopped: {error}.")))?;
        all.add(&measured?)?;
    }
    all.elapsed = begin.elapsed();
    progress.finish_and_clear();
    Ok(all)
}

async fn run<W, F>(
    worker: u32,
    bounds: Bounds,
    begin: Instant,
    next: Arc<AtomicU64>,
    progress: ProgressBar,
    work: W,
) -> Result<Measured, Failure>
where
    W: Fn(u32, u64) -> F,
    F: Future<Output = Result<(), Status>>,
{
    let mut measured = Measured::new()?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= bounds.requests || begin.elapsed() >= bounds.time_max {
            return Ok(measured);
        }
        let sent = Instant::now();
        match work(worker, number).await {
            Ok(()) => measured.record(sent.elapsed()),
            Err(status) => measured.fail(&status),
        }
        if number.is_multiple_of(PROGRESS_EVERY) {
            progress.set_position(number);
        }
    }
}

/// A bar on stderr, which indicatif hides where stderr is no terminal.
fn progress(label: &str, bounds: Bounds) -> ProgressBar {
    let bar = ProgressBar::new(bounds.requests);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec}") {
        bar.set_style(style);
    }
    bar.with_message(format!("{label}, {} in flight", bounds.in_flight))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        in_flight: 8,
        requests: 100,
        time_max: Duration::from_secs(60),
    };

    #[tokio::test]
    async fn every_request_is_sent_once_and_errors_are_counted() {
        let sum = Arc::new(AtomicU64::new(0));
        let counted = sum.clone();
        let measured = drive("test", BOUNDS, move |_, number| {
            counted.fetch_add(number, Ordering::Relaxed);
            async move {
                if number % 10 == 0 {
                    Err(Status::unavailable("full"))
                } else {
                    Ok(())
                }
            }
        })
        .await
        .unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), 99 * 100 / 2);
        assert_eq!((measured.answered(), measured.errors), (90, 10));
        assert!(measured.first_error.unwrap().contains("full"));
    }

    #[tokio::test]
    async fn no_request_begins_after_the_time() {
        let bounds = Bounds {
            time_max: Duration::ZERO,
            ..BOUNDS
        };
        let measured = drive("test", bounds, |_, _| async { Ok(()) })
            .await
            .unwrap();
        assert_eq!(measured.answered(), 0);
        assert_eq!(measured.rate(), 0.0);
    }
}
