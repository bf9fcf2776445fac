//! Refused steps that are still due. The server tries each again after a growing wait, so that the
//! loop does not run at full speed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{REFUSED_WAIT_MAX, REFUSED_WAIT_MIN};

/// How long to wait after this many refusals in a row.
pub(crate) fn wait_after(refusals: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(refusals.saturating_sub(1).min(20));
    REFUSED_WAIT_MIN
        .saturating_mul(doubled)
        .min(REFUSED_WAIT_MAX)
}

/// For each refused key: how often it was refused, and until when it waits, in monotonic time.
#[derive(Debug)]
pub(in crate::ledger) struct Refused<K>(BTreeMap<K, (u32, Duration)>);

impl<K> Default for Refused<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Copy> Refused<K> {
    /// Counts a refusal and sets the next wait.
    pub(in crate::ledger) fn add(&mut self, key: K, now: Duration) {
        let (refusals, until) = self.0.entry(key).or_default();
        *refusals = refusals.saturating_add(1);
        *until = now + wait_after(*refusals);
    }

    /// Forgets a key that succeeded or is no longer due.
    pub(in crate::ledger) fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// Forgets the keys that are no longer due.
    pub(in crate::ledger) fn retain(&mut self, is_due: impl Fn(&K) -> bool) {
        self.0.retain(|key, _| is_due(key));
    }

    /// Whether this key still waits after a refusal.
    pub(in crate::ledger) fn is_waiting(&self, key: &K, now: Duration) -> bool {
        self.0.get(key).is_some_and(|(_, until)| *until > now)
    }

    pub(in crate::ledger) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_become_less_frequent_but_never_stop() {
        let mut refused = Refused::default();
        let (mut now, mut tries, mut waits) = (Duration::ZERO, 0_u32, Vec::new());
        let mut last = Duration::ZERO;
        while now < Duration::from_secs(86_400) {
            if !refused.is_waiting(&7, now) {
                refused.add(7, now);
                waits.push(now.saturating_sub(last));
                (last, tries) = (now, tries + 1);
            }
            now += Duration::from_secs(1);
        }
        assert!((140..170).contains(&tries), "{tries} tries in a day");
        assert!(
            waits.is_sorted() && waits.iter().all(|wait| *wait <= REFUSED_WAIT_MAX),
            "{waits:?}"
        );
        assert!(!refused.is_waiting(&8, now), "others do not wait");
    }

    #[test]
    fn success_or_removal_resets_the_retry_wait() {
        let mut refused = Refused::default();
        for _ in 0..5 {
            refused.add(1, Duration::ZERO);
        }
        refused.add(2, Duration::ZERO);
        refused.remove(&1);
        refused.add(1, Duration::ZERO);
        assert!(!refused.is_waiting(&1, REFUSED_WAIT_MIN));
        refused.retain(|key| *key != 2);
        assert_eq!(refused.len(), 1);
    }
}
