//! The limits of the journal, each with its reason. They are checked where they are used, never
//! guessed again there.

use std::time::Duration;

/// The sizes that a log takes, in bytes. Who writes a group keeps to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// The largest group.
    pub group_bytes_max: usize,
    /// Groups up to this size are written at the lowest cost.
    pub group_bytes_cheap: usize,
}

impl LogLimits {
    /// Bytes after which a group takes no more commands: with one usual entry more it is still
    /// cheap.
    #[must_use]
    pub const fn group_bytes_soft(&self) -> usize {
        self.group_bytes_cheap / 8 * 5
    }

    /// Bytes after which a group takes nothing more: commands and timers that are due may each fill
    /// what is cheap.
    #[must_use]
    pub const fn group_bytes_full(&self) -> usize {
        2 * self.group_bytes_soft()
    }

    /// Bytes of one entry: behind a group that is nearly full it still fits. A larger one is
    /// refused before anything has changed.
    #[must_use]
    pub const fn entry_bytes_max(&self) -> usize {
        self.group_bytes_max - self.group_bytes_full()
    }
}

/// Largest group, in bytes: a 4 MiB value split into 64 KiB values in one batch is what was shown
/// to survive power cuts.
pub const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the logs here take: one value of sled is the cheapest group.
pub const LOG_LIMITS: LogLimits = LogLimits {
    group_bytes_max: GROUP_BYTES_MAX,
    group_bytes_cheap: VALUE_BYTES_MAX,
};

/// Largest value handed to sled, header included: larger ones tear when the power goes.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// Most keys in one sled batch: memory and time of a batch grow faster than its keys beyond this.
pub const BATCH_KEYS_MAX: usize = 256;

/// Bytes of the groups that one batch of trimming removes, unless the first has more: an append waits
/// for one batch at most.
pub const TRIM_BATCH_BYTES: usize = 1024 * 1024;

/// Bytes after which the copy of a store closes a batch: keeps each of its commits well under
/// [`Options`]' time limit.
///
/// [`Options`]: super::Options
pub const COPY_BATCH_BYTES: usize = 2 * 1024 * 1024;

/// sled's segment size: with its default of 512 KiB larger pages go to files that it never syncs.
pub const SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// sled's page cache: its own default of 1 GiB is too much beside a World in memory; the log is
/// read in order and rarely.
pub const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// How often sled flushes automatically. Never relied on for durability, but its space collection runs
/// only there.
pub const FLUSH_EVERY_MS: u64 = 500;

/// Commands that may wait for the writer's thread: it has one owner, so more would only hide a
/// stall.
pub const WRITER_QUEUE_MAX: usize = 4;

/// A commit that takes longer has met sled's deadlock or a dead disk; the process is then better
/// ended and restarted.
pub const COMMIT_LIMIT: Duration = Duration::from_secs(10);

/// The time within which opening must show progress; a damaged sled store can make its recovery
/// spin for ever.
pub const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// How long to wait for a lock: a dropped sled handle, or a process that is just ending, releases
/// it late.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Pause between two tries to get a lock.
pub const LOCK_RETRY: Duration = Duration::from_millis(20);

/// How often the watchdog looks: an order of magnitude finer than [`COMMIT_LIMIT`].
pub const WATCHDOG_TICKS_PER_LIMIT: u32 = 10;

/// Writes are refused while less than this is free: a snapshot, sled's next segments and the log of
/// a copy must fit, and a full disk in the middle of a commit would be a failure for good.
pub const SPACE_RESERVE_BYTES: u64 = 256 * 1024 * 1024;

/// How long what a commit has seen of the disk counts for the next ones, as long as they write less
/// than [`LOOK_BYTES_MAX`]: looking is four system calls.
pub const DISK_LOOK_MAX: Duration = Duration::from_secs(1);

/// Bytes of commits after which the disk is looked at again: a part of the reserve.
pub const LOOK_BYTES_MAX: usize = SPACE_RESERVE_BYTES as usize / 16;

/// How often the head file is written at most, unless somebody waits for it. A log that lost its
/// end is found out only up to the newest place in that file.
pub const HEAD_WRITE_EVERY: Duration = Duration::from_millis(5);

/// Groups verified between two signs of progress while opening.
pub const PROGRESS_GROUPS: u64 = 256;

/// Largest frame of a blob: it is held in memory whole, when written and when read.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of frames gathered before they are written to the file: few and large writes.
pub const BLOB_BUFFER_BYTES: usize = 256 * 1024;

/// Bytes of a blob after which they are made durable, before the blob is whole: one sync of all of a
/// large snapshot would keep the journal's syncs waiting for as long as it takes.
pub const BLOB_SYNC_BYTES: u64 = 8 * 1024 * 1024;

/// Largest value of a key: one block of the disk.
pub const KEY_BYTES_MAX: usize = 4 * 1024;

/// Longest name of a blob or key, in characters: well below what every file system takes.
pub const NAME_CHARS_MAX: usize = 128;

// A group's chunks and the base record beside them must fit in one batch, when it is written and
// when it is trimmed.
const _: () = assert!(GROUP_BYTES_MAX / (VALUE_BYTES_MAX / 2) < BATCH_KEYS_MAX);
// sled moves a page to `blobs/` above a quarter of a segment; a leaf holds up to 17 values before
// it splits.
const _: () = assert!(17 * VALUE_BYTES_MAX < SEGMENT_BYTES / 4);
