//! What has left memory, and how it is found again: by id, by call, by caller, and in the order in which it left.
//!
//! A chunk's file says where in the history each of its calls and instances is found; what they were is read from there, so
//! that nothing is kept twice. Which chunks count, the World says.
//!
//! Promise: what has outlived its retention is not given any more, whether or not its bytes are gone yet.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aftercall_engine::Root;
use aftercall_engine::archive::RETENTION_DEFAULT;
use aftercall_engine::call::{Call, CallKey};
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::time::{Span, Time};
use arc_swap::ArcSwap;
use siphasher::sip::SipHasher13;

use super::History;
use super::history::HistoryError;
use crate::journal::{JournalError, Leading, Vault};
use crate::limits::{ARCHIVE_CONTENTS_HELD, ARCHIVE_LOOKS_MAX};
use crate::records::{ArchivedCall, ArchivedInstance, ChunkContent, ChunkFilter, RecordError};

/// What the names of the archive's chunks begin with.
pub(super) const PREFIX: &str = "archive-";

pub(super) fn file_name(file: u64) -> String {
    format!("{PREFIX}{file:020}")
}

/// By what things are found in the archive: keyed hashes, so that its files tell nothing of a caller.
#[derive(Clone, Copy)]
pub struct ArchiveKeys([u8; 16]);

impl ArchiveKeys {
    /// Keyed by this.
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

    fn of_instance(&self, id: InstanceId) -> u64 {
        self.hash(b'i', &[&id.made_at.to_le_bytes(), &id.slot.to_le_bytes(), &id.salt.to_le_bytes()])
    }

    pub(super) fn of_call(&self, key: &CallKey) -> u64 {
        self.hash(b'c', &[key.source.as_bytes(), key.id.as_bytes()])
    }

    /// A term that a caller is found by.
    pub(super) fn of_caller(&self, term: &[u8]) -> u64 {
        self.hash(b'p', &[term])
    }
}

/// An instance out of the archive, as it was when it left.
#[derive(Clone, Debug)]
pub struct FoundInstance {
    /// The instance.
    pub instance: Arc<Instance>,
    /// Its call.
    pub call: Arc<Call>,
}

/// A call out of the archive, as it was when it left, with its instances, oldest first.
#[derive(Clone, Debug)]
pub struct FoundCall {
    /// The call.
    pub call: Arc<Call>,
    /// Its instances.
    pub instances: Vec<Arc<Instance>>,
}

/// The archive.
pub struct Archive {
    vault: Arc<dyn Vault>,
    leading: Leading,
    /// The newest number of a file that is known to be taken, whether or not its chunk counts.
    newest_taken: AtomicU64,
    history: Arc<History>,
    root: Arc<ArcSwap<Root>>,
    keys: ArchiveKeys,
    pub(super) retention: Span,
    filters: Mutex<HashMap<u64, Arc<ChunkFilter>>>,
    /// The newest that were read, the newest last.
    contents: Mutex<VecDeque<(u64, Arc<ChunkContent>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Archive {
    pub(super) fn new(
        (vault, leading): (Arc<dyn Vault>, Leading),
        history: Arc<History>,
        root: Arc<ArcSwap<Root>>,
        keys: ArchiveKeys,
        retention: Option<Span>,
    ) -> Self {
        let retention = retention.unwrap_or(RETENTION_DEFAULT);
        let newest_taken = AtomicU64::new(leading.term().numbers_above());
        let (filters, contents) = (Mutex::default(), Mutex::default());
        Self { vault, leading, newest_taken, history, root, keys, retention, filters, contents }
    }

    /// The number of the next file. No number is taken twice, so that no file is ever replaced.
    pub(super) fn next_file(&self) -> u64 {
        self.newest_taken.load(Ordering::Relaxed).max(self.root().archive.newest_file) + 1
    }

    pub(super) fn root(&self) -> Arc<Root> {
        self.root.load_full()
    }

    pub(super) fn keys(&self) -> ArchiveKeys {
        self.keys
    }

    /// What the file of a chunk holds.
    pub(super) async fn content(&self, file: u64) -> Result<Arc<ChunkContent>, HistoryError> {
        if let Some((_, content)) = lock(&self.contents).iter().find(|(held, _)| *held == file) {
            return Ok(content.clone());
        }
        let name = file_name(file);
        let missing = RecordError::Incomplete("content of a chunk of the archive");
        let Some((_, offset)) = self.vault.read_frame(&name, 0).await? else { return Err(missing.into()) };
        let Some((bytes, _)) = self.vault.read_frame(&name, offset).await? else { return Err(missing.into()) };
        // Up to 4,096 calls with their instances: not on a thread that serves others.
        let reading = tokio::task::spawn_blocking(move || ChunkContent::read(&bytes));
        let cut_off = |_| JournalError::Io { what: "reading the archive".into(), reason: "it was cut off".into() };
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
        let Some((bytes, _)) = self.vault.read_frame(&file_name(file), 0).await? else { return Err(missing.into()) };
        let filter = Arc::new(ChunkFilter::read(&bytes)?);
        lock(&self.filters).insert(file, filter.clone());
        Ok(may_hold_one(&filter))
    }

    /// Writes a chunk.
    pub(super) async fn write(&self, file: u64, content: ChunkContent) -> Result<(), HistoryError> {
        let keys = self.keys;
        let packing = tokio::task::spawn_blocking(move || {
            let of_calls = content.calls.iter().flat_map(|call| call.callers.iter().copied().chain([call.key]));
            let of_instances = content.instances.iter().map(|one| keys.of_instance(one.id));
            let filter = ChunkFilter::of(of_calls.chain(of_instances).collect())?;
            Ok::<_, RecordError>((filter.bytes(), content.bytes()?))
        });
        let cut_off = |_| JournalError::Io { what: "packing the archive".into(), reason: "it was cut off".into() };
        let (filter, content) = packing.await.map_err(cut_off)??;
        // Also where this fails: an unknown part of it may be there.
        self.newest_taken.fetch_max(file, Ordering::Relaxed);
        let mut blob = self.leading.vault().create(&file_name(file)).await?;
        blob.write(filter.into()).await?;
        blob.write(content.into()).await?;
        Ok(blob.finish().await?)
    }

    /// Removes the file of a chunk that counts no more.
    pub(super) async fn remove(&self, file: u64) -> Result<(), HistoryError> {
        self.forget(file);
        Ok(self.leading.vault().remove(&file_name(file)).await?)
    }

    fn forget(&self, file: u64) {
        lock(&self.filters).remove(&file);
        lock(&self.contents).retain(|(held, _)| *held != file);
    }

    /// Removes what was written in vain, or counts no more, when the server ended.
    pub(super) async fn remove_others(&self) -> Result<(), HistoryError> {
        let root = self.root.load_full();
        let kept: HashSet<String> = root.archive.chunks.values().map(|chunk| file_name(chunk.file)).collect();
        for name in self.vault.list(PREFIX).await? {
            let file = name.strip_prefix(PREFIX).and_then(|number| number.parse().ok());
            self.newest_taken.fetch_max(file.unwrap_or(0), Ordering::Relaxed);
            if !kept.contains(&name) {
                self.leading.vault().remove(&name).await?;
            }
        }
        Ok(())
    }

    /// The chunks that may hold one of these keys, newest first, with the root that says so.
    pub(super) async fn holding(&self, keys: &[u64]) -> Result<(Arc<Root>, Vec<Arc<ChunkContent>>), HistoryError> {
        let mut looks = 0;
        loop {
            let root = self.root.load_full();
            match self.holding_by(&root, keys).await {
                // A chunk was written anew since the look at the root.
                Err(HistoryError::Journal(JournalError::NotFound { .. })) if looks < ARCHIVE_LOOKS_MAX => looks += 1,
                found => return Ok((root, found?)),
            }
        }
    }

    async fn holding_by(&self, root: &Root, keys: &[u64]) -> Result<Vec<Arc<ChunkContent>>, HistoryError> {
        let mut found = Vec::new();
        for file in self.candidates(root, keys) {
            if self.may_hold(file, keys).await? {
                found.push(self.content(file).await?);
            }
        }
        Ok(found)
    }

    /// The files that may hold one of these keys as far as memory tells, newest first: those whose filter says so, or was not read yet.
    fn candidates(&self, root: &Root, keys: &[u64]) -> Vec<u64> {
        let filters = lock(&self.filters);
        let files = root.archive.chunks.values().rev().map(|chunk| chunk.file);
        let may_hold_one = |filter: &Arc<ChunkFilter>| keys.iter().any(|key| filter.may_hold(*key));
        files.filter(|file| filters.get(file).is_none_or(may_hold_one)).collect()
    }

    /// An instance by its id.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn instance(&self, id: InstanceId, now: Time) -> Result<Option<FoundInstance>, HistoryError> {
        let (root, contents) = self.holding(&[self.keys.of_instance(id)]).await?;
        for content in contents {
            let found = content.instances.iter().find(|one| one.id == id);
            if let Some(one) = found.filter(|one| !self.instance_is_outlived(&root, one, now)) {
                return self.read(&content, one).await.map(Some);
            }
        }
        Ok(None)
    }

    /// An instance and its call, from the history.
    pub(super) async fn read(
        &self,
        content: &ChunkContent,
        one: &ArchivedInstance,
    ) -> Result<FoundInstance, HistoryError> {
        let missing = || HistoryError::NoSuchEntry(one.sequence);
        let call = content.calls.get(one.call as usize).ok_or_else(missing)?;
        let instance = self.read_instance(one).await?;
        Ok(FoundInstance { instance, call: self.read_call(call).await? })
    }

    pub(super) async fn read_instance(&self, one: &ArchivedInstance) -> Result<Arc<Instance>, HistoryError> {
        let entry = self.history.entry(one.sequence).await?;
        let change = entry.instances.iter().find(|change| change.after.id() == one.id);
        self.history.whole(change.ok_or(HistoryError::NoSuchEntry(one.sequence))?).await
    }

    pub(super) async fn read_call(&self, call: &ArchivedCall) -> Result<Arc<Call>, HistoryError> {
        let entry = self.history.entry(call.sequence).await?;
        let change = entry.call.as_ref().filter(|change| self.keys.of_call(&change.after.key) == call.key);
        change.map(|change| change.after.clone()).ok_or(HistoryError::NoSuchEntry(call.sequence))
    }
}
