//! The archive: calls and instances that have left memory. They are found by id, by call, by
//! caller, and in the order in which they left.
//!
//! The file of a chunk shows where the history holds each of its calls and instances. Their content
//! is read from there, so that nothing is stored twice. The World names the valid chunks.
//!
//! Promise: instances past their retention are never returned, even while their bytes still exist.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aftercall_definition::time::{Span, Time};
use aftercall_engine::Root;
use aftercall_engine::archive::RETENTION_DEFAULT;
use aftercall_engine::call::{Call, CallKey};
use aftercall_engine::instance::{Instance, InstanceId};
use arc_swap::ArcSwap;
use siphasher::sip::SipHasher13;

use super::history::HistoryError;
use crate::journal::{JournalError, Vault};
use crate::ledger::History;
use crate::limits::{ARCHIVE_CONTENTS_HELD, ARCHIVE_LOOKS_MAX};
use crate::records::{ArchivedCall, ArchivedInstance, ChunkContent, ChunkFilter, RecordError};

/// The prefix of the names of archive chunks.
pub(in crate::ledger) const PREFIX: &str = "archive-";

pub(in crate::ledger) fn file_name(file: u64) -> String {
    format!("{PREFIX}{file:020}")
}

/// Makes the keys by which the archive finds things. They are keyed hashes, so that its files
/// reveal nothing about a caller.
#[derive(Clone, Copy)]
pub struct ArchiveKeys([u8; 16]);

impl ArchiveKeys {
    /// Uses this key for all hashes.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    fn hash(&self, kind: u8, parts: &[&[u8]]) -> u64 {
        use std::hash::Hasher;
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(&[kind]);
        for part in parts {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        hasher.finish()
    }

    pub(in crate::ledger) fn of_instance(&self, id: InstanceId) -> u64 {
        self.hash(
            b'i',
            &[
                &id.made_at.to_le_bytes(),
                &id.slot.to_le_bytes(),
                &id.salt.to_le_bytes(),
            ],
        )
    }

    pub(in crate::ledger) fn of_call(&self, key: &CallKey) -> u64 {
        self.hash(b'c', &[key.source.as_bytes(), key.id.as_bytes()])
    }

    /// The key for a search term of a caller.
    pub(in crate::ledger) fn of_caller(&self, term: &[u8]) -> u64 {
        self.hash(b'p', &[term])
    }
}

/// An archived instance, as it was when it left memory.
#[derive(Clone, Debug)]
pub struct FoundInstance {
    /// The instance.
    pub instance: Arc<Instance>,
    /// Its call.
    pub call: Arc<Call>,
}

/// An archived call, as it was when it left memory, and its instances, oldest first.
#[derive(Clone, Debug)]
pub struct FoundCall {
    /// The call.
    pub call: Arc<Call>,
    /// Its instances.
    pub instances: Vec<Arc<Instance>>,
}

/// Reads the archive.
pub struct Archive {
    vault: Arc<dyn Vault>,
    history: Arc<History>,
    root: Arc<ArcSwap<Root>>,
    keys: ArchiveKeys,
    pub(in crate::ledger) retention: Span,
    filters: Mutex<HashMap<u64, Arc<ChunkFilter>>>,
    /// The contents that were read last, newest at the end.
    contents: Mutex<VecDeque<(u64, Arc<ChunkContent>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Archive {
    pub(in crate::ledger) fn new(
        vault: Arc<dyn Vault>,
        history: Arc<History>,
        root: Arc<ArcSwap<Root>>,
        keys: ArchiveKeys,
        retention: Option<Span>,
    ) -> Self {
        let retention = retention.unwrap_or(RETENTION_DEFAULT);
        let (filters, contents) = (Mutex::default(), Mutex::default());
        Self {
            vault,
            history,
            root,
            keys,
            retention,
            filters,
            contents,
        }
    }

    pub(in crate::ledger) fn root(&self) -> Arc<Root> {
        self.root.load_full()
    }

    pub(in crate::ledger) fn keys(&self) -> ArchiveKeys {
        self.keys
    }

    /// The content of a chunk's file.
    pub(in crate::ledger) async fn content(
        &self,
        file: u64,
    ) -> Result<Arc<ChunkContent>, HistoryError> {
        if let Some((_, content)) = lock(&self.contents).iter().find(|(held, _)| *held == file) {
            return Ok(content.clone());
        }
        let name = file_name(file);
        let missing = RecordError::Incomplete("content of a chunk of the archive");
        let Some((_, offset)) = self.vault.read_frame(&name, 0).await? else {
            return Err(missing.into());
        };
        let Some((bytes, _)) = self.vault.read_frame(&name, offset).await? else {
            return Err(missing.into());
        };
        // Up to 4,096 calls with their instances. This is slow, so it runs on a blocking thread.
        let reading = tokio::task::spawn_blocking(move || ChunkContent::read(&bytes));
        let cut_off = |_| JournalError::Io {
            what: "reading the archive".into(),
            reason: "it was interrupted".into(),
        };
        let content = Arc::new(reading.await.map_err(cut_off)??);
        let mut contents = lock(&self.contents);
        contents.push_back((file, content.clone()));
        let surplus = contents.len().saturating_sub(ARCHIVE_CONTENTS_HELD);
        contents.drain(..surplus);
        Ok(content)
    }

    async fn may_hold(&self, file: u64, keys: &[u64]) -> Result<bool, HistoryError> {
        let may_hold_one = |filter: &ChunkFilter| keys.iter().any(|key| filter.may_hold(*key));
        let known = lock(&self.filters).get(&file).cloned();
        if let Some(filter) = known {
            return Ok(may_hold_one(&filter));
        }
        let missing = RecordError::Incomplete("filter of a chunk of the archive");
        let Some((bytes, _)) = self.vault.read_frame(&file_name(file), 0).await? else {
            return Err(missing.into());
        };
        let filter = Arc::new(ChunkFilter::read(&bytes)?);
        lock(&self.filters).insert(file, filter.clone());
        Ok(may_hold_one(&filter))
    }

    /// Forgets the content of a removed file.
    pub(in crate::ledger) fn forget(&self, file: u64) {
        lock(&self.filters).remove(&file);
        lock(&self.contents).retain(|(held, _)| *held != file);
    }

    /// The chunks that may hold one of these keys, newest first, and the root that names them.
    pub(in crate::ledger) async fn holding(
        &self,
        keys: &[u64],
    ) -> Result<(Arc<Root>, Vec<Arc<ChunkContent>>), HistoryError> {
        let mut looks = 0;
        loop {
            let root = self.root.load_full();
            match self.holding_by(&root, keys).await {
                // The chunk was rewritten after the root was read.
                Err(HistoryError::Journal(JournalError::NotFound { .. }))
                    if looks < ARCHIVE_LOOKS_MAX =>
                {
                    looks += 1;
                }
                found => return Ok((root, found?)),
            }
        }
    }

    async fn holding_by(
        &self,
        root: &Root,
        keys: &[u64],
    ) -> Result<Vec<Arc<ChunkContent>>, HistoryError> {
        let mut found = Vec::new();
        for file in self.candidates(root, keys) {
            if self.may_hold(file, keys).await? {
                found.push(self.content(file).await?);
            }
        }
        Ok(found)
    }

    /// The files that may hold one of these keys, newest first. These are the files whose filter
    /// matches, or whose filter was not read yet.
    fn candidates(&self, root: &Root, keys: &[u64]) -> Vec<u64> {
        let filters = lock(&self.filters);
        let files = root.archive.chunks.values().rev().map(|chunk| chunk.file);
        let may_hold_one = |filter: &Arc<ChunkFilter>| keys.iter().any(|key| filter.may_hold(*key));
        files
            .filter(|file| filters.get(file).is_none_or(may_hold_one))
            .collect()
    }

    /// The instance with this id.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn instance(
        &self,
        id: InstanceId,
        now: Time,
    ) -> Result<Option<FoundInstance>, HistoryError> {
        let (root, contents) = self.holding(&[self.keys.of_instance(id)]).await?;
        for content in contents {
            let found = content.instances.iter().find(|one| one.id == id);
            if let Some(one) = found.filter(|one| !self.instance_is_outlived(&root, one, now)) {
                return self.read(&content, one).await.map(Some);
            }
        }
        Ok(None)
    }

    /// An instance and its call, read from the history.
    pub(in crate::ledger) async fn read(
        &self,
        content: &ChunkContent,
        one: &ArchivedInstance,
    ) -> Result<FoundInstance, HistoryError> {
        let missing = || HistoryError::NoSuchEntry(one.sequence);
        let call = content.calls.get(one.call as usize).ok_or_else(missing)?;
        let instance = self.read_instance(one).await?;
        Ok(FoundInstance {
            instance,
            call: self.read_call(call).await?,
        })
    }

    pub(in crate::ledger) async fn read_instance(
        &self,
        one: &ArchivedInstance,
    ) -> Result<Arc<Instance>, HistoryError> {
        let entry = self.history.entry(one.sequence).await?;
        let change = entry
            .instances
            .iter()
            .find(|change| change.after.id() == one.id);
        self.history
            .whole(change.ok_or(HistoryError::NoSuchEntry(one.sequence))?)
            .await
    }

    pub(in crate::ledger) async fn read_call(
        &self,
        call: &ArchivedCall,
    ) -> Result<Arc<Call>, HistoryError> {
        let entry = self.history.entry(call.sequence).await?;
        let change = entry
            .call
            .as_ref()
            .filter(|change| self.keys.of_call(&change.after.key) == call.key);
        change
            .map(|change| change.after.clone())
            .ok_or(HistoryError::NoSuchEntry(call.sequence))
    }
}
