//! How long to wait before connecting again.

use std::time::Duration;

/// The first wait is at most this; each further one may be twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// No wait of our own is longer: a person is looking at the screen.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest wait that a server can request.
const ASKED_LONGEST: Duration = Duration::from_secs(60);

/// The waits between losses in a row.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    losses: u32,
    asked: Duration,
}

impl Waits {
    /// Notes a frame: the next loss is a first one.
    pub(crate) fn reset(&mut self) {
        self.losses = 0;
    }

    /// Notes the wait that a draining server requests.
    pub(crate) fn ask(&mut self, wait: Duration) {
        self.asked = wait.min(ASKED_LONGEST);
    }

    /// How long to wait now: the requested wait, and a random part of a bound that doubles with
    /// each loss in a row, so that many clients do not reconnect at once.
    pub(crate) fn next(&mut self) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.losses.min(16)).min(LONGEST);
        self.losses = self.losses.saturating_add(1);
        std::mem::take(&mut self.asked) + bound.mul_f64(rand::random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_vary_and_are_reset() {
        let mut waits = Waits::default();
        let grown: Vec<Duration> = (0..200).map(|_| waits.next()).collect();
        assert!(grown[0] <= FIRST && grown.iter().all(|wait| *wait <= LONGEST));
        assert!(
            grown.iter().any(|wait| *wait > LONGEST / 2),
            "two hundred in a row, and none long"
        );
        assert!(
            grown[100..].iter().any(|wait| *wait < LONGEST / 2),
            "two hundred in a row, and none short"
        );
        waits.reset();
        assert!(waits.next() <= FIRST);
    }

    #[test]
    fn a_requested_wait_is_added_once_and_bounded() {
        let mut waits = Waits::default();
        waits.ask(Duration::from_secs(3));
        assert!((Duration::from_secs(3)..=Duration::from_secs(3) + FIRST).contains(&waits.next()));
        assert!(waits.next() <= 2 * FIRST);
        waits.ask(Duration::MAX);
        assert!(waits.next() <= ASKED_LONGEST + LONGEST);
    }
}
