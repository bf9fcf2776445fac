//! A budget that refills with time: a client may do something often for a moment, but seldom in the
//! long run.

use std::time::Duration;

use tokio::time::Instant;

/// The budget.
#[derive(Debug)]
pub(crate) struct Budget {
    left: f64,
    /// Time refills it up to here.
    burst: f64,
    per_second: f64,
    refilled_at: Instant,
}

/// What may be earned beyond the burst: a client may answer later than we wrote to it.
const EARNED_MAX: f64 = 10_000.0;

impl Budget {
    /// A full one.
    pub(crate) fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self {
            left: burst,
            burst,
            per_second: f64::from(per_second),
            refilled_at: now,
        }
    }

    /// Adds what time and `earned` have refilled, then takes `spent`. Returns whether there was
    /// enough; what is owed is taken from what comes next.
    pub(crate) fn is_enough_for(&mut self, spent: u32, earned: u32, now: Instant) -> bool {
        if self.left < self.burst {
            let refilled = now.duration_since(self.refilled_at).as_secs_f64() * self.per_second;
            self.left = (self.left + refilled).min(self.burst);
        }
        self.refilled_at = now;
        self.left =
            (self.left + f64::from(earned)).min(self.burst.max(EARNED_MAX)) - f64::from(spent);
        self.left >= 0.0
    }

    /// Whether the client has recently kept well within it.
    pub(crate) fn is_half_full(&self) -> bool {
        self.left >= self.burst / 2.0
    }

    /// How long it takes until what is owed is refilled.
    pub(crate) fn owed(&self) -> Duration {
        Duration::from_secs_f64((-self.left).max(0.0) / self.per_second.max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_refilled_by_time_and_by_what_is_earned() {
        let start = Instant::now();
        let mut budget = Budget::new(10, 5, start);
        assert!(budget.is_enough_for(10, 0, start));
        assert!(!budget.is_enough_for(5, 0, start));
        assert_eq!(budget.owed(), Duration::from_secs(1));
        let later = start + Duration::from_secs(2);
        assert!(budget.is_enough_for(5, 0, later));
        assert!(!budget.is_half_full());
        assert!(budget.is_enough_for(80, 80, later));
        assert!(
            !budget.is_enough_for(11, 0, later + Duration::from_secs(1_000)),
            "time refills it up to the burst only"
        );
    }
}
