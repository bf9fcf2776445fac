//! The options for opening a store.

use std::sync::Arc;
use std::time::Duration;

use super::{CACHE_BYTES, COMMIT_LIMIT, LOCK_WAIT, OPEN_LIMIT, SPACE_RESERVE_BYTES, TAIL_BYTES};

/// Called once, with a sentence, when a commit takes longer than the limit. In production it ends
/// the process.
pub type OnStuck = Arc<dyn Fn(&str) + Send + Sync>;

/// The values for a new store. An existing store keeps its own. They are passed in, because the
/// journal makes no random numbers and reads no wall clock.
#[derive(Clone, Debug)]
pub struct Birth {
    /// 128 random bits as 32 lower-case hex digits. They identify this store for ever.
    pub epoch: String,
    /// The random key of the request hashes.
    pub hash_key: [u8; 16],
    /// Wall time, in milliseconds since 1970.
    pub created_at_millis: i64,
}

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// For a store that does not exist yet.
    pub birth: Birth,
    /// Called by the watchdog.
    pub on_stuck: OnStuck,
    /// Writes are refused while less than this is free, in bytes.
    pub reserve_bytes: u64,
    /// The size of sled's cache, in bytes.
    pub cache_bytes: u64,
    /// The size of the tail, in bytes.
    pub tail_bytes: usize,
    /// The time limit for one commit.
    pub commit_limit: Duration,
    /// Opening gives up after this time without progress.
    pub open_limit: Duration,
    /// How long to wait for the lock of the directory.
    pub lock_wait: Duration,
    /// Accepts the verified log as it is, and writes the head file again. This is the last way out
    /// of [`OpenError::HeadLost`](super::OpenError::HeadLost) and
    /// [`OpenError::BehindHead`](super::OpenError::BehindHead), for operators. Acknowledged entries
    /// after the newest one are then lost.
    pub rebuild_head: bool,
    /// The store is created to be filled from a backup. It gets a mark. No process opens the store
    /// while it has the mark.
    pub restoring: bool,
    /// Copies the log to new files before serving, as after a failed sync. This frees disk space.
    pub fresh_copy: bool,
}

impl Options {
    /// The options with the limits of the server.
    #[must_use]
    pub fn new(birth: Birth, on_stuck: OnStuck) -> Self {
        Self {
            birth,
            on_stuck,
            reserve_bytes: SPACE_RESERVE_BYTES,
            cache_bytes: CACHE_BYTES,
            tail_bytes: TAIL_BYTES,
            commit_limit: COMMIT_LIMIT,
            open_limit: OPEN_LIMIT,
            lock_wait: LOCK_WAIT,
            rebuild_head: false,
            restoring: false,
            fresh_copy: false,
        }
    }
}
