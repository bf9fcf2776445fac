//! The traits of the vault: one reads blobs and keys, two write them for one term.

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _, ready};

use super::JournalError;

/// Named blobs and small keys. A name is 1 to [`NAME_CHARS_MAX`](super::NAME_CHARS_MAX) of `a-z A-Z 0-9 . _ -`, not
/// beginning with a dot.
pub trait Vault: Send + Sync {
    /// Returns the frame at `offset` and the offset of the next frame. The first frame is at 0.
    /// Returns `None` at the end mark of the blob.
    ///
    /// Errors: [`JournalError::NotFound`], [`JournalError::Damaged`] (also if no frame begins at
    /// the offset).
    fn read_frame(
        &self,
        name: &str,
        offset: u64,
    ) -> BoxFuture<'_, Result<Option<(Bytes, u64)>, JournalError>>;

    /// The names of the finished blobs that begin with `prefix`, sorted.
    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<String>, JournalError>>;

    /// The value of a key. `None` if no value was ever stored.
    fn get_key(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, JournalError>>;

    /// The names of the keys that have a value, sorted.
    fn list_keys(&self) -> BoxFuture<'_, Result<Vec<String>, JournalError>>;
}

/// Writes to the vault, for one term. After a leader with a higher term has begun, each method
/// returns [`JournalError::Deposed`] and writes nothing.
pub trait VaultWriter: Send + Sync {
    /// Begins a blob. Readers see it under `name` only after [`BlobWriter::finish`] has returned.
    ///
    /// Errors: [`JournalError::Exists`]: a blob is never replaced. To write a blob again, use
    /// another name.
    fn create(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, JournalError>>;

    /// Removes a blob durably. Removing a blob that does not exist is not an error.
    fn remove(&self, name: &str) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Replaces the value of a key (at most [`KEY_BYTES_MAX`](super::KEY_BYTES_MAX) bytes), atomically and durably.
    fn put_key(&self, name: &str, value: Bytes) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Lets the space of removed blobs and replaced values be written over, if the store keeps
    /// their bytes until then. A store that removes files has nothing to do.
    fn free_removed(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        ready(Ok(())).boxed()
    }

    /// Checks that the disk has more free space than its reserve. Errors:
    /// [`JournalError::NoSpace`], [`JournalError::DatabaseFull`].
    fn check_space(&self) -> BoxFuture<'_, Result<(), JournalError>>;
}

/// A blob that is being written. If it is dropped before it is finished, readers never see it.
pub trait BlobWriter: Send {
    /// Adds a frame of at most [`FRAME_BYTES_MAX`](super::FRAME_BYTES_MAX) bytes. Returns the
    /// offset at which it can be read.
    fn write(&mut self, frame: Bytes) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Makes the blob durable under its name.
    ///
    /// Errors: [`JournalError::Exists`] if another blob was finished under that name meanwhile.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), JournalError>>;
}
