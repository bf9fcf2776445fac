//! What the server says about the store when it opens it.

use std::sync::Arc;
use std::time::Duration;

use super::{CACHE_BYTES, COMMIT_LIMIT, LOCK_WAIT, OPEN_LIMIT, SPACE_RESERVE_BYTES};

/// Called once, with a sentence, when a commit takes longer than the limit. In production it ends
/// the process.
pub type OnStuck = Arc<dyn Fn(&str) + Send + Sync>;

/// What a store gets when it is created; an existing store keeps its own. Handed in, for the
/// journal makes no random numbers and reads no wall clock.
#[derive(Clone, Debug)]
pub struct Birth {
    /// 128 random bits as 32 lower-case hex digits: names this store, and no other, for ever.
    pub epoch: String,
    /// Random key of the request hashes.
    pub hash_key: [u8; 16],
    /// Wall time, in milliseconds since 1970.
    pub created_at_millis: i64,
}

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// For a store that is not there yet.
    pub birth: Birth,
    /// Called by the watchdog.
    pub on_stuck: OnStuck,
    /// Free bytes under which writes are refused.
    pub reserve_bytes: u64,
    /// sled's cache.
    pub cache_bytes: u64,
    /// The watchdog's limit for one commit.
    pub commit_limit: Duration,
    /// Opening gives up after this time without progress.
    pub open_limit: Duration,
    /// How long to wait for the lock of the directory.
    pub lock_wait: Duration,
    /// Takes the verified log as it is and writes the head file again: the operator's last way out
    /// of [`OpenError::HeadLost`](super::OpenError::HeadLost) and
    /// [`OpenError::BehindHead`](super::OpenError::BehindHead). What was acknowledged after the
    /// newest entry is then lost.
    pub rebuild_head: bool,
    /// The store is created to be filled from a backup: it carries a mark, without which no later
    /// open takes it for complete.
    pub restoring: bool,
    /// Copies the log to fresh files before serving, as after a failed sync: gives space back.
    pub fresh_copy: bool,
}

impl Options {
    /// The limits as the server uses them.
    #[must_use]
    pub fn new(birth: Birth, on_stuck: OnStuck) -> Self {
        Self {
            birth,
            on_stuck,
            reserve_bytes: SPACE_RESERVE_BYTES,
            cache_bytes: CACHE_BYTES,
            commit_limit: COMMIT_LIMIT,
            open_limit: OPEN_LIMIT,
            lock_wait: LOCK_WAIT,
            rebuild_head: false,
            restoring: false,
            fresh_copy: false,
        }
    }
}
