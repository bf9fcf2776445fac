//! The vault in memory. Its offsets are those that files would have.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use super::shared::{Blob, Content, Shared, lock};
use crate::journal::vault::{END_BYTES, check_name, check_size, frame_bytes};
use crate::journal::{
    BlobWriter, FRAME_BYTES_MAX, JournalError, KEY_BYTES_MAX, Term, Vault, VaultWriter,
};

pub(super) struct MemoryVault(pub(super) Arc<Shared>);

pub(super) struct MemoryVaultWriter {
    pub(super) shared: Arc<Shared>,
    pub(super) term: Term,
}

struct MemoryBlob {
    shared: Arc<Shared>,
    term: Term,
    name: String,
    blob: Blob,
}

impl Blob {
    fn read(&self, name: &str, offset: u64) -> Result<Option<(Bytes, u64)>, JournalError> {
        if offset == self.end {
            return Ok(None);
        }
        match self
            .frames
            .binary_search_by_key(&offset, |(offset, _)| *offset)
        {
            Ok(at) => {
                let frame = self.frames[at].1.clone();
                let next = offset + frame_bytes(frame.len()) as u64;
                Ok(Some((frame, next)))
            }
            Err(_) => Err(JournalError::Damaged {
                what: format!(
                    "no frame begins there (at {offset} of {})",
                    self.end + END_BYTES as u64
                ),
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
            let Self {
                shared,
                term,
                name,
                blob,
            } = *self;
            shared.change(term, format!("finish {name}"), |content| {
                content.check_is_new(&name)?;
                content.blobs.insert(name, blob);
                Ok(())
            })
        }
        .boxed()
    }
}

impl Content {
    fn check_is_new(&self, name: &str) -> Result<(), JournalError> {
        if self.blobs.contains_key(name) && !self.replaces_blobs {
            Err(JournalError::Exists {
                name: name.to_owned(),
            })
        } else {
            Ok(())
        }
    }
}

impl Shared {
    /// Reads the content, if this process can reach the store.
    fn look<T>(
        &self,
        look: impl FnOnce(&Content) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.reached()?;
        look(&lock(&self.content))
    }

    /// Changes the content, if this process leads with `term`.
    fn change<T>(
        &self,
        term: Term,
        what: String,
        change: impl FnOnce(&mut Content) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.check()?;
        let mut content = lock(&self.content);
        content.write(term, what)?;
        change(&mut content)
    }
}

impl Vault for MemoryVault {
    fn read_frame(
        &self,
        name: &str,
        offset: u64,
    ) -> BoxFuture<'_, Result<Option<(Bytes, u64)>, JournalError>> {
        let read = check_name(name).and_then(|()| {
            self.0.look(|content| match content.blobs.get(name) {
                Some(blob) => blob.read(name, offset),
                None => Err(JournalError::NotFound {
                    name: name.to_owned(),
                }),
            })
        });
        async move { read }.boxed()
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        let names = self.0.look(|content| {
            Ok(content
                .blobs
                .keys()
                .filter(|name| name.starts_with(prefix))
                .cloned()
                .collect())
        });
        async move { names }.boxed()
    }

    fn get_key(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, JournalError>> {
        let got = check_name(name)
            .and_then(|()| self.0.look(|content| Ok(content.keys.get(name).cloned())));
        async move { got }.boxed()
    }

    fn list_keys(&self) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        let names = self
            .0
            .look(|content| Ok(content.keys.keys().cloned().collect()));
        async move { names }.boxed()
    }
}

impl VaultWriter for MemoryVaultWriter {
    fn create(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, JournalError>> {
        let checked = check_name(name);
        let created = checked.and_then(|()| {
            self.shared
                .change(self.term, format!("create {name}"), |content| {
                    content.check_is_new(name)
                })
        });
        let begin = |()| {
            let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
            Box::new(MemoryBlob {
                shared,
                term: self.term,
                name,
                blob: Blob::default(),
            }) as Box<dyn BlobWriter>
        };
        let begun = created.map(begin);
        async move { begun }.boxed()
    }

    fn remove(&self, name: &str) -> BoxFuture<'_, Result<(), JournalError>> {
        let removed = check_name(name).and_then(|()| {
            self.shared
                .change(self.term, format!("remove {name}"), |content| {
                    content.blobs.remove(name);
                    Ok(())
                })
        });
        async move { removed }.boxed()
    }

    fn put_key(&self, name: &str, value: Bytes) -> BoxFuture<'_, Result<(), JournalError>> {
        let checked = check_name(name).and_then(|()| check_size("key", value.len(), KEY_BYTES_MAX));
        let put = checked
            .and_then(|()| self.shared.check_space())
            .and_then(|()| {
                self.shared
                    .change(self.term, format!("put_key {name}"), |content| {
                        content.keys.insert(name.to_owned(), value);
                        Ok(())
                    })
            });
        async move { put }.boxed()
    }

    fn check_space(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        let checked = self.shared.check_space();
        async move { checked }.boxed()
    }
}
