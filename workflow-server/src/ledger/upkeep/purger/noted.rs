//! What a purge notes: its newest pass in the vault, and the number of waiting instances in memory.

use std::sync::atomic::{AtomicU64, Ordering};

/// The key that holds the day of the newest complete pass.
pub(in crate::ledger) const PURGED_ON: &str = "purged-on";
/// The key that holds the sequence of the newest confirmation that a complete pass has carried out.
pub(in crate::ledger) const PURGED_FOR: &str = "purged-for";

/// How many ended instances wait to be removed.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Purging {
    waiting: AtomicU64,
}

impl Purging {
    pub(in crate::ledger) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn ends(&self, waiting: u64) {
        self.waiting.store(waiting, Ordering::Relaxed);
        metrics::gauge!("aftercall_purge_waiting_instances").set(waiting as f64);
    }
}
