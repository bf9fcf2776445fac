//! The work of the store during power cuts: groups of the sizes that the ledger writes, trims,
//! snapshots and keys.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use workflow_server::journal::{Group, JournalError, Store};

use crate::support::{close, group, write_blob};

/// The sizes of groups: one entry, a small group, a full one, and an import that is split.
const SIZES: [usize; 8] = [300, 300, 300, 8 << 10, 8 << 10, 64 << 10, 64 << 10, 300_000];

type Frames = Vec<Bytes>;

/// The data that a store must have after a power cut now.
#[derive(Clone, Default)]
pub(super) struct Expected {
    /// All groups whose append was started.
    pub(super) groups: Vec<Group>,
    /// The newest acknowledged sequence.
    pub(super) acknowledged: u64,
    /// The highest sequence of a requested trim.
    pub(super) trimmed_upto: u64,
    blobs: BTreeMap<String, Frames>,
    /// A change of a blob that is not acknowledged, so it may have happened.
    pending: Option<(String, Option<Frames>)>,
    key: Option<Bytes>,
    pending_key: Option<Bytes>,
}

impl Expected {
    /// The acknowledged blobs.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.blobs.keys().map(String::as_str)
    }

    /// Whether the blob may have this content.
    pub(super) fn may_hold(&self, name: &str, found: Option<&[Bytes]>) -> bool {
        let acknowledged = self.blobs.get(name).map(Vec::as_slice) == found;
        acknowledged
            || self
                .pending
                .as_ref()
                .is_some_and(|(pending, frames)| pending == name && frames.as_deref() == found)
    }

    /// Whether the key may have this value.
    pub(super) fn may_hold_key(&self, found: Option<&Bytes>) -> bool {
        found == self.key.as_ref() || found == self.pending_key.as_ref()
    }
}

pub(super) struct Workload {
    expected: Arc<Mutex<Expected>>,
    random: StdRng,
}

impl Workload {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            expected: Arc::default(),
            random: StdRng::seed_from_u64(seed ^ 0x00C0_FFEE),
        }
    }

    pub(super) fn expected(&self) -> Arc<Mutex<Expected>> {
        Arc::clone(&self.expected)
    }

    fn pick(&mut self, below: usize) -> usize {
        self.random.random_range(0..below)
    }

    fn content(&mut self, below: usize) -> Bytes {
        let byte = self.pick(256) as u8;
        Bytes::from(vec![byte; self.pick(below)])
    }

    /// Works until the test has enough images. Sometimes closes the store and opens it again, with
    /// or without a copy of the log.
    pub(super) async fn run(
        &mut self,
        mut store: Store,
        dir: &Path,
        reopen: impl Fn(bool) -> Store,
        enough: impl Fn() -> bool,
    ) {
        while !enough() {
            match self.pick(120) {
                0 => {
                    close(store, dir);
                    store = reopen(self.pick(3) == 0);
                }
                1..10 => self.trim(&store).await,
                10..20 => self.write_blob(&store).await,
                20..30 => self.remove_blob(&store).await,
                30..40 => self.put_key(&store).await,
                40 => store.leading().log().renew().await.unwrap(),
                _ => self.append(&store).await,
            }
        }
        close(store, dir);
    }

    async fn append(&mut self, store: &Store) {
        let (entries, bytes) = (1 + self.pick(5) as u64, SIZES[self.pick(SIZES.len())]);
        let next = group(store.bounds().newest, entries, bytes);
        self.expected.lock().unwrap().groups.push(next.clone());
        let last = next.last;
        store.leading().log().append(next).await.unwrap();
        self.expected.lock().unwrap().acknowledged = last;
    }

    async fn trim(&mut self, store: &Store) {
        let newest = store.bounds().newest.sequence;
        let upto = newest.saturating_sub(self.pick(60) as u64);
        {
            let mut expected = self.expected.lock().unwrap();
            expected.trimmed_upto = expected.trimmed_upto.max(upto);
        }
        store.leading().log().trim(upto).await.unwrap();
    }

    async fn write_blob(&mut self, store: &Store) {
        let name = format!("snapshot-{}", self.pick(4));
        if self.expected.lock().unwrap().blobs.contains_key(&name) {
            let refused = store.leading().vault().create(&name).await.map(drop);
            return assert_eq!(refused, Err(JournalError::Exists { name }));
        }
        let frames: Frames = (0..self.pick(6)).map(|_| self.content(200_000)).collect();
        self.expected.lock().unwrap().pending = Some((name.clone(), Some(frames.clone())));
        write_blob(store.leading().vault(), &name, &frames).await;
        let mut expected = self.expected.lock().unwrap();
        expected.pending = None;
        expected.blobs.insert(name, frames);
    }

    async fn remove_blob(&mut self, store: &Store) {
        let name = format!("snapshot-{}", self.pick(4));
        self.expected.lock().unwrap().pending = Some((name.clone(), None));
        store.leading().vault().remove(&name).await.unwrap();
        let mut expected = self.expected.lock().unwrap();
        expected.pending = None;
        expected.blobs.remove(&name);
    }

    async fn put_key(&mut self, store: &Store) {
        let value = self.content(3_000);
        self.expected.lock().unwrap().pending_key = Some(value.clone());
        store
            .leading()
            .vault()
            .put_key("place", value.clone())
            .await
            .unwrap();
        self.expected.lock().unwrap().key = Some(value);
    }
}
