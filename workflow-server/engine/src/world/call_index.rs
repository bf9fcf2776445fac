//! Call key → slot, in shards that are shared by all roots.
//!
//! It is not versioned: a reader may find a slot that its root does not hold yet, so every find is
//! checked against the root. That costs a lock of one shard. It saves a persistent map, which would
//! be the most expensive part of a new call.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashTable;

use crate::call::CallKey;

/// Shards: readers and the writer seldom meet in one, and sixty-four locks cost nothing.
const SHARDS: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Item {
    hash: u32,
    slot: u32,
}

/// The index.
#[derive(Debug)]
pub struct CallIndex {
    shards: [RwLock<HashTable<Item>>; SHARDS],
}

impl Default for CallIndex {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
        }
    }
}

impl CallIndex {
    /// The slot for a key, among those that `holds` confirms.
    pub(super) fn find(&self, key: &CallKey, holds: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash(key);
        let shard = self.shards[hash as usize % SHARDS]
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        shard
            .find(spread(hash), |item| item.hash == hash && holds(item.slot))
            .map(|item| item.slot)
    }

    /// Removes a key that has left its slot.
    pub(super) fn remove(&self, hash: u32, slot: u32) {
        let mut shard = self.shards[hash as usize % SHARDS]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // A call with the same key may have got the same slot since: then there are two equal
        // items, and one of them is removed.
        if let Ok(found) =
            shard.find_entry(spread(hash), |item| item.hash == hash && item.slot == slot)
        {
            found.remove();
        }
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&self, key: &CallKey, slot: u32) {
        let hash = hash(key);
        let mut shard = self.shards[hash as usize % SHARDS]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        shard.insert_unique(spread(hash), Item { hash, slot }, |item| spread(item.hash));
    }
}

/// The hash of a key.
pub(super) fn hash(key: &CallKey) -> u32 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

/// The table takes its buckets from the low and its tags from the high bits: 32 bits are spread
/// over both.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
