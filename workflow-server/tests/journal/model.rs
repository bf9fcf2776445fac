//! Random operations on files and in memory, with reopening in between. The results equal those of
//! a simple model.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use workflow_server::journal::memory::MemoryStore;
use workflow_server::journal::{
    Group, JournalError, Leading, Log, Options, Position, Storage as _, Store, Vault,
};

use crate::support::{
    ScriptedDisk, all, blob_names, close, group, open, options, read_blob, write_blob,
};

#[derive(Clone, Debug)]
enum Step {
    Append {
        entries: u64,
        bytes: usize,
    },
    Trim(u64),
    WriteBlob(u8, Vec<usize>),
    RemoveBlob(u8),
    PutKey(u8, usize),
    /// Whether the log is copied to new files at this opening.
    Reopen {
        fresh_copy: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes =
        prop_oneof![4 => 0..2_000_usize, 2 => 60_000..70_000_usize, 1 => 100_000..400_000_usize];
    let step = prop_oneof![
        6 => (1..9_u64, sizes).prop_map(|(entries, bytes)| Step::Append { entries, bytes }),
        2 => (0..200_u64).prop_map(Step::Trim),
        1 => (0..3_u8, proptest::collection::vec(0..300_000_usize, 0..4)).prop_map(|(n, frames)| Step::WriteBlob(n, frames)),
        1 => (0..3_u8).prop_map(Step::RemoveBlob),
        1 => (0..3_u8, 0..4_096_usize).prop_map(|(n, bytes)| Step::PutKey(n, bytes)),
        2 => proptest::bool::weighted(0.3).prop_map(|fresh_copy| Step::Reopen { fresh_copy }),
    ];
    proptest::collection::vec(step, 1..40)
}

#[derive(Default)]
struct Model {
    base: Position,
    groups: Vec<Group>,
    blobs: BTreeMap<String, Vec<Bytes>>,
    keys: BTreeMap<String, Bytes>,
}

impl Model {
    fn newest(&self) -> Position {
        self.groups.last().map_or(self.base, Group::end)
    }

    async fn play(&mut self, step: &Step, leading: &Leading) {
        let (log, vault) = (leading.log(), leading.vault());
        match step {
            Step::Append { entries, bytes } => {
                let next = group(self.newest(), *entries, *bytes);
                log.append(next.clone()).await.unwrap();
                self.groups.push(next);
            }
            Step::Trim(upto) => {
                log.trim(*upto).await.unwrap();
                let gone = self
                    .groups
                    .iter()
                    .take_while(|group| group.last <= *upto)
                    .count();
                if gone > 0 {
                    self.base = self.groups[gone - 1].end();
                    self.groups.drain(..gone);
                }
            }
            Step::WriteBlob(n, sizes) => {
                let frames: Vec<Bytes> = sizes
                    .iter()
                    .map(|size| Bytes::from(vec![*n; *size]))
                    .collect();
                let name = format!("blob-{n}");
                match self.blobs.entry(name.clone()) {
                    Entry::Occupied(_) => {
                        let refused = vault.create(&name).await.map(drop);
                        assert_eq!(refused, Err(JournalError::Exists { name }));
                    }
                    Entry::Vacant(free) => {
                        write_blob(vault, &name, &frames).await;
                        free.insert(frames);
                    }
                }
            }
            Step::RemoveBlob(n) => {
                vault.remove(&format!("blob-{n}")).await.unwrap();
                self.blobs.remove(&format!("blob-{n}"));
            }
            Step::PutKey(n, bytes) => {
                let value = Bytes::from(vec![*n; *bytes]);
                vault
                    .put_key(&format!("key-{n}"), value.clone())
                    .await
                    .unwrap();
                self.keys.insert(format!("key-{n}"), value);
            }
            Step::Reopen { .. } => {}
        }
    }

    async fn check(&self, log: &dyn Log, vault: &dyn Vault) {
        let bounds = log.bounds().await.unwrap();
        assert_eq!((bounds.base, bounds.newest), (self.base, self.newest()));
        assert!(all(log).await == self.groups);
        assert!(
            blob_names(vault)
                .await
                .unwrap()
                .iter()
                .eq(self.blobs.keys())
        );
        for (name, frames) in &self.blobs {
            assert!(read_blob(vault, name).await.unwrap() == *frames);
        }
        for name in ["key-0", "key-1", "key-2"] {
            assert_eq!(
                vault.get_key(name).await.unwrap().as_ref(),
                self.keys.get(name)
            );
        }
    }
}

async fn on_files(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let mut model = Model::default();
    for step in &steps {
        if let Step::Reopen { fresh_copy } = *step {
            close(store, dir.path());
            let options = Options {
                fresh_copy,
                ..options()
            };
            store = Store::open(dir.path(), &options, Arc::new(ScriptedDisk::default())).unwrap();
            assert_eq!((store.created, store.copied), (false, fresh_copy));
            model
                .check(store.log().as_ref(), store.vault().as_ref())
                .await;
        }
        model.play(step, &store.leading()).await;
    }
    model
        .check(store.log().as_ref(), store.vault().as_ref())
        .await;
}

async fn in_memory(steps: Vec<Step>) {
    let mut store = MemoryStore::new();
    let mut leading = store.take_over().await.unwrap();
    let mut model = Model::default();
    for step in &steps {
        if matches!(step, Step::Reopen { .. }) {
            store = store.restart();
            leading = store.take_over().await.unwrap();
        }
        model.play(step, &leading).await;
    }
    model
        .check(store.log().as_ref(), store.vault().as_ref())
        .await;
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_store_on_files_matches_the_model(steps in steps()) {
        run(on_files(steps));
    }

    #[test]
    fn a_store_in_memory_matches_the_model(steps in steps()) {
        run(in_memory(steps));
    }
}
