//! Copies between a directory and a database: the same identity, entries, files and keys.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use workflow_server::journal::{Bounds, Group, Leading, Storage, Store};
use workflow_server::store_copy::{CopyError, StorePlace, copy_store, new_database_epoch};

use crate::postgres::Database;
use crate::postgres::elections::member;
use crate::support::{ScriptedDisk, all, append_by, close, open, options, write_blob};

/// Everything that a copy must have.
#[derive(Debug, PartialEq)]
struct Content {
    epoch: String,
    hash_key: [u8; 16],
    created_at_millis: i64,
    bounds: Bounds,
    groups: Vec<Group>,
    /// Each frame with the name of its file and the offset after it.
    frames: Vec<(String, u64, Bytes)>,
    keys: Vec<(String, Option<Bytes>)>,
}

async fn content(store: &dyn Storage) -> Content {
    let (vault, identity) = (store.vault(), store.identity());
    let mut frames = Vec::new();
    for name in crate::support::blob_names(vault.as_ref()).await.unwrap() {
        let mut offset = 0;
        while let Some((frame, next)) = vault.read_frame(&name, offset).await.unwrap() {
            frames.push((name.clone(), next, frame));
            offset = next;
        }
    }
    let mut keys = Vec::new();
    for name in vault.list_keys().await.unwrap() {
        let value = vault.get_key(&name).await.unwrap();
        keys.push((name, value));
    }
    Content {
        epoch: identity.epoch.clone(),
        hash_key: identity.hash_key,
        created_at_millis: identity.created_at_millis,
        bounds: store.log().bounds().await.unwrap(),
        groups: all(store.log().as_ref()).await,
        frames,
        keys,
    }
}

/// Fills a store with groups of several sizes, of which the oldest are trimmed, files and keys.
async fn fill(store: &dyn Storage, leading: &Leading) {
    for bytes in [0, 10, 70_000, 3_000_000, 200] {
        append_by(leading, store.log().as_ref(), 7, bytes).await;
    }
    leading.log().trim(14).await.unwrap();
    let large = Bytes::from(vec![3; 700_000]);
    let frames = [Bytes::new(), large, Bytes::from_static(b"end")];
    write_blob(leading.vault(), "history-1", &frames).await;
    write_blob(leading.vault(), "empty", &[]).await;
    for (name, value) in [("last-seen", "now"), ("purged-on", "")] {
        let value = Bytes::from_static(value.as_bytes());
        leading.vault().put_key(name, value).await.unwrap();
    }
}

/// A directory with a full store, and its content.
async fn full_directory(dir: &Path) -> Content {
    let store = open(dir).unwrap();
    fill(&store, &store.leading()).await;
    let filled = content(&store).await;
    assert_eq!((filled.groups.len(), filled.keys.len()), (3, 2));
    close(store, dir);
    filled
}

fn directory(dir: &Path) -> StorePlace {
    StorePlace::Directory(dir.to_owned())
}

fn database(database: &Database) -> StorePlace {
    StorePlace::Database(database.address())
}

async fn copied(from: &StorePlace, to: &StorePlace) -> Result<(), CopyError> {
    copy_store(from, to, &|_| {}).await.map(drop)
}

#[tokio::test]
async fn a_store_is_the_same_after_copies_in_both_directions() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
    let filled = full_directory(&one).await;
    let databases = [Database::new(), Database::new()];
    copied(&directory(&one), &database(&databases[0]))
        .await
        .unwrap();
    let store = databases[0].open().await;
    assert!(content(&store).await == filled);
    drop(store);
    copied(&database(&databases[0]), &database(&databases[1]))
        .await
        .unwrap();
    copied(&database(&databases[1]), &directory(&two))
        .await
        .unwrap();
    let store = open(&two).unwrap();
    assert!(content(&store).await == filled);
    append_by(&store.leading(), store.log().as_ref(), 1, 10).await;
    close(store, &two);
}

#[tokio::test]
async fn a_copied_database_can_be_led() {
    let dir = tempfile::tempdir().unwrap();
    full_directory(dir.path()).await;
    let target = Database::new();
    copied(&directory(dir.path()), &database(&target))
        .await
        .unwrap();
    let store = target.open().await;
    let elections = store.elections().unwrap();
    let lease = std::time::Duration::from_secs(600);
    let leading = elections.campaign(&member("one"), lease).await.unwrap();
    append_by(&leading.unwrap(), store.log().as_ref(), 1, 10).await;
    assert_eq!(database_rows(&target), "4");
}

fn database_rows(database: &Database) -> String {
    database.sql("SELECT count(*) FROM aftercall.log")
}

#[tokio::test]
async fn a_store_in_use_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let [used, empty] = ["used", "empty"].map(|name| dir.path().join(name));
    let mut patient = options();
    patient.lock_wait = std::time::Duration::ZERO;
    let running = Store::open(&used, &patient, Arc::new(ScriptedDisk::default())).unwrap();
    let target = Database::new();
    let refused = copied(&directory(&used), &database(&target)).await;
    assert!(matches!(refused, Err(CopyError::Open(_))), "{refused:?}");
    close(running, &used);
    assert!(target.sql("SELECT to_regclass('aftercall.log') IS NULL") == "t");

    let source = Database::new();
    let store = source.create().await;
    let elections = store.elections().unwrap();
    let lease = std::time::Duration::from_secs(600);
    let leading = elections
        .campaign(&member("one"), lease)
        .await
        .unwrap()
        .unwrap();
    let refused = copied(&database(&source), &directory(&empty)).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("one leads the store")
    );
    let refused = new_database_epoch(&source.address()).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("one leads the store")
    );
    elections.release(leading.term()).await.unwrap();
    let (old, new) = new_database_epoch(&source.address()).await.unwrap();
    assert_eq!(old, store.identity().epoch);
    assert_eq!(source.open().await.identity().epoch, new);
    copied(&database(&source), &directory(&empty))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_copy_replaces_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
    let filled = full_directory(&one).await;
    full_directory(&two).await;
    let refused = copied(&directory(&one), &directory(&two)).await;
    assert!(
        matches!(refused, Err(CopyError::NotEmpty { .. })),
        "{refused:?}"
    );
    let target = Database::new();
    target.create().await;
    let refused = copied(&directory(&one), &database(&target)).await;
    assert!(refused.unwrap_err().to_string().contains("already"));
    let missing = dir.path().join("missing");
    let refused = copied(&directory(&missing), &database(&Database::new())).await;
    assert!(matches!(refused, Err(CopyError::Open(_))), "{refused:?}");
    assert!(!missing.exists());
    let store = open(&one).unwrap();
    assert!(content(&store).await == filled);
    close(store, &one);
}

#[tokio::test]
async fn an_interrupted_copy_never_opens() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
    full_directory(&one).await;
    // Damage at the end of the source interrupts the copy.
    let source = Database::new();
    copied(&directory(&one), &database(&source)).await.unwrap();
    source.sql(
        "UPDATE aftercall.log SET body = '' WHERE first = (SELECT max(first) FROM aftercall.log)",
    );
    let target = Database::new();
    for to in [directory(&two), database(&target)] {
        let interrupted = copied(&database(&source), &to).await;
        assert!(
            matches!(interrupted, Err(CopyError::Journal(_))),
            "{interrupted:?}"
        );
        source.sql("UPDATE aftercall.leadership SET expires_at = clock_timestamp()");
    }
    let opened = open(&two).err().unwrap().to_string();
    assert!(opened.contains("interrupted"), "{opened}");
    let opened = workflow_server::journal::postgres::PostgresStore::open(&target.address()).await;
    let refused = opened.err().unwrap().to_string();
    assert!(refused.contains("interrupted"), "{refused}");
}
