//! The tail: groups that are durable, and that sled does not have yet.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use tempfile::TempDir;
use workflow_server::journal::{Disk, Group, OpenError, Options, Storage as _, Store};

use crate::support::{
    ScriptedDisk, all, append, close, copy_directory, files_below, group, log_directory, open,
    options,
};

/// A disk that answers no sync of sled's file until the sender is dropped. It syncs nothing.
struct HeldDisk(Mutex<mpsc::Receiver<()>>);

impl Disk for HeldDisk {
    fn sync_data(&self, _: &File, path: &Path) -> io::Result<()> {
        if path.ends_with("db") {
            let _ = self.0.lock().unwrap().recv();
        }
        Ok(())
    }

    fn sync_all(&self, _: &File, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

/// Opens an existing store whose sled answers no commit until the sender is dropped.
fn held(dir: &Path, options: &Options) -> (Store, mpsc::Sender<()>) {
    close(open(dir).unwrap(), dir);
    let (release, wait) = mpsc::channel();
    let disk = Arc::new(HeldDisk(Mutex::new(wait)));
    (Store::open(dir, options, disk).unwrap(), release)
}

/// Waits until the head file has the newest position, so that it is known to be acknowledged.
async fn head_is_written(dir: &Path, newest: u64) {
    let path = dir.join("head");
    let is_in = |slot: usize| {
        let bytes = fs::read(&path).unwrap();
        bytes[slot + 1..slot + 9] == newest.to_le_bytes()
    };
    while !is_in(0) && !is_in(4096) {
        tokio::task::yield_now().await;
    }
}

/// The directory as a crash leaves it while the newest groups are only in the tail, and the groups.
async fn crashed() -> (TempDir, Vec<Group>) {
    let (dir, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path()).unwrap();
    let mut groups = vec![append(&store, 2, 300).await];
    close(store, dir.path());
    // sled of the image has only what was written until here.
    copy_directory(dir.path(), image.path());
    let (store, release) = held(dir.path(), &options());
    for _ in 0..5 {
        groups.push(append(&store, 2, 300).await);
    }
    head_is_written(dir.path(), 12).await;
    for name in ["head", "tail"] {
        fs::copy(dir.path().join(name), image.path().join(name)).unwrap();
    }
    drop(release);
    close(store, dir.path());
    (image, groups)
}

#[tokio::test]
async fn groups_that_a_crash_left_in_the_tail_are_kept() {
    let (dir, mut groups) = crashed().await;
    for _ in 0..2 {
        let store = open(dir.path()).unwrap();
        assert!(all(store.log().as_ref()).await == groups);
        groups.push(append(&store, 1, 10).await);
        close(store, dir.path());
    }
}

/// A log with blobs is copied before it is used. The groups of the tail must be in the copy.
#[tokio::test]
async fn groups_of_the_tail_come_into_a_copied_log() {
    let (dir, groups) = crashed().await;
    let blobs = dir.path().join(log_directory(dir.path())).join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join("1"), "").unwrap();
    fs::write(dir.path().join("sync-failed"), "the disk was gone").unwrap();
    for copied in [true, false] {
        let store = open(dir.path()).unwrap();
        assert_eq!(store.copied, copied);
        assert!(all(store.log().as_ref()).await == groups);
        close(store, dir.path());
    }
}

#[tokio::test]
async fn groups_in_the_tail_are_read_with_those_before() {
    let dir = tempfile::tempdir().unwrap();
    let (store, release) = held(dir.path(), &options());
    let mut groups = Vec::new();
    for bytes in [10, 70_000, 300, 0, 200_000] {
        groups.push(append(&store, 3, bytes).await);
    }
    assert!(all(store.log().as_ref()).await == groups);
    let from_the_middle = store.log().read(8, 1).await.unwrap();
    assert!(from_the_middle == groups[2..3]);
    drop(release);
    store.leading().log().trim(3).await.unwrap();
    groups.remove(0);
    groups.push(append(&store, 3, 10).await);
    assert!(all(store.log().as_ref()).await == groups);
}

/// Each flip in the needed part of the tail loses an acknowledged group, which the head file knows.
#[tokio::test]
async fn a_flipped_bit_in_a_needed_tail_is_refused() {
    let (dir, groups) = crashed().await;
    let used = fs::read(dir.path().join("tail")).unwrap();
    let end = used.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..end).step_by(97) {
        let copy = tempfile::tempdir().unwrap();
        copy_directory(dir.path(), copy.path());
        let tail = OpenOptions::new()
            .write(true)
            .open(copy.path().join("tail"));
        let flipped = [used[at] ^ 4];
        tail.unwrap().write_all_at(&flipped, at as u64).unwrap();
        let error = open(copy.path()).map(drop).unwrap_err();
        assert!(
            matches!(error, OpenError::BehindHead { head: 12, .. }),
            "{at}: {error}"
        );
        let accepting = Options {
            rebuild_head: true,
            ..options()
        };
        let disk = Arc::new(ScriptedDisk::default());
        let store = Store::open(copy.path(), &accepting, disk).unwrap();
        let kept = all(store.log().as_ref()).await;
        assert!(kept.len() < groups.len() && kept == groups[..kept.len()]);
    }
}

#[tokio::test]
async fn an_older_log_beside_a_newer_tail_is_refused() {
    let (newer, _) = crashed().await;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    close(store, dir.path());
    fs::copy(newer.path().join("tail"), dir.path().join("tail")).unwrap();
    let error = open(dir.path()).map(drop).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::BehindHead {
                head: 12,
                newest: 0,
                ..
            }
        ),
        "{error}"
    );
}

/// Otherwise the tail would bring back what a damaged log has lost, without its newest trim.
#[tokio::test]
async fn a_closed_store_has_an_empty_tail() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    append(&store, 1, 10).await;
    let path = dir.path().join("tail");
    let is_empty = || fs::read(&path).unwrap().iter().all(|byte| *byte == 0);
    assert!(!is_empty());
    close(store, dir.path());
    assert!(is_empty());
}

#[tokio::test]
async fn a_missing_tail_is_accepted_only_on_request() {
    let (dir, groups) = crashed().await;
    fs::remove_file(dir.path().join("tail")).unwrap();
    let error = open(dir.path()).map(drop).unwrap_err();
    assert!(matches!(error, OpenError::TailLost { .. }), "{error}");
    assert!(
        error.to_string().contains("restore the newest backup"),
        "{error}"
    );
    let accepting = Options {
        rebuild_head: true,
        ..options()
    };
    let disk = Arc::new(ScriptedDisk::default());
    let store = Store::open(dir.path(), &accepting, disk).unwrap();
    assert!(all(store.log().as_ref()).await == groups[..1]);
}

#[tokio::test]
async fn a_full_tail_waits_for_sled() {
    let dir = tempfile::tempdir().unwrap();
    let small = Options {
        tail_bytes: 64 << 10,
        ..options()
    };
    let (store, release) = held(dir.path(), &small);
    let mut groups = Vec::new();
    for _ in 0..6 {
        groups.push(append(&store, 1, 10_000).await);
    }
    // Three groups fill a half, so the seventh would overwrite the first.
    let (leading, next) = (store.leading(), group(store.bounds().newest, 1, 10_000));
    groups.push(next.clone());
    let waiting = tokio::spawn(async move { leading.log().append(next).await });
    let image = tempfile::tempdir().unwrap();
    copy_directory(dir.path(), image.path());
    assert!(!waiting.is_finished());
    assert!(all(open(image.path()).unwrap().log().as_ref()).await == groups[..6]);
    drop(release);
    waiting.await.unwrap().unwrap();
    for _ in 0..20 {
        groups.push(append(&store, 1, 10_000).await);
    }
    // This one does not fit into a half.
    groups.push(append(&store, 1, 100_000).await);
    assert!(all(store.log().as_ref()).await == groups);
    close(store, dir.path());
    assert!(all(open(dir.path()).unwrap().log().as_ref()).await == groups);
}

#[tokio::test]
async fn no_byte_of_trimmed_groups_remains_after_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let newest = append(&store, 1, 4_000).await;
    let marked = [0xA7_u8; 32];
    let secret = crate::support::group_of(newest.end(), 1, marked.repeat(20));
    store.leading().log().append(secret.clone()).await.unwrap();
    append(&store, 1, 10).await;
    let holds = |dir: &Path| {
        let bytes = files_below(dir)
            .into_iter()
            .map(|path| fs::read(path).unwrap());
        bytes
            .filter(|bytes| bytes.windows(32).any(|part| part == marked))
            .count()
    };
    assert!(holds(dir.path()) > 0);
    store.leading().log().trim(secret.last).await.unwrap();
    store.leading().log().renew().await.unwrap();
    assert_eq!(holds(dir.path()), 0);
    append(&store, 1, 10).await;
    close(store, dir.path());
    assert_eq!(open(dir.path()).unwrap().bounds().newest.sequence, 4);
}
