//! Slots that calls and instances have left: the free ones, and those that the shared indexes still
//! contain.
//!
//! The next call or instance gets the lowest free slot. So the same journal always leads to the
//! same slots, also after a snapshot.

use std::collections::{BTreeSet, VecDeque};

/// Free slots below the highest in use.
#[derive(Debug, Default)]
pub(super) struct FreeSlots(BTreeSet<u32>);

impl FreeSlots {
    pub(super) fn free(&mut self, slot: u32) {
        self.0.insert(slot);
    }

    pub(super) fn take(&mut self, slot: u32) {
        self.0.remove(&slot);
    }

    /// The slot to use next. `len` is the number of slots.
    pub(super) fn next(&self, len: usize) -> u32 {
        self.0.first().copied().unwrap_or(len as u32)
    }
}

/// The hashes of a call that left its slot or changed its caller. The shared indexes must remove
/// them later. They contain no data of the caller.
#[derive(Debug)]
pub(super) struct RetiredKeys {
    sequence: u64,
    pub(super) slot: u32,
    /// The hash of the call's key; `None` if the call stays in its slot.
    pub(super) call: Option<u32>,
    /// The hashes of the terms of the call's caller.
    pub(super) caller: Box<[u32]>,
}

/// The hashes that the shared indexes must remove later, oldest first.
#[derive(Debug, Default)]
pub(super) struct Retired(VecDeque<RetiredKeys>);

impl Retired {
    pub(super) fn push(&mut self, sequence: u64, slot: u32, call: Option<u32>, caller: Box<[u32]>) {
        if call.is_some() || !caller.is_empty() {
            self.0.push_back(RetiredKeys {
                sequence,
                slot,
                call,
                caller,
            });
        }
    }

    /// Removes and returns the oldest, if it was retired before this sequence.
    pub(super) fn pop_before(&mut self, sequence: u64) -> Option<RetiredKeys> {
        let is_due = self
            .0
            .front()
            .is_some_and(|oldest| oldest.sequence < sequence);
        if is_due { self.0.pop_front() } else { None }
    }
}
