//! Tests that the keeper works on other threads than the owner, and reads each file of a collection
//! only a few times.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::watch;
use workflow_server::journal::memory::MemoryStore;
use workflow_server::journal::{
    BlobWriter, Bounds, Identity, JournalError, Leading, Log, Storage, Term, Vault, VaultWriter,
};

use crate::follow_ups::{archived, finish_newest, publish, setting};
use crate::support::{Bench, PATIENCE, team};

const DAY: Duration = Duration::from_secs(86_400);
/// The number of archive chunks: more than the server keeps in memory after reading.
const CHUNKS: usize = 12;

/// A call of a vault, with the name of its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Read(String, u64),
    Put(String, usize),
    Other,
}

/// The calls of a store's vault.
#[derive(Default)]
struct Notes {
    asked: Mutex<Vec<(String, Asked)>>,
}

impl Notes {
    fn note(&self, asked: Asked) {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push((thread, asked));
    }

    fn take(&self) -> Vec<(String, Asked)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The number of files with this prefix that were read since the last `take`. Each read counts.
    fn reads(&self, prefix: &str) -> usize {
        let is_read =
            |asked: &Asked| matches!(asked, Asked::Read(name, 0) if name.starts_with(prefix));
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, asked)| is_read(asked))
            .count()
    }

    /// Whether a purge has finished since the last `take`.
    fn has_purged(&self) -> bool {
        let day = Asked::Put("purged-on".to_owned(), 8);
        self.asked
            .lock()
            .unwrap()
            .iter()
            .any(|(_, asked)| *asked == day)
    }
}

/// A store that notes the calls of its vault.
struct Watched {
    store: MemoryStore,
    notes: Arc<Notes>,
}

impl Storage for Watched {
    fn log(&self) -> Arc<dyn Log> {
        self.store.log()
    }

    fn vault(&self) -> Arc<dyn Vault> {
        Arc::new(WatchedVault {
            vault: self.store.vault(),
            notes: self.notes.clone(),
        })
    }

    fn identity(&self) -> &Identity {
        self.store.identity()
    }

    fn location(&self) -> String {
        self.store.location()
    }

    fn changes(&self) -> watch::Receiver<Bounds> {
        self.store.changes()
    }

    fn newest_term(&self) -> BoxFuture<'_, Result<Term, JournalError>> {
        self.store.newest_term()
    }

    fn lead(&self, term: Term) -> BoxFuture<'_, Result<Leading, JournalError>> {
        async move {
            let (log, vault) = self.store.lead(term).await?.into_writers();
            Ok(Leading::new(
                term,
                log,
                Arc::new(WatchedWriter {
                    vault,
                    notes: self.notes.clone(),
                }),
            ))
        }
        .boxed()
    }
}

struct WatchedVault {
    vault: Arc<dyn Vault>,
    notes: Arc<Notes>,
}

impl Vault for WatchedVault {
    fn read_frame(
        &self,
        name: &str,
        offset: u64,
    ) -> BoxFuture<'_, Result<Option<(Bytes, u64)>, JournalError>> {
        self.notes.note(Asked::Read(name.to_owned(), offset));
        self.vault.read_frame(name, offset)
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        self.notes.note(Asked::Other);
        self.vault.list(prefix)
    }

    fn get_key(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, JournalError>> {
        self.notes.note(Asked::Other);
        self.vault.get_key(name)
    }

    fn list_keys(&self) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        self.notes.note(Asked::Other);
        self.vault.list_keys()
    }
}

struct WatchedWriter {
    vault: Arc<dyn VaultWriter>,
    notes: Arc<Notes>,
}

impl VaultWriter for WatchedWriter {
    fn create(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, JournalError>> {
        self.notes.note(Asked::Other);
        self.vault.create(name)
    }

    fn remove(&self, name: &str) -> BoxFuture<'_, Result<(), JournalError>> {
        self.notes.note(Asked::Other);
        self.vault.remove(name)
    }

    fn put_key(&self, name: &str, value: Bytes) -> BoxFuture<'_, Result<(), JournalError>> {
        self.notes.note(Asked::Put(name.to_owned(), value.len()));
        self.vault.put_key(name, value)
    }

    fn check_space(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        self.notes.note(Asked::Other);
        self.vault.check_space()
    }
}

/// A server with a follow-up that will soon be past its retention. Each of its many history chunks
/// has entries from every archive chunk.
async fn about_to_purge() -> (Bench, Arc<Notes>) {
    let (store, notes) = (MemoryStore::new(), Arc::new(Notes::default()));
    let watched = Watched {
        store: store.clone(),
        notes: notes.clone(),
    };
    let bench = Bench::on_threads(store, &watched).await;
    publish(&bench, "retention: 2d").await;
    let calls: Vec<String> = (0..CHUNKS).map(|call| call.to_string()).collect();
    for call in &calls {
        bench.commit(setting(call, "C-1", "a reason")).await;
    }
    finish_newest(&bench, &calls[0]).await;
    archived(&bench, 1).await;
    for filler in 0..400 {
        bench.commit(team(&format!("filler-{filler}"))).await;
    }
    bench.clock.pass(DAY);
    for (count, call) in calls.iter().enumerate().skip(1) {
        finish_newest(&bench, call).await;
        archived(&bench, count as u64 + 1).await;
    }
    assert_eq!(bench.handle.root().archive.chunks.len(), CHUNKS);
    (bench, notes)
}

#[tokio::test(flavor = "multi_thread")]
async fn history_size_does_not_multiply_archive_reads() {
    let (bench, watched) = about_to_purge().await;
    let before = watched.take();
    bench.clock.pass(DAY * 2);
    bench
        .until("the oldest is purged", |root| {
            root.archive.instances == CHUNKS as u64 - 1
        })
        .await;
    let purging = async {
        while !watched.has_purged() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, purging)
        .await
        .expect("the purge finishes");
    let (archive, history) = (watched.reads("archive-"), watched.reads("history-"));
    assert!(
        history >= CHUNKS,
        "{history} chunks of the history were read"
    );
    // One read for the purge, and one for the instances that are still known.
    assert!(
        archive <= 2 * CHUNKS,
        "{archive} reads of {CHUNKS} chunks, beside {history} of the history"
    );

    let after = watched.take();
    let threads: Vec<&str> = before
        .iter()
        .chain(&after)
        .map(|(thread, _)| &**thread)
        .collect();
    assert!(threads.contains(&"upkeep"));
    assert!(
        !threads.contains(&"ledger"),
        "the thread of the ledger only decides and writes"
    );
    bench.stop().await;
}
