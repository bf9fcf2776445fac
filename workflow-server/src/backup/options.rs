//! The options of a restore.

use std::path::PathBuf;
use std::sync::Arc;

use super::replay::Until;
use crate::ledger::Clock;

/// The options of a restore.
#[derive(Clone)]
pub struct RestoreOptions {
    /// The generation to restore. `None` for the newest that reaches back to the point.
    pub generation: Option<u32>,
    /// The point to restore.
    pub until: Until,
    /// Whether callers who were erased since the backup are erased again.
    pub erase_again: bool,
    /// The data directory of the old server. It has the newest erasures.
    pub erasures_from: Option<PathBuf>,
    /// The new epoch: 128 random bits as 32 lower-case hex digits.
    pub epoch: String,
    /// The clock that the time of the restored store continues by. `None` holds its timers until
    /// operations accept the clock.
    pub clock: Option<Arc<dyn Clock>>,
}
