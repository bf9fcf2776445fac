//! The newest results of searches for work that is free.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aftercall_engine::query::Claimable;

use crate::limits::SEARCHES_KEPT;

/// A result, and when it was searched for. A claim may lapse while the clock is held and no entry
/// says so: a result does not live long.
pub(crate) struct Kept {
    pub(crate) found: Claimable,
    pub(crate) since: Instant,
}

/// The place of one filter's result.
pub(crate) type Slot = Arc<tokio::sync::Mutex<Option<Kept>>>;

/// The newest results.
#[derive(Default)]
pub(crate) struct ClaimSearches {
    /// By a keyed hash of the filter, the one that was used last at the end.
    slots: Mutex<VecDeque<(u128, Slot)>>,
}

impl ClaimSearches {
    pub(crate) fn slot(&self, key: u128) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let at = slots.iter().position(|(known, _)| *known == key);
        let (_, slot) = at.and_then(|at| slots.remove(at)).unwrap_or_default();
        slots.push_back((key, slot.clone()));
        if slots.len() > SEARCHES_KEPT {
            slots.pop_front();
        }
        slot
    }
}
