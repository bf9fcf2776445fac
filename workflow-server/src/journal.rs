//! The journal: the durable memory of one workflow-server.
//!
//! What it is: small traits over opaque bytes. The [`Log`] is an ordered row of groups of entries;
//! the [`Vault`] keeps named blobs (files made of checked frames) and small keys. Both only read.
//! Writing is for the one process that leads: [`Storage::lead`] returns a [`Leading`] for one term,
//! and it alone has the [`LogWriter`] and the [`VaultWriter`]. A leader with a higher term deposes
//! it, and its every later write is refused. [`Store::open`] opens a data directory (sled for the
//! log, plain files for the vault), which only one process can use; [`memory`] is a store in memory
//! for any number of simulated processes, with faults on request.
//!
//! What it promises: a future that has answered `Ok` is durable, against `kill -9` and against a
//! power cut. What is read back is what was written, checked, or a typed error. After the first
//! failed append or sync nothing is written any more ([`JournalError::Failed`] keeps the first
//! reason) and the next open copies the store before it is believed.
//!
//! What it must not do: look into the bytes, know the engine or the protos, read the clock for
//! anything but time limits, or name sled outside `sled.rs` and `sled/`. All work on files runs on
//! threads of its own or on the runtime's blocking threads; the futures work under any tokio
//! runtime.

mod error;
mod group;
mod limits;

mod blocking;
mod disk;
mod fault;
pub(crate) mod files;
mod sealed;

mod birth;
mod current;
mod guard;
mod head;
mod identity;
mod lock;
mod options;
pub(crate) mod restoring;
mod storage;
mod store;

mod sled;
mod vault;

pub mod memory;

use bytes::Bytes;
pub use disk::{Disk, RealDisk};
pub use error::{JournalError, OpenError};
use futures::future::BoxFuture;
pub use group::{Bounds, Group, LogLimits, Position};
pub(crate) use identity::FILE as IDENTITY_FILE;
pub use identity::{FORMAT, Identity};
pub use limits::*;
pub use options::{Birth, OnStuck, Options};
pub use storage::{Leading, Storage, Term};
pub use store::Store;

/// The ordered log of groups. Sequences begin at 1 and have no gap.
///
/// Any number of readers, in any process; only a [`Leading`] writes.
pub trait Log: Send + Sync {
    /// The groups from the one that contains `from` (0 counts as 1), in order, until about
    /// `bytes_max` bytes; at least one if there is one. Empty when `from` is newer than the newest.
    /// Only durable groups are ever read.
    ///
    /// Errors: [`JournalError::Trimmed`] when `from` is older than what is kept,
    /// [`JournalError::Damaged`], [`JournalError::Unreachable`].
    fn read(&self, from: u64, bytes_max: usize) -> BoxFuture<'_, Result<Vec<Group>, JournalError>>;

    /// What is kept, as of the newest durable change.
    ///
    /// Errors: [`JournalError::Unreachable`].
    fn bounds(&self) -> BoxFuture<'_, Result<Bounds, JournalError>>;
}

/// Writes to the log, for one term. After a leader with a higher term has begun, each of these
/// answers [`JournalError::Deposed`] and writes nothing.
pub trait LogWriter: Send + Sync {
    /// Appends a group and makes it durable; answers only then.
    ///
    /// Errors that write nothing and can be tried again: [`JournalError::NotContiguous`],
    /// [`JournalError::NotLinked`], [`JournalError::Malformed`], [`JournalError::TooLarge`],
    /// [`JournalError::NoSpace`], [`JournalError::Unreachable`]. After [`JournalError::Unknown`]
    /// only reading the log shows whether the group is in it. Any other ends all writing.
    fn append(&self, group: Group) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Drops whole groups whose last sequence is at most `upto`, oldest first, in bounded durable
    /// batches.
    fn trim(&self, upto: u64) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Copies what is kept to fresh files and removes the old ones, so that no byte remains of what
    /// was trimmed. Appends wait meanwhile: trim first.
    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Sets the position that the first group must follow: for a store that is filled from a
    /// backup.
    ///
    /// Errors: [`JournalError::NotEmpty`] unless the log has never held a sequence.
    fn start_at(&self, position: Position) -> BoxFuture<'_, Result<(), JournalError>>;

    /// The sizes that this log takes.
    fn limits(&self) -> LogLimits;
}

/// Named blobs and small keys. A name is 1 to [`NAME_CHARS_MAX`] of `a-z A-Z 0-9 . _ -`, not
/// beginning with a dot.
pub trait Vault: Send + Sync {
    /// The frame at `offset` (the first is at 0) and the offset of the next; `None` at the checked
    /// end of the blob.
    ///
    /// Errors: [`JournalError::NotFound`], [`JournalError::Damaged`] (also for an offset at which
    /// no frame begins).
    fn read_frame(
        &self,
        name: &str,
        offset: u64,
    ) -> BoxFuture<'_, Result<Option<(Bytes, u64)>, JournalError>>;

    /// The names of the finished blobs that begin with `prefix`, sorted.
    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<String>, JournalError>>;

    /// The value of a key; `None` if it was never put.
    fn get_key(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, JournalError>>;
}

/// Writes to the vault, for one term. After a leader with a higher term has begun, each of these
/// answers [`JournalError::Deposed`] and writes nothing.
pub trait VaultWriter: Send + Sync {
    /// Begins a blob. It is seen under `name` only once [`BlobWriter::finish`] has answered.
    ///
    /// Errors: [`JournalError::Exists`]: a blob is never replaced. Who writes a blob again gives it
    /// another name.
    fn create(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, JournalError>>;

    /// Removes a blob, durably. Removing what is not there is no error.
    fn remove(&self, name: &str) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Replaces the value of a key (at most [`KEY_BYTES_MAX`] bytes), atomically and durably.
    fn put_key(&self, name: &str, value: Bytes) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Whether the disk has more free than its reserve. Errors: [`JournalError::NoSpace`].
    fn check_space(&self) -> BoxFuture<'_, Result<(), JournalError>>;
}

/// A blob that is being written. Dropping it unfinished leaves nothing to be seen.
pub trait BlobWriter: Send {
    /// Adds a frame of at most [`FRAME_BYTES_MAX`] bytes; answers the offset at which it can be
    /// read.
    fn write(&mut self, frame: Bytes) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Makes the blob durable under its name.
    ///
    /// Errors: [`JournalError::Exists`] where another blob was finished under that name meanwhile.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), JournalError>>;
}
