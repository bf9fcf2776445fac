//! Log lines that are written at most once a minute, also if their event is more frequent.

use std::sync::Mutex;
use std::time::Instant;

use crate::limits::LOG_EVERY;

/// One kind of log line.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Option<(Instant, u64)>>);

impl Seldom {
    /// No line has been written yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Counts the event. Returns how many there were since the last line, if it is time for one.
    pub fn is_due(&self) -> Option<u64> {
        // Its content is always valid, also after a panic elsewhere.
        let mut last = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match last.as_mut() {
            Some((at, since)) if at.elapsed() < LOG_EVERY => {
                *since += 1;
                None
            }
            _ => {
                let since = last.map_or(0, |(_, since)| since);
                *last = Some((Instant::now(), 0));
                Some(since + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_is_logged_and_the_following_are_counted() {
        let seldom = Seldom::new();
        assert_eq!(seldom.is_due(), Some(1));
        assert_eq!(seldom.is_due(), None);
    }
}
