//! Request ids that are remembered, so that asking again is safe: mark → the entry that the request made.
//!
//! The answer is made again from that entry. Ids go when they are older than is asked for, and the oldest go first where
//! there are more than the limit.

use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::time::Time;
use crate::world::Keeping;

/// What is remembered of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Of the request's content.
    pub fingerprint: u64,
    /// The sequence of the entry that it made.
    pub sequence: u64,
}

/// Keys are keyed hashes already: their low half is as good as a hash of them.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// The index.
#[derive(Debug)]
pub struct Requests {
    by_key: HashMap<u128, Remembered, BuildHasherDefault<AsItIs>>,
    by_age: VecDeque<(Time, u128)>,
    keeping: Keeping,
}

impl Requests {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self { by_key: HashMap::default(), by_age: VecDeque::new(), keeping }
    }

    /// What is remembered under this key.
    #[must_use]
    pub fn get(&self, key: u128) -> Option<Remembered> {
        self.by_key.get(&key).copied()
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// All of them, oldest first.
    pub fn by_age(&self) -> impl Iterator<Item = (Time, u128, Remembered)> {
        self.by_age.iter().filter_map(|(at, key)| self.get(*key).map(|remembered| (*at, *key, remembered)))
    }

    pub(super) fn remember(&mut self, key: u128, fingerprint: u64, sequence: u64, at: Time) {
        self.by_key.insert(key, Remembered { fingerprint, sequence });
        self.by_age.push_back((at, key));
    }

    pub(super) fn forget_older(&mut self, now: Time) {
        let oldest_kept = now.0.saturating_sub(self.keeping.request_ids_millis);
        while let Some((at, key)) = self.by_age.front().copied() {
            if at.0 >= oldest_kept && self.by_age.len() <= self.keeping.request_ids_max {
                break;
            }
            self.by_age.pop_front();
            self.by_key.remove(&key);
        }
    }
}
