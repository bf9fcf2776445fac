//! What a restore is to restore.

use std::path::PathBuf;
use std::sync::Arc;

use super::replay::Until;
use crate::ledger::Clock;

/// What to restore.
#[derive(Clone)]
pub struct RestoreOptions {
    /// Which generation; the newest that reaches the point, where none is named.
    pub generation: Option<u32>,
    /// Up to where.
    pub until: Until,
    /// Whether callers who were erased since stay erased.
    pub erase_again: bool,
    /// The data directory of the old server, which knows the newest erasures.
    pub erasures_from: Option<PathBuf>,
    /// The new epoch: 128 random bits as 32 lower-case hex digits.
    pub epoch: String,
    /// By which the restored store's time continues; none where its timers are to be held until
    /// operations accept the clock.
    pub clock: Option<Arc<dyn Clock>>,
}
