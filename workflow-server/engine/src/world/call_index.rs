//! Finds the slot of a call by its key. All roots share this index, which is divided into shards.
//!
//! The index has no versions. A reader may find a slot that its root does not have yet, so it
//! checks each result against its root. A persistent map would be the most expensive part of a new
//! call; a lock of one shard is cheaper.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashTable;

use crate::call::CallKey;

/// Readers and the writer rarely need the same one of 64 shards, and 64 locks are cheap.
const SHARDS: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Item {
    hash: u32,
    slot: u32,
}

/// The slots of calls by their keys.
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
    /// The slot of a key. `holds` confirms that the reader's root has the key in that slot.
    pub(super) fn find(&self, key: &CallKey, holds: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash(key);
        let shard = self.shards[hash as usize % SHARDS]
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        shard
            .find(spread(hash), |item| item.hash == hash && holds(item.slot))
            .map(|item| item.slot)
    }

    /// Removes a key after its call left the slot.
    pub(super) fn remove(&self, hash: u32, slot: u32) {
        let mut shard = self.shards[hash as usize % SHARDS]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // A call with the same key may be in the same slot again. Then there are two equal items,
        // and this removes one of them.
        if let Ok(found) =
            shard.find_entry(spread(hash), |item| item.hash == hash && item.slot == slot)
        {
            found.remove();
        }
    }

    /// Adds a key that the index does not have.
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

/// Spreads 32 bits over 64, because the table uses the low bits for buckets and the high bits for
/// tags.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
