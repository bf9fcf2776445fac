//! The limits of the journal, each with its reason. The code that uses a limit checks it.

use std::time::Duration;

/// The sizes that a log accepts, in bytes. The writer of a group must respect them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// The largest group.
    pub group_bytes_max: usize,
    /// Groups up to this size are the cheapest to write.
    pub group_bytes_cheap: usize,
}

impl LogLimits {
    /// The size after which a group takes no more commands. One more usual entry still keeps it
    /// cheap.
    #[must_use]
    pub const fn group_bytes_soft(&self) -> usize {
        self.group_bytes_cheap / 8 * 5
    }

    /// The size after which a group takes nothing more. Commands and due timers may each fill the
    /// cheap size.
    #[must_use]
    pub const fn group_bytes_full(&self) -> usize {
        2 * self.group_bytes_soft()
    }

    /// The largest entry. It still fits after a group that is nearly full. A larger entry is
    /// refused before anything changes.
    #[must_use]
    pub const fn entry_bytes_max(&self) -> usize {
        self.group_bytes_max - self.group_bytes_full()
    }
}

/// The largest group, in bytes. Tests of power cuts have used a 4 MiB value, split into 64 KiB
/// values in one batch.
pub const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The limits of the logs here. One value of sled is the cheapest group.
pub const LOG_LIMITS: LogLimits = LogLimits {
    group_bytes_max: GROUP_BYTES_MAX,
    group_bytes_cheap: VALUE_BYTES_MAX,
};

/// The largest value of sled, with its header. Larger values may be torn by a power cut.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// The largest number of keys in a batch of sled. Beyond it, memory and time grow faster than the
/// number of keys.
pub const BATCH_KEYS_MAX: usize = 256;

/// The size of the groups that one batch of trimming removes. A single larger group is removed
/// alone. An append waits for at most one batch.
pub const TRIM_BATCH_BYTES: usize = 1024 * 1024;

/// The size after which the copy of a store ends a batch. It keeps each commit well below the time
/// limit of [`Options`].
///
/// [`Options`]: super::Options
pub const COPY_BATCH_BYTES: usize = 2 * 1024 * 1024;

/// The segment size of sled. With the default of 512 KiB, larger pages go to files that sled never
/// syncs.
pub const SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// The page cache of sled. The default of 1 GiB is too much beside a World in memory. The log is
/// rarely read, and in order.
pub const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// How often sled flushes automatically. Durability never relies on it, but sled frees space only
/// then.
pub const FLUSH_EVERY_MS: u64 = 500;

/// How many commands may wait for the writer's thread. It has one owner, so a longer queue would
/// only hide a stall.
pub const WRITER_QUEUE_MAX: usize = 4;

/// The longest time of a commit. A longer one means a deadlock in sled or a dead disk. The process
/// should then end and restart.
pub const COMMIT_LIMIT: Duration = Duration::from_secs(10);

/// The time within which opening must show progress. The recovery of a damaged sled store may never
/// end.
pub const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// How long to wait for a lock. A dropped handle of sled, or a process that is ending, releases it
/// late.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// The pause between two tries to take a lock.
pub const LOCK_RETRY: Duration = Duration::from_millis(20);

/// How often the watchdog checks: ten times within [`COMMIT_LIMIT`].
pub const WATCHDOG_TICKS_PER_LIMIT: u32 = 10;

/// Writes are refused while less than this is free. A snapshot, the next segments of sled and the
/// log of a copy must fit. A disk that fills up during a commit would be a permanent failure.
pub const SPACE_RESERVE_BYTES: u64 = 256 * 1024 * 1024;

/// How long a check of the disk is valid, while commits write less than [`LOOK_BYTES_MAX`]. A check
/// takes four system calls.
pub const DISK_LOOK_MAX: Duration = Duration::from_secs(1);

/// The size of the commits after which the disk is checked again. A part of the reserve.
pub const LOOK_BYTES_MAX: usize = SPACE_RESERVE_BYTES as usize / 16;

/// The size of the tail file, in bytes. A half of it must have room for the groups that arrive
/// while sled commits.
pub const TAIL_BYTES: usize = 4 * 1024 * 1024;

/// The longest time for which groups wait in the tail before they are moved to sled. One commit
/// costs sled about the same for one group as for many.
pub const MOVE_EVERY: Duration = Duration::from_millis(20);

/// The size of the groups in the tail at which they are moved without waiting longer.
pub const MOVE_BYTES: usize = TAIL_BYTES / 8;

/// The shortest time between two writes of the head file, unless a caller waits for one. A lost end
/// of the log is noticed only up to the newest position in that file.
pub const HEAD_WRITE_EVERY: Duration = Duration::from_millis(5);

/// The number of groups that are verified between two signs of progress.
pub const PROGRESS_GROUPS: u64 = 256;

/// The largest frame of a blob. It is held in memory when it is written or read.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The size of the frames that are collected before a write to the file. This makes few and large
/// writes.
pub const BLOB_BUFFER_BYTES: usize = 256 * 1024;

/// The size of the part of a blob after which it is synced. One sync of a large snapshot would
/// delay the syncs of the journal for its whole duration.
pub const BLOB_SYNC_BYTES: u64 = 8 * 1024 * 1024;

/// The largest value of a key: one disk block.
pub const KEY_BYTES_MAX: usize = 4 * 1024;

/// The longest name of a blob or key, in characters. Every file system accepts more.
pub const NAME_CHARS_MAX: usize = 128;

/// A member that has not reported for this long is no longer in the list of members.
pub const MEMBER_KEPT: Duration = Duration::from_secs(60);

/// How long a connection to one host of a database may take. Shorter than the lease of a leader.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// How long a database may take to answer an append or an election. Shorter than the lease of a
/// leader, so that a stalled link is noticed before the lease ends.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How long a database may take to answer a statement that moves many bytes. The largest frame must
/// fit.
pub const TRANSFER_LIMIT: Duration = Duration::from_secs(10);

/// The largest number of groups that one read of a database returns, or one batch of trimming
/// removes.
pub const ROWS_MAX: i64 = 4096;

// The chunks of a group and the base record must fit in one batch, both when the group is written
// and when it is trimmed.
const _: () = assert!(GROUP_BYTES_MAX / (VALUE_BYTES_MAX / 2) < BATCH_KEYS_MAX);
// sled moves a page of more than a quarter of a segment to `blobs/`. A leaf has up to 17 values
// before it splits.
const _: () = assert!(17 * VALUE_BYTES_MAX < SEGMENT_BYTES / 4);
