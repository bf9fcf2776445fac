//! Disks that fail while the store is in use. The first failure ends all writing. The next open has
//! all acknowledged entries, and copies the log before it uses it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use workflow_server::journal::memory::{FailAt, MemoryStore};
use workflow_server::journal::{
    BLOB_BUFFER_BYTES, BLOB_SYNC_BYTES, BlobWriter, JournalError, OpenError, Storage as _, Store,
    VaultWriter,
};

use crate::support::{
    ScriptedDisk, all, append, append_by, blob_names, close, copy_directory, files_below, group,
    log_directory, open, options, read_blob, write_blob,
};

fn failed(result: Result<(), JournalError>) -> String {
    match result {
        Err(JournalError::Failed { reason }) => reason,
        other => panic!("the test expects a permanent failure: {other:?}"),
    }
}

#[tokio::test]
async fn a_failed_tail_sync_stops_all_writes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ScriptedDisk::default());
    let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
    let mut groups = vec![append(&store, 2, 100).await, append(&store, 2, 100).await];
    disk.fail_syncs_of("tail");
    let next = group(store.bounds().newest, 1, 10);
    let first = failed(store.leading().log().append(next.clone()).await);
    assert!(first.contains("the disk is gone"), "{first}");
    disk.on_sync(|_| Ok(()));
    assert_eq!(
        failed(store.leading().log().append(next).await),
        first,
        "the disk works again, but the page cache cannot be trusted"
    );
    assert_eq!(failed(store.leading().log().trim(2).await), first);
    assert_eq!(
        failed(store.leading().vault().put_key("k", Bytes::new()).await),
        first,
        "the vault fails with the log"
    );
    assert_eq!(store.failure(), Some(&*first));
    assert_eq!(
        store.bounds().newest.sequence,
        4,
        "a group that was not acknowledged is not returned"
    );
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(store.copied);
    let kept = all(store.log().as_ref()).await;
    assert!(kept[..2] == groups[..], "the failed group may exist or not");
    groups = kept;
    groups.push(append(&store, 1, 10).await);
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(!store.copied, "one copy is enough");
    assert!(all(store.log().as_ref()).await == groups);
}

/// The groups are durable in the tail, so they stay, also if sled never gets them.
#[tokio::test]
async fn a_failed_log_sync_stops_all_writes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ScriptedDisk::default());
    let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
    let mut groups = vec![append(&store, 2, 100).await];
    disk.fail_syncs_of("db");
    groups.push(append(&store, 2, 100).await);
    let first = failed(store.leading().log().trim(1).await);
    assert!(first.contains("the disk is gone"), "{first}");
    disk.on_sync(|_| Ok(()));
    let next = group(store.bounds().newest, 1, 10);
    assert_eq!(failed(store.leading().log().append(next).await), first);
    assert_eq!(store.failure(), Some(&*first));
    assert!(all(store.log().as_ref()).await == groups);
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(store.copied && all(store.log().as_ref()).await == groups);
}

/// Makes one write to the vault.
async fn write(vault: &dyn VaultWriter, what: &str) -> Result<(), JournalError> {
    match what {
        "blob" => {
            let mut blob = vault.create("new").await?;
            blob.write(Bytes::from_static(b"new")).await?;
            blob.finish().await
        }
        "large blob" => {
            let mut blob = vault.create("new").await?;
            write_half_steps(blob.as_mut(), 3).await?;
            panic!("a step is synced before the blob is complete")
        }
        "key" => vault.put_key("place", Bytes::from_static(b"new")).await,
        _ => vault.remove("gone").await,
    }
}

#[tokio::test]
async fn a_failed_vault_sync_stops_all_writes() {
    // A blob is finished or removed, or a key is written. The sync of its file fails, or that of
    // the directory.
    for (what, place) in [
        ("blob", "tmp/0"),
        ("blob", "blobs"),
        ("large blob", "tmp/0"),
        ("key", "tmp/0"),
        ("key", "keys"),
        ("removal", "blobs"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        for name in ["old", "gone"] {
            write_blob(store.leading().vault(), name, &[Bytes::from_static(b"old")]).await;
        }
        store
            .leading()
            .vault()
            .put_key("place", Bytes::from_static(b"old"))
            .await
            .unwrap();
        close(store, dir.path());
        let disk = Arc::new(ScriptedDisk::default());
        let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
        let kept = append(&store, 2, 100).await;
        disk.fail_syncs_of(place);
        let first = failed(write(store.leading().vault(), what).await);
        assert!(
            first.contains(place) && first.contains("the disk is gone"),
            "{first}"
        );
        disk.on_sync(|_| Ok(()));
        assert_eq!(failed(write(store.leading().vault(), what).await), first);
        assert_eq!(
            failed(
                store
                    .leading()
                    .log()
                    .append(group(store.bounds().newest, 1, 10))
                    .await
            ),
            first
        );
        close(store, dir.path());
        let store = open(dir.path()).unwrap();
        assert!(store.copied, "no data of this disk is trusted");
        assert!(all(store.log().as_ref()).await == [kept]);
        assert_eq!(
            read_blob(store.vault().as_ref(), "old").await.unwrap(),
            [Bytes::from_static(b"old")]
        );
        let key = store.vault().get_key("place").await.unwrap().unwrap();
        assert!(key == "old" || (what == "key" && key == "new"), "{key:?}");
        // The blob has its name if only the sync of the directory failed.
        store.leading().vault().remove("new").await.unwrap();
        if what != "large blob" {
            write(store.leading().vault(), what).await.unwrap();
        }
    }
}

/// Writes `count` times half of the size after which a blob is synced.
async fn write_half_steps(blob: &mut dyn BlobWriter, count: usize) -> Result<(), JournalError> {
    for _ in 0..count {
        let half = Bytes::from(vec![7; BLOB_SYNC_BYTES as usize / 2]);
        blob.write(half).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_large_blob_is_synced_in_steps() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ScriptedDisk::default());
    let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
    let syncs = Arc::new(Mutex::new(0));
    let counted = syncs.clone();
    disk.on_sync(move |path| {
        *counted.lock().unwrap() += u32::from(path.ends_with("tmp/0"));
        Ok(())
    });
    let mut blob = store.leading().vault().create("large").await.unwrap();
    write_half_steps(blob.as_mut(), 7).await.unwrap();
    assert_eq!(*syncs.lock().unwrap(), 3);
    blob.finish().await.unwrap();
    assert_eq!(*syncs.lock().unwrap(), 4, "the rest at the end");
    assert_eq!(
        read_blob(store.vault().as_ref(), "large")
            .await
            .unwrap()
            .len(),
        7
    );
}

#[tokio::test]
async fn a_failed_head_sync_stops_all_writes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ScriptedDisk::default());
    let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
    disk.fail_syncs_of("head");
    // The head is written after the answers. So a later group shows the failure, and a trim shows
    // it in any case.
    let mut acknowledged = vec![append(&store, 1, 10).await];
    let first = failed(store.leading().log().trim(1).await);
    assert!(
        first.contains("head") && first.contains("the disk is gone"),
        "{first}"
    );
    assert_eq!(
        failed(
            store
                .leading()
                .log()
                .append(group(store.bounds().newest, 1, 10))
                .await
        ),
        first
    );
    assert_eq!(store.failure(), Some(&*first));
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(store.copied);
    assert!(all(store.log().as_ref()).await == acknowledged);
    acknowledged.push(append(&store, 1, 10).await);
    assert!(all(store.log().as_ref()).await == acknowledged);
}

/// Lets all syncs from number `nth` fail, counted from 0. Returns the path of the first failed
/// sync.
fn fail_syncs_from(disk: &ScriptedDisk, nth: usize) -> Arc<Mutex<Option<PathBuf>>> {
    let (mut count, failed) = (0, Arc::new(Mutex::new(None)));
    let first = Arc::clone(&failed);
    disk.on_sync(move |path| {
        count += 1;
        if count <= nth {
            return Ok(());
        }
        first.lock().unwrap().get_or_insert_with(|| path.to_owned());
        Err(std::io::Error::other("the disk is gone"))
    });
    failed
}

/// The log in use: its name, if there is one yet, and all of its files.
fn content_of_log(dir: &Path) -> (Option<String>, Vec<(PathBuf, Vec<u8>)>) {
    if !dir.join("current").exists() {
        return (None, Vec::new());
    }
    let name = log_directory(dir);
    let files = files_below(&dir.join(&name));
    (
        Some(name),
        files
            .into_iter()
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect(),
    )
}

/// Opens a directory repeatedly, and lets each of its syncs fail in turn. Returns the number of
/// syncs. `prepare` makes the directory before each try. After each try, `check` inspects the store
/// of the next open, and receives the file whose sync failed.
async fn fail_each_sync_of_open(
    prepare: impl Fn(&Path),
    check: impl AsyncFn(Store, Option<PathBuf>),
) -> usize {
    for nth in 0.. {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let before = content_of_log(dir.path());
        let disk = Arc::new(ScriptedDisk::default());
        let failed = fail_syncs_from(&disk, nth);
        let opened = Store::open(dir.path(), &options(), disk.clone());
        disk.on_sync(|_| Ok(()));
        let Some(path) = failed.lock().unwrap().take() else {
            check(opened.unwrap(), None).await;
            return nth;
        };
        let error = opened.map(drop).unwrap_err();
        assert!(
            matches!(error, OpenError::Io { .. }),
            "{}: {error}",
            path.display()
        );
        assert!(
            error.to_string().contains("the disk is gone"),
            "{}: {error}",
            path.display()
        );
        // While it opens, sled erases what its new snapshot does not need. This happens before the
        // snapshot has a durable name.
        let after = content_of_log(dir.path());
        assert!(
            before.0 != after.0 || before == after,
            "{}: the log in use was changed",
            path.display()
        );
        check(open(dir.path()).unwrap(), Some(path)).await;
    }
    unreachable!("an open has an end")
}

#[tokio::test]
async fn a_failed_sync_during_open_loses_nothing() {
    let original = tempfile::tempdir().unwrap();
    let store = open(original.path()).unwrap();
    let groups = [
        append(&store, 2, 100).await,
        append(&store, 2, 100_000).await,
    ];
    close(store, original.path());
    let existing = fail_each_sync_of_open(
        |dir| copy_directory(original.path(), dir),
        async |store, _| {
            assert!(
                !store.copied,
                "sled had opened a copy, which is removed: the log has not changed"
            );
            assert!(all(store.log().as_ref()).await == groups);
        },
    );
    let copied = fail_each_sync_of_open(
        |dir| {
            copy_directory(original.path(), dir);
            fs::write(dir.join("sync-failed"), "the disk was gone").unwrap();
        },
        async |store, _| assert!(all(store.log().as_ref()).await == groups),
    );
    let created = fail_each_sync_of_open(
        |_| {},
        async |store, _| {
            assert!(store.bounds().is_empty());
            append(&store, 1, 10).await;
        },
    );
    let (existing, copied, created) = (existing.await, copied.await, created.await);
    assert!(
        existing > 5 && copied > existing && created > existing,
        "{existing}, {copied}, {created} syncs"
    );
}

#[tokio::test]
async fn a_full_disk_refuses_early_and_continues_with_space() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ScriptedDisk::default());
    let mut with_reserve = options();
    with_reserve.reserve_bytes = 1_000_000;
    let store = Store::open(dir.path(), &with_reserve, disk.clone()).unwrap();
    let mut groups = vec![append(&store, 1, 10).await];
    let mut begun = store.leading().vault().create("begun").await.unwrap();
    disk.set_free(999_999);
    let next = group(store.bounds().newest, 1, 10);
    let refused = JournalError::NoSpace {
        free_bytes: 999_999,
        reserve_bytes: 1_000_000,
    };
    assert_eq!(
        store.leading().log().append(next.clone()).await,
        Err(refused.clone())
    );
    assert_eq!(
        store.leading().vault().create("new").await.map(drop),
        Err(refused.clone())
    );
    assert_eq!(
        store.leading().vault().put_key("place", Bytes::new()).await,
        Err(refused.clone())
    );
    assert_eq!(
        begun.write(vec![0; BLOB_BUFFER_BYTES].into()).await,
        Err(refused)
    );
    assert_eq!(store.failure(), None, "nothing has failed");
    store.leading().log().trim(1).await.unwrap();
    assert!(
        store.bounds().is_empty(),
        "operations that free space continue"
    );
    groups.clear();
    disk.set_free(1_000_000);
    store.leading().log().append(next.clone()).await.unwrap();
    groups.push(next);
    write_blob(store.leading().vault(), "new", &[]).await;
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(!store.copied);
    assert!(all(store.log().as_ref()).await == groups);
    assert_eq!(blob_names(store.vault().as_ref()).await.unwrap(), ["new"]);
}

/// The disk does not answer a sync of this file any more.
async fn a_hanging_commit_is_reported(file: &'static str) {
    let dir = tempfile::tempdir().unwrap();
    let (said, hear) = std::sync::mpsc::channel();
    let said = Mutex::new(said);
    let mut watched = options();
    // Long enough for one commit on a busy machine.
    watched.commit_limit = Duration::from_secs(1);
    watched.on_stuck = Arc::new(move |why| said.lock().unwrap().send(why.to_owned()).unwrap());
    let disk = Arc::new(ScriptedDisk::default());
    let store = Store::open(dir.path(), &watched, disk.clone()).unwrap();
    append(&store, 1, 10).await;
    assert!(hear.try_recv().is_err(), "a fast commit is not reported");
    let (resume, wait) = std::sync::mpsc::channel::<()>();
    disk.on_sync(move |path| {
        if path.ends_with(file) {
            let _ = wait.recv();
        }
        Ok(())
    });
    let (leading, next) = (store.leading(), group(store.bounds().newest, 1, 10));
    // The trim waits until the group is in sled.
    let hanging = tokio::spawn(async move {
        leading.log().append(next).await?;
        leading.log().trim(0).await
    });
    let why = tokio::task::spawn_blocking(move || hear.recv_timeout(Duration::from_secs(30)))
        .await
        .unwrap()
        .unwrap();
    assert!(why.contains("the server must be restarted"), "{why}");
    assert!(!hanging.is_finished());
    drop(resume);
    hanging.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_hanging_sync_of_the_tail_is_reported() {
    a_hanging_commit_is_reported("tail").await;
}

#[tokio::test]
async fn a_hanging_sync_of_the_log_is_reported() {
    a_hanging_commit_is_reported("db").await;
}

#[tokio::test]
async fn the_store_in_memory_fails_at_the_requested_point() {
    for (at, kept) in [(FailAt::BeforeStored, 1), (FailAt::AfterStored, 2)] {
        let store = MemoryStore::new();
        let leading = store.take_over().await.unwrap();
        append_by(&leading, store.log().as_ref(), 1, 10).await;
        store.fail_append(1, at);
        let next = group(store.bounds().newest, 1, 10);
        failed(leading.log().append(next.clone()).await);
        failed(leading.log().append(next).await);
        assert_eq!(store.restart().bounds().newest.sequence, kept);
    }
}

#[tokio::test]
async fn the_store_in_memory_holds_appends_until_they_are_released() {
    let store = MemoryStore::new();
    let (log, leading) = (store.log(), store.take_over().await.unwrap());
    let first = append_by(&leading, log.as_ref(), 1, 10).await;
    store.hold_appends();
    let (held, given_up) = (group(first.end(), 1, 10), group(first.end(), 2, 10));
    let (waiting, other) = (leading.clone(), leading);
    let answer = tokio::spawn({
        let held = held.clone();
        async move { waiting.log().append(held).await }
    });
    let dropped = tokio::spawn(async move { other.log().append(given_up).await });
    store.appends_held(2).await;
    assert_eq!(
        store.bounds().newest,
        first.end(),
        "no group is stored meanwhile"
    );
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    store.release_appends();
    answer.await.unwrap().unwrap();
    assert!(
        all(log.as_ref()).await == [first, held],
        "the dropped append has stored nothing"
    );
}
