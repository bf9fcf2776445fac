//! Groups of entries and positions in the log. These are plain values, shared by every
//! implementation of the log.
//!
//! Also has the one rule about them: which group may follow a position.

use bytes::Bytes;

use super::{GROUP_BYTES_MAX, JournalError};

/// A group of entries. The log makes the whole group durable in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Sequence of its first entry, at least 1.
    pub first: u64,
    /// Sequence of its last entry, at least `first`.
    pub last: u64,
    /// Chain hash of the entry before `first`. 0 for the first entry of a store.
    pub chain_before: u64,
    /// Chain hash of the entry `last`. The caller computes it, entry by entry.
    pub chain: u64,
    /// The entries. The journal does not read them. At most [`GROUP_BYTES_MAX`].
    pub bytes: Bytes,
}

/// A position in the log: a sequence, and the chain hash of its entry. The default is the position
/// before all entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Sequence of an entry; 0 before the first.
    pub sequence: u64,
    /// Its chain hash; 0 before the first.
    pub chain: u64,
}

/// The range of a log: the entries after `base`, up to and including `newest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The position before the oldest entry of the log: where trimming stopped, or where the log
    /// was started.
    pub base: Position,
    /// The newest entry. Equal to `base` if the log is empty. Known even if everything was trimmed.
    pub newest: Position,
}

impl Bounds {
    /// The sequence of the oldest entry. If the log is empty, one more than the newest.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.base.sequence.saturating_add(1)
    }

    /// Whether the log has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.sequence == self.newest.sequence
    }
}

impl Group {
    /// The position of the log after this group.
    #[must_use]
    pub fn end(&self) -> Position {
        Position {
            sequence: self.last,
            chain: self.chain,
        }
    }

    /// Checks that the group is well formed and follows `newest`. Every log does this before it
    /// writes.
    pub(crate) fn check_follows(&self, newest: Position) -> Result<(), JournalError> {
        if self.first == 0 || self.last < self.first {
            return Err(JournalError::Malformed {
                first: self.first,
                last: self.last,
            });
        }
        if self.bytes.len() > GROUP_BYTES_MAX {
            return Err(JournalError::TooLarge {
                what: "group",
                bytes: self.bytes.len(),
                bytes_max: GROUP_BYTES_MAX,
            });
        }
        if newest.sequence.checked_add(1) != Some(self.first) {
            return Err(JournalError::NotContiguous {
                newest: newest.sequence,
                first: self.first,
            });
        }
        if newest.chain != self.chain_before {
            return Err(JournalError::NotLinked {
                sequence: newest.sequence,
            });
        }
        Ok(())
    }
}
