//! Groups of entries and places in the log: plain values, shared by every implementation of the
//! log.
//!
//! The one rule about them lives here too: how a group must follow on what is there.

use bytes::Bytes;

use super::{GROUP_BYTES_MAX, JournalError};

/// A group of entries: the unit that is made durable at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Sequence of its first entry, at least 1.
    pub first: u64,
    /// Sequence of its last entry, at least `first`.
    pub last: u64,
    /// Chain hash of the entry before `first` (0 before the very first).
    pub chain_before: u64,
    /// Chain hash of the entry `last`. The caller makes it, entry by entry.
    pub chain: u64,
    /// The entries, opaque here; at most [`GROUP_BYTES_MAX`].
    pub bytes: Bytes,
}

/// A place in the log: a sequence and the chain hash of the entry there. The default is the place
/// before all entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Sequence of an entry; 0 before the first.
    pub sequence: u64,
    /// Its chain hash; 0 before the first.
    pub chain: u64,
}

/// What a log keeps: the entries after `base`, up to and with `newest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The place before the oldest entry that is kept: where trimming stopped, or where the log
    /// was started.
    pub base: Position,
    /// The newest entry; equal to `base` when nothing is kept. Known also when everything has been
    /// trimmed.
    pub newest: Position,
}

impl Bounds {
    /// Sequence of the oldest entry that is kept; one more than the newest when nothing is.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.base.sequence.saturating_add(1)
    }

    /// Whether no entry is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.sequence == self.newest.sequence
    }
}

impl Group {
    /// The position of the log when this group is its newest.
    #[must_use]
    pub fn end(&self) -> Position {
        Position {
            sequence: self.last,
            chain: self.chain,
        }
    }

    /// Whether the group is well formed and follows on `newest`; what every log asks before it
    /// writes a byte.
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
