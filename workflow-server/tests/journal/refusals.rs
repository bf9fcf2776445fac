//! Stores that must not be served. Each is refused with a sentence that says what to do. The
//! refusal changes nothing: without the cause, the store opens again. Also stores that look unusual
//! but are complete: they are cleaned up and served.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use workflow_server::journal::{Group, OpenError, Storage as _, Store};

use crate::support::{
    ScriptedDisk, all, append, blob_names, close, copy_directory, files_below, identity_blob,
    log_directory, open, options,
};

/// A closed store with ten groups, a trim and a blob.
async fn store() -> (TempDir, Vec<Group>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let mut groups = Vec::new();
    for _ in 0..10 {
        groups.push(append(&store, 3, 500).await);
    }
    store.leading().log().trim(6).await.unwrap();
    crate::support::write_blob(
        store.leading().vault(),
        "snapshot-1",
        &[vec![1; 100].into()],
    )
    .await;
    close(store, dir.path());
    (dir, groups.split_off(2))
}

fn refused(dir: &Path) -> OpenError {
    match open(dir) {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}

/// All files with their content.
fn content(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files_below(dir)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[tokio::test]
async fn a_store_in_use_is_refused() {
    let (dir, _) = store().await;
    let first = open(dir.path()).unwrap();
    let mut impatient = options();
    impatient.lock_wait = Duration::ZERO;
    let second = Store::open(dir.path(), &impatient, Arc::new(ScriptedDisk::default()));
    let Err(error @ OpenError::Locked { .. }) = second.map(drop) else {
        panic!("two handles have the store open")
    };
    assert!(
        error
            .to_string()
            .contains("stop it, or start this one with another data directory"),
        "{error}"
    );
    append(&first, 1, 10).await;
}

#[tokio::test]
async fn a_store_whose_lock_file_was_removed_is_still_refused() {
    let (dir, _) = store().await;
    let first = open(dir.path()).unwrap();
    fs::remove_file(dir.path().join("lock")).unwrap();
    let mut impatient = options();
    impatient.lock_wait = Duration::ZERO;
    let second = Store::open(dir.path(), &impatient, Arc::new(ScriptedDisk::default()));
    assert!(
        matches!(second.map(drop), Err(OpenError::Locked { .. })),
        "two handles have the store open"
    );
    append(&first, 1, 10).await;
}

#[tokio::test]
async fn a_newer_format_is_refused_and_not_changed() {
    let (dir, _) = store().await;
    let path = dir.path().join("identity");
    let text = fs::read_to_string(&path).unwrap();
    let body = text.replace("format: 3", "format: 4");
    let body = &body[..body.rfind("checksum: ").unwrap()];
    // The checksum of the text in the form of the file: a hash of the name without a position.
    let checksum = seed(body);
    fs::write(&path, format!("{body}checksum: {checksum:016x}\n")).unwrap();
    let before = content(dir.path());
    let error = refused(dir.path());
    assert!(
        matches!(
            error,
            OpenError::NewerFormat {
                format: 4,
                known: 3,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("start the newer server that wrote it"),
        "{error}"
    );
    assert!(content(dir.path()) == before);
}

fn seed(text: &str) -> u64 {
    twox_hash::XxHash3_64::oneshot_with_seed(0, text.as_bytes())
}

#[tokio::test]
async fn a_damaged_or_missing_identity_is_refused() {
    let (dir, _) = store().await;
    let path = dir.path().join("identity");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("aftercall", "Aftercall")).unwrap();
    assert!(matches!(refused(dir.path()), OpenError::Damaged { .. }));
    fs::write(&path, text).unwrap();
    let blob = identity_blob(dir.path());
    let stored = fs::read(&blob).unwrap();
    let mut other_epoch = stored.clone();
    let at = stored.windows(4).position(|four| four == b"0011").unwrap();
    other_epoch[at] = b'1';
    fs::write(&blob, other_epoch).unwrap();
    assert!(matches!(refused(dir.path()), OpenError::Damaged { .. }));
    fs::remove_file(&blob).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(
        error.to_string().contains("its vault has no identity"),
        "{error}"
    );
    fs::write(&blob, stored).unwrap();
    fs::remove_file(&path).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
    assert!(
        error.to_string().contains("name an empty directory"),
        "{error}"
    );
}

#[tokio::test]
async fn an_older_copy_of_the_log_is_refused() {
    let (dir, groups) = store().await;
    let older = tempfile::tempdir().unwrap();
    copy_directory(dir.path(), older.path());
    let store = open(dir.path()).unwrap();
    append(&store, 4, 500).await;
    close(store, dir.path());
    fs::copy(dir.path().join("head"), older.path().join("head")).unwrap();
    let error = refused(older.path());
    assert!(
        matches!(
            error,
            OpenError::BehindHead {
                head: 34,
                newest: 30,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("Restore the newest backup"),
        "{error}"
    );
    let mut accepting = options();
    accepting.rebuild_head = true;
    let store = Store::open(older.path(), &accepting, Arc::new(ScriptedDisk::default())).unwrap();
    assert!(
        all(store.log().as_ref()).await == groups,
        "the server accepted the log as requested"
    );
    close(store, older.path());
    assert_eq!(
        open(older.path()).unwrap().bounds().newest.sequence,
        30,
        "the option is needed only once"
    );
}

#[tokio::test]
async fn a_log_of_another_history_is_refused() {
    let (dir, _) = store().await;
    let other = tempfile::tempdir().unwrap();
    copy_directory(dir.path(), other.path());
    for (dir, bytes) in [(dir.path(), 700), (other.path(), 701)] {
        let store = open(dir).unwrap();
        append(&store, 4, bytes).await;
        close(store, dir);
    }
    fs::copy(dir.path().join("head"), other.path().join("head")).unwrap();
    let error = refused(other.path());
    assert!(
        matches!(error, OpenError::OtherHistory { sequence: 34, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("files of two stores have been mixed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_lost_head_file_is_rebuilt_only_on_request() {
    let (dir, groups) = store().await;
    fs::remove_file(dir.path().join("head")).unwrap();
    let error = refused(dir.path());
    assert!(
        matches!(error, OpenError::HeadLost { newest: 30, .. }),
        "{error}"
    );
    let mut accepting = options();
    accepting.rebuild_head = true;
    let store = Store::open(dir.path(), &accepting, Arc::new(ScriptedDisk::default())).unwrap();
    assert!(all(store.log().as_ref()).await == groups);
}

#[tokio::test]
async fn a_head_file_with_two_damaged_slots_is_refused() {
    let (dir, groups) = store().await;
    let path = dir.path().join("head");
    let sound = fs::read(&path).unwrap();
    for damaged in [
        vec![0; sound.len()],
        vec![0xff; sound.len()],
        sound[..10].to_vec(),
        Vec::new(),
    ] {
        fs::write(&path, damaged).unwrap();
        let error = refused(dir.path());
        assert!(
            matches!(error, OpenError::HeadLost { newest: 30, .. }),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains("Bring the file back from where the directory was copied"),
            "{error}"
        );
    }
    fs::write(&path, sound).unwrap();
    assert!(all(open(dir.path()).unwrap().log().as_ref()).await == groups);
}

#[tokio::test]
async fn one_damaged_slot_of_the_head_file_is_tolerated() {
    let (dir, groups) = store().await;
    let head = OpenOptions::new()
        .write(true)
        .open(dir.path().join("head"))
        .unwrap();
    head.write_all_at(b"xxxx", 3).unwrap();
    assert!(all(open(dir.path()).unwrap().log().as_ref()).await == groups);
}

#[tokio::test]
async fn a_store_with_a_missing_part_is_refused() {
    let (dir, groups) = store().await;
    let log = log_directory(dir.path());
    for part in [
        &*format!("{log}/db"),
        &log,
        "current",
        "vault/blobs",
        "vault/keys",
        "vault",
    ] {
        let (path, away) = (dir.path().join(part), dir.path().join("taken-away"));
        fs::rename(&path, &away).unwrap();
        let error = refused(dir.path());
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "without {part}: {error}"
        );
        assert!(
            error.to_string().contains("do not delete anything"),
            "{error}"
        );
        assert!(
            error.to_string().contains("restore the newest backup"),
            "{error}"
        );
        fs::rename(&away, &path).unwrap();
    }
    let store = open(dir.path()).unwrap();
    assert!(all(store.log().as_ref()).await == groups);
    assert_eq!(
        blob_names(store.vault().as_ref()).await.unwrap(),
        ["snapshot-1"]
    );
}

#[tokio::test]
async fn a_file_in_place_of_a_directory_is_refused() {
    let (dir, groups) = store().await;
    for part in [
        &*log_directory(dir.path()),
        "vault/blobs",
        "vault/keys",
        "vault",
    ] {
        let (path, away) = (dir.path().join(part), dir.path().join("taken-away"));
        fs::rename(&path, &away).unwrap();
        fs::write(&path, "not a directory").unwrap();
        let error = refused(dir.path());
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "{part} is a file: {error}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"not a directory");
        fs::remove_file(&path).unwrap();
        fs::rename(&away, &path).unwrap();
    }
    let file = dir.path().join("head");
    let error = refused(&file);
    assert!(
        matches!(error, OpenError::NotADirectory { .. }),
        "the data directory is a file: {error}"
    );
    assert!(
        error
            .to_string()
            .contains(&format!("{} is a file", file.display())),
        "{error}"
    );
    assert!(all(open(dir.path()).unwrap().log().as_ref()).await == groups);
}

#[tokio::test]
async fn a_directory_of_other_files_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("holiday.jpg"), "sand").unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
    assert!(
        content(dir.path()) == [(dir.path().join("holiday.jpg"), b"sand".to_vec())],
        "no file was made in it"
    );
}

#[tokio::test]
async fn unfinished_work_of_a_killed_process_is_removed() {
    let (dir, groups) = store().await;
    let log = log_directory(dir.path());
    let unfinished = dir
        .path()
        .join(log)
        .join("snap.00000000000000FF.generating");
    fs::write(&unfinished, "half a snapshot").unwrap();
    fs::write(dir.path().join("vault/tmp/left-over"), "half a blob").unwrap();
    fs::create_dir(dir.path().join("journal-77")).unwrap();
    let store = open(dir.path()).unwrap();
    let in_log = files_below(&dir.path().join(log_directory(dir.path())));
    assert!(
        in_log
            .iter()
            .all(|path| !path.to_string_lossy().ends_with(".generating")),
        "{in_log:?}"
    );
    assert!(
        !dir.path().join("journal-77").exists(),
        "a copy that never became the log"
    );
    assert!(all(store.log().as_ref()).await == groups);
    assert_eq!(
        blob_names(store.vault().as_ref()).await.unwrap(),
        ["snapshot-1"]
    );
    assert_eq!(
        fs::read_dir(dir.path().join("vault/tmp")).unwrap().count(),
        0
    );
}

#[tokio::test]
async fn a_log_with_a_separate_value_file_is_copied() {
    let (dir, groups) = store().await;
    let log = log_directory(dir.path());
    fs::write(
        dir.path().join(&log).join("blobs/77"),
        "a page that sled moved",
    )
    .unwrap();
    let store = open(dir.path()).unwrap();
    assert!(store.copied, "files that sled never syncs are not trusted");
    assert!(all(store.log().as_ref()).await == groups);
    assert_ne!(log_directory(dir.path()), log);
    assert!(!dir.path().join(&log).exists());
}

#[tokio::test]
async fn a_failed_sync_mark_causes_one_log_copy() {
    let (dir, groups) = store().await;
    let mark = dir.path().join("sync-failed");
    fs::write(&mark, "the disk was gone").unwrap();
    let store = open(dir.path()).unwrap();
    assert!(store.copied && !mark.exists());
    assert!(all(store.log().as_ref()).await == groups);
    assert_eq!(
        blob_names(store.vault().as_ref()).await.unwrap(),
        ["snapshot-1"]
    );
    append(&store, 1, 10).await;
    close(store, dir.path());
    let store = open(dir.path()).unwrap();
    assert!(!store.copied);
    assert_eq!(store.bounds().newest.sequence, 31);
}

#[tokio::test]
async fn an_interrupted_creation_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("creating"), "").unwrap();
    fs::create_dir(dir.path().join("journal-1")).unwrap();
    fs::write(dir.path().join("journal-1/db"), "half a log").unwrap();
    let store = open(dir.path()).unwrap();
    assert!(store.created);
    append(&store, 1, 10).await;
}
