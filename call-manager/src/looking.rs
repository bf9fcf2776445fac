//! Who looks at which follow-up, so that two people do not begin the same work.
//!
//! It is shown and never enforced: claims are. It lives in the memory of this page server and lasts
//! for seconds, so another page server, or a restart, knows nothing of it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A browser that has not asked again within this does not look any more. It asks every 15 s.
const LOOK: Duration = Duration::from_secs(35);

/// By follow-up and person, when they looked last.
#[derive(Debug, Default)]
pub(crate) struct Looking(Mutex<HashMap<(String, String), Instant>>);

impl Looking {
    /// Notes that a person looks at a follow-up, and at no other. Returns the names of the others
    /// who do, in order.
    pub(crate) fn look(&self, id: &str, name: &str, now: Instant) -> Vec<String> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|(_, other), at| other != name && now.duration_since(*at) < LOOK);
        let others = looks.keys().filter(|(follow_up, _)| follow_up == id);
        let mut others: Vec<String> = others.map(|(_, other)| other.clone()).collect();
        others.sort_unstable();
        looks.insert((id.to_owned(), name.to_owned()), now);
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_who_else_looks_for_a_while() {
        let looking = Looking::default();
        let start = Instant::now();
        assert!(looking.look("one", "Ann", start).is_empty());
        assert_eq!(looking.look("one", "Ben", start), ["Ann"]);
        assert!(looking.look("two", "Ann", start).is_empty());
        assert!(looking.look("one", "Ben", start).is_empty(), "Ann has left");
        let later = start + LOOK;
        assert!(
            looking.look("two", "Ben", later).is_empty(),
            "it was long ago"
        );
    }
}
