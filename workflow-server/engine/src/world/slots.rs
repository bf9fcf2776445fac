//! Slots that calls and instances have left: the free ones, and those that the shared indexes still
//! hold.
//!
//! The lowest free slot is used next, so that the same journal always leads to the same slots, also
//! from a snapshot.

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

    /// The slot to use next, where there are `len` slots.
    pub(super) fn next(&self, len: usize) -> u32 {
        self.0.first().copied().unwrap_or(len as u32)
    }
}

/// What the shared indexes must forget of a call that has left its slot or has another caller. Only
/// hashes: no data of the caller is kept.
#[derive(Debug)]
pub(super) struct RetiredKeys {
    sequence: u64,
    pub(super) slot: u32,
    /// The hash of the call's key; none where the call stays.
    pub(super) call: Option<u32>,
    /// The hashes of the terms of its caller.
    pub(super) caller: Box<[u32]>,
}

/// What the shared indexes must forget, oldest first.
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

    /// The oldest, if it was retired before this sequence.
    pub(super) fn pop_before(&mut self, sequence: u64) -> Option<RetiredKeys> {
        let is_due = self
            .0
            .front()
            .is_some_and(|oldest| oldest.sequence < sequence);
        if is_due { self.0.pop_front() } else { None }
    }
}
