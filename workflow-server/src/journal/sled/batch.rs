//! Groups that one commit writes to sled.

use super::chunk;
use super::tree::Tree;
use crate::journal::{BATCH_KEYS_MAX, COPY_BATCH_BYTES, Group};

/// Collects groups for one commit.
#[derive(Default)]
pub(super) struct GroupBatch {
    batch: sled::Batch,
    keys: usize,
    bytes: usize,
}

impl GroupBatch {
    /// Whether this group fits. An empty batch has room for any group.
    pub(super) fn has_room(&self, group: &Group) -> bool {
        self.keys == 0
            || (self.keys + chunk::chunks(group.bytes.len()) <= BATCH_KEYS_MAX
                && self.bytes + group.bytes.len() <= COPY_BATCH_BYTES)
    }

    pub(super) fn add(&mut self, group: &Group) -> Result<(), String> {
        let chunks = chunk::encode(group).ok_or("a group is over the size limit")?;
        self.keys += chunks.len();
        self.bytes += group.bytes.len();
        for (key, value) in chunks {
            self.batch.insert(&key[..], value);
        }
        Ok(())
    }

    /// Commits the groups, and empties the batch. Does nothing if it is empty.
    pub(super) fn commit(&mut self, tree: &Tree) -> Result<(), String> {
        self.take_to(|batch, keys| tree.commit(batch, keys))
    }

    /// Writes the groups to a tree that is copied before it is used if it has blobs.
    pub(super) fn write(&mut self, tree: &Tree) -> Result<(), String> {
        self.take_to(|batch, keys| tree.write(batch, keys))
    }

    fn take_to(
        &mut self,
        write: impl FnOnce(sled::Batch, usize) -> Result<(), String>,
    ) -> Result<(), String> {
        let Self { batch, keys, .. } = std::mem::take(self);
        if keys == 0 {
            return Ok(());
        }
        write(batch, keys)
    }
}
