//! Latencies of one kind of request, and its errors.
//!
//! Promise: every latency is kept. Must not: leave an error out.

use std::time::Duration;

use hdrhistogram::Histogram;
use tonic::Status;

use crate::errors::Failure;

/// Latencies are kept in nanoseconds with three digits, up to a minute.
const LATENCY_MAX_NANOS: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

/// What was measured of one kind of request.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Latencies of the requests that were answered well, in nanoseconds.
    latencies: Histogram<u32>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// How many requests failed.
    pub(crate) errors: u64,
    /// The message of the first failure.
    pub(crate) first_error: Option<String>,
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

    /// Adds what was measured elsewhere; the time stays.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_beside_latencies() {
        let (mut first, mut second) = (Measured::new().unwrap(), Measured::new().unwrap());
        assert_eq!(first.rate(), 0.0);
        first.record(Duration::from_millis(2));
        second.fail(&Status::unavailable("full"));
        first.add(&second).unwrap();
        first.elapsed = Duration::from_millis(500);
        assert_eq!((first.answered(), first.errors), (1, 1));
        assert_eq!(first.rate(), 2.0);
        assert!(first.first_error.unwrap().contains("full"));
    }
}
