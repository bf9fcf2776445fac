//! The traits of the vault: one to read blobs and keys, two to write them for one term.

use bytes::Bytes;
use futures::future::BoxFuture;

use super::JournalError;

/// Named blobs and small keys. A name is 1 to [`NAME_CHARS_MAX`](super::NAME_CHARS_MAX) of `a-z A-Z 0-9 . _ -`, not
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

    /// Replaces the value of a key (at most [`KEY_BYTES_MAX`](super::KEY_BYTES_MAX) bytes), atomically and durably.
    fn put_key(&self, name: &str, value: Bytes) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Whether the disk has more free than its reserve. Errors: [`JournalError::NoSpace`].
    fn check_space(&self) -> BoxFuture<'_, Result<(), JournalError>>;
}

/// A blob that is being written. Dropping it unfinished leaves nothing to be seen.
pub trait BlobWriter: Send {
    /// Adds a frame of at most [`FRAME_BYTES_MAX`](super::FRAME_BYTES_MAX) bytes; answers the offset at which it can be
    /// read.
    fn write(&mut self, frame: Bytes) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Makes the blob durable under its name.
    ///
    /// Errors: [`JournalError::Exists`] where another blob was finished under that name meanwhile.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), JournalError>>;
}
