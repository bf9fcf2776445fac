//! Disks that fail while the store is in use: the first failure ends all writing, what was acknowledged is there at the
//! next open, and that open copies the log before it believes it.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use workflow_server::journal::{
    JournalError, Store,
    memory::{FailAt, MemoryStore},
};

use crate::support::{ToldDisk, all, append, close, group, open, options, write_blob};

fn failed(result: Result<(), JournalError>) -> String {
    match result {
        Err(JournalError::Failed { reason }) => reason,
        other => panic!("it was to fail for good: {other:?}"),
    }
}

#[tokio::test]
async fn after_a_failed_sync_of_the_log_nothing_is_written_and_the_next_open_copies_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ToldDisk::default());
    let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
    let mut groups = vec![append(store.log.as_ref(), 2, 100).await, append(store.log.as_ref(), 2, 100).await];
    disk.fail_syncs_of("db");
    let next = group(store.log.bounds().newest, 1, 10);
    let first = failed(store.log.append(next.clone()).await);
    assert!(first.contains("the disk is gone"), "{first}");
    disk.on_sync(|_| Ok(()));
    assert_eq!(failed(store.log.append(next).await), first, "the disk is back, the page cache is not to be believed");
    assert_eq!(failed(store.log.trim(2).await), first);
    assert_eq!(failed(store.vault.put_key("k", Bytes::new()).await), first, "the vault shares the fate of the log");
    assert_eq!(store.failure(), Some(&*first));
    assert_eq!(store.log.bounds().newest.sequence, 4, "what was not acknowledged is not shown");
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(store.copied);
    let kept = all(store.log.as_ref()).await;
    assert!(kept[..2] == groups[..], "the group that failed may be there or not");
    groups = kept;
    groups.push(append(store.log.as_ref(), 1, 10).await);
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(!store.copied, "once is enough");
    assert!(all(store.log.as_ref()).await == groups);
}

#[tokio::test]
async fn a_failed_sync_of_the_vault_ends_the_writing_too() {
    for part in ["blob", "key"] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(ToldDisk::default());
        let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
        write_blob(store.vault.as_ref(), "old", &[Bytes::from_static(b"old")]).await;
        disk.on_sync(|path| {
            let is_vault = path.components().any(|part| part.as_os_str() == "vault");
            if is_vault { Err(std::io::Error::other("the disk is gone")) } else { Ok(()) }
        });
        let first = if part == "blob" {
            let mut blob = store.vault.create("new").await.unwrap();
            blob.write(Bytes::from_static(b"new")).await.unwrap();
            failed(blob.finish().await)
        } else {
            failed(store.vault.put_key("place", Bytes::from_static(b"new")).await)
        };
        assert_eq!(failed(store.log.append(group(store.log.bounds().newest, 1, 10)).await), first);
        close(store, dir.path());
        let store = open(dir.path()).unwrap();
        assert!(store.vault.list("").await.unwrap().contains(&"old".to_owned()));
    }
}

#[tokio::test]
async fn a_head_file_that_cannot_be_synced_ends_the_writing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ToldDisk::default());
    let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
    disk.fail_syncs_of("head");
    // The head is written beside the answers: the failure shows by one of the next groups, and at a trim at the latest.
    let mut acknowledged = 0;
    while store.log.append(group(store.log.bounds().newest, 1, 10)).await.is_ok() {
        acknowledged += 1;
        assert!(acknowledged < 10_000, "it was never noticed");
    }
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(store.log.bounds().newest.sequence >= acknowledged);
}

#[tokio::test]
async fn a_full_disk_refuses_early_and_goes_on_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ToldDisk::default());
    let mut with_reserve = options();
    with_reserve.reserve_bytes = 1_000_000;
    let store = Store::open(dir.path(), &with_reserve, disk.clone()).unwrap();
    append(store.log.as_ref(), 1, 10).await;
    disk.set_free(999_999);
    let next = group(store.log.bounds().newest, 1, 10);
    let refused = JournalError::NoSpace { free_bytes: 999_999, reserve_bytes: 1_000_000 };
    assert_eq!(store.log.append(next.clone()).await, Err(refused));
    assert_eq!(store.failure(), None, "nothing has failed");
    disk.set_free(2_000_000);
    store.log.append(next).await.unwrap();
    close(store, dir.path());
    assert_eq!(open(dir.path()).unwrap().log.bounds().newest.sequence, 2);
}

#[tokio::test]
async fn a_commit_that_hangs_is_reported_by_the_watchdog() {
    let dir = tempfile::tempdir().unwrap();
    let (said, hear) = std::sync::mpsc::channel();
    let said = Mutex::new(said);
    let mut watched = options();
    watched.commit_limit = Duration::from_millis(50);
    watched.on_stuck = Arc::new(move |why| said.lock().unwrap().send(why.to_owned()).unwrap());
    let disk = Arc::new(ToldDisk::default());
    let store = Store::open(dir.path(), &watched, disk.clone()).unwrap();
    append(store.log.as_ref(), 1, 10).await;
    assert!(hear.try_recv().is_err(), "a commit in time is not reported");
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    disk.on_sync(move |path| {
        if path.ends_with("db") {
            let _ = wait.recv();
        }
        Ok(())
    });
    let log = Arc::clone(&store.log);
    let hanging = tokio::spawn(async move { log.append(group(log.bounds().newest, 1, 10)).await });
    let why = tokio::task::spawn_blocking(move || hear.recv_timeout(Duration::from_secs(30))).await.unwrap().unwrap();
    assert!(!why.is_empty());
    drop(go_on);
    hanging.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_read_only_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("file/data");
    fs::write(dir.path().join("file"), "not a directory").unwrap();
    let error = open(&below).map(drop).unwrap_err().to_string();
    assert!(error.contains("file/data"), "{error}");
}

#[tokio::test]
async fn the_store_in_memory_fails_where_it_is_told_to() {
    for (at, kept) in [(FailAt::BeforeStored, 1), (FailAt::AfterStored, 2)] {
        let store = MemoryStore::new();
        append(store.log().as_ref(), 1, 10).await;
        store.fail_append(1, at);
        let next = group(store.log().bounds().newest, 1, 10);
        failed(store.log().append(next.clone()).await);
        failed(store.log().append(next).await);
        assert_eq!(store.restart().log().bounds().newest.sequence, kept);
    }
}
