//! The vault in memory. Offsets are those that the files would have.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use super::{
    super::{
        BlobWriter, FRAME_BYTES_MAX, JournalError, KEY_BYTES_MAX, Vault,
        vault::{END_BYTES, check_name, check_size, frame_bytes},
    },
    Blob, Shared, lock,
};

pub(super) struct MemoryVault(pub(super) Arc<Shared>);

struct MemoryBlob {
    shared: Arc<Shared>,
    name: String,
    blob: Blob,
}

impl Blob {
    fn read(&self, name: &str, offset: u64) -> Result<Option<(Bytes, u64)>, JournalError> {
        if offset == self.end {
            return Ok(None);
        }
        match self.frames.binary_search_by_key(&offset, |(offset, _)| *offset) {
            Ok(at) => {
                let frame = self.frames[at].1.clone();
                let next = offset + frame_bytes(frame.len()) as u64;
                Ok(Some((frame, next)))
            }
            Err(_) => Err(JournalError::Damaged {
                what: format!("no frame begins there (at {offset} of {})", self.end + END_BYTES as u64),
                place: name.to_owned(),
            }),
        }
    }
}

impl BlobWriter for MemoryBlob {
    fn write(&mut self, frame: Bytes) -> BoxFuture<'_, Result<u64, JournalError>> {
        async move {
            check_size("frame", frame.len(), FRAME_BYTES_MAX)?;
            let offset = self.blob.end;
            self.blob.end += frame_bytes(frame.len()) as u64;
            self.blob.frames.push((offset, frame));
            Ok(offset)
        }
        .boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), JournalError>> {
        async move {
            self.shared.check()?;
            lock(&self.shared.content).blobs.insert(self.name, self.blob);
            Ok(())
        }
        .boxed()
    }
}

impl Vault for MemoryVault {
    fn create(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, JournalError>> {
        let created = check_name(name).and_then(|()| self.0.check()).map(|()| {
            let (shared, name) = (Arc::clone(&self.0), name.to_owned());
            Box::new(MemoryBlob { shared, name, blob: Blob::default() }) as Box<dyn BlobWriter>
        });
        async move { created }.boxed()
    }

    fn read_frame(&self, name: &str, offset: u64) -> BoxFuture<'_, Result<Option<(Bytes, u64)>, JournalError>> {
        let read = check_name(name).and_then(|()| match lock(&self.0.content).blobs.get(name) {
            Some(blob) => blob.read(name, offset),
            None => Err(JournalError::NotFound { name: name.to_owned() }),
        });
        async move { read }.boxed()
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        let names = lock(&self.0.content).blobs.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        async move { Ok(names) }.boxed()
    }

    fn remove(&self, name: &str) -> BoxFuture<'_, Result<(), JournalError>> {
        let removed = check_name(name).and_then(|()| self.0.check()).map(|()| {
            lock(&self.0.content).blobs.remove(name);
        });
        async move { removed }.boxed()
    }

    fn put_key(&self, name: &str, value: Bytes) -> BoxFuture<'_, Result<(), JournalError>> {
        let checked = check_name(name).and_then(|()| check_size("key", value.len(), KEY_BYTES_MAX));
        let put = checked.and_then(|()| self.0.check()).and_then(|()| self.0.check_space()).map(|()| {
            lock(&self.0.content).keys.insert(name.to_owned(), value);
        });
        async move { put }.boxed()
    }

    fn check_space(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        let checked = self.0.check_space();
        async move { checked }.boxed()
    }

    fn get_key(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, JournalError>> {
        let got = check_name(name).map(|()| lock(&self.0.content).keys.get(name).cloned());
        async move { got }.boxed()
    }
}
