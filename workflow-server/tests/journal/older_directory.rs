//! Data directories of older formats. In format 1 the identity is a file beside the vault, and there
//! may be an old note of timers. In format 2 there is no tail. Opening the directory brings it to the
//! newest format. A stop at any step loses nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;
use workflow_server::journal::{FORMAT, Group, OpenError, Storage as _, Store};
use workflow_server::new_epoch;

use crate::power_cut::Recorder;
use crate::support::{
    EPOCH, ScriptedDisk, all, append, blob_names, close, copy_directory, files_below,
    identity_blob, number_from_environment, open, options, read_blob, write_blob,
};

/// The file of a server of format 1.
const OLD_IDENTITY: &str = "aftercall store
format: 1
epoch: 00112233445566778899aabbccddeeff
hash_key: 30313233343536373839616263646566
created_at_millis: 1795000000000
checksum: cb8170b6a9c7b517
";
const NOTE: &str = "clock-held";

/// A closed directory of an older server, and its groups.
async fn older_directory() -> (TempDir, Vec<Group>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    for _ in 0..3 {
        append(&store, 2, 300).await;
    }
    write_blob(
        store.leading().vault(),
        "snapshot-1",
        &[Bytes::from_static(b"whole")],
    )
    .await;
    let groups = all(store.log().as_ref()).await;
    close(store, dir.path());
    fs::remove_file(identity_blob(dir.path())).unwrap();
    fs::write(dir.path().join("identity"), OLD_IDENTITY).unwrap();
    fs::write(dir.path().join(NOTE), "").unwrap();
    fs::remove_file(dir.path().join("tail")).unwrap();
    (dir, groups)
}

/// A text with its checksum, as in the files of the identity.
fn with_checksum(body: &str) -> String {
    let checksum = twox_hash::XxHash3_64::oneshot_with_seed(0, body.as_bytes());
    format!("{body}checksum: {checksum:016x}\n")
}

/// A closed directory of format 2, and its groups. Its identity is a blob, and there is no tail.
async fn directory_without_tail() -> (TempDir, Vec<Group>) {
    let (dir, groups) = older_directory().await;
    let identity = OLD_IDENTITY.replace("format: 1", "format: 2");
    let body = &identity[..identity.rfind("checksum: ").unwrap()];
    let store = open(dir.path()).unwrap();
    // The newest identity is the valid one.
    let name = format!("identity-{:020}", 9);
    let blob = Bytes::from(with_checksum(body));
    write_blob(store.leading().vault(), &name, &[blob]).await;
    close(store, dir.path());
    let marker = with_checksum("aftercall store\nformat: 2\n");
    fs::write(dir.path().join("identity"), marker).unwrap();
    fs::remove_file(dir.path().join("tail")).unwrap();
    (dir, groups)
}

/// What the store has lost of the older directory. `None` if nothing.
async fn loss(store: &Store, groups: &[Group]) -> Option<String> {
    let identity = store.identity();
    let is_adopted = identity.epoch == EPOCH
        && identity.hash_key == *b"0123456789abcdef"
        && identity.created_at_millis == 1_795_000_000_000
        && identity.format == FORMAT;
    if !is_adopted || store.created {
        return Some(format!("another identity: {identity:?}"));
    }
    if all(store.log().as_ref()).await != groups {
        return Some("other groups".to_owned());
    }
    let vault = store.vault();
    let names = blob_names(vault.as_ref()).await.unwrap();
    if names != ["snapshot-1"] {
        return Some(format!("other blobs: {names:?}"));
    }
    match read_blob(vault.as_ref(), "snapshot-1").await {
        Ok(frames) if frames == [Bytes::from_static(b"whole")] => None,
        other => Some(format!("another blob: {other:?}")),
    }
}

/// What a directory has lost after an interruption.
async fn loss_in(dir: &Path, groups: &[Group]) -> Option<String> {
    let store = match open(dir) {
        Ok(store) => store,
        Err(error) => return Some(format!("refused: {error}")),
    };
    let loss = loss(&store, groups).await;
    close(store, dir);
    loss.or_else(|| dir.join(NOTE).exists().then(|| "the note is left".into()))
}

#[tokio::test]
async fn an_older_directory_moves_its_identity_into_the_vault() {
    let (dir, groups) = older_directory().await;
    for _ in 0..2 {
        assert_eq!(loss_in(dir.path(), &groups).await, None);
        let marker = fs::read_to_string(dir.path().join("identity")).unwrap();
        assert!(
            marker.starts_with("aftercall store\nformat: 3\nchecksum: "),
            "{marker}"
        );
        identity_blob(dir.path());
    }
}

#[tokio::test]
async fn a_directory_without_a_tail_gets_one() {
    let (dir, groups) = directory_without_tail().await;
    for _ in 0..2 {
        assert_eq!(loss_in(dir.path(), &groups).await, None);
        assert!(dir.path().join("tail").exists());
        identity_blob(dir.path());
    }
}

/// The key is a secret of the store, so it is stored in one place only.
#[tokio::test]
async fn the_hash_key_is_in_the_vault_only() {
    let (dir, groups) = older_directory().await;
    assert_eq!(loss_in(dir.path(), &groups).await, None);
    let key = b"30313233343536373839616263646566";
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(key.len()).any(|window| window == key)
    };
    let places: Vec<_> = files_below(dir.path()).into_iter().filter(holds).collect();
    assert_eq!(places, [identity_blob(dir.path())]);
}

/// Opens the directory. Calls `look` at each sync.
fn open_watched(dir: &Path, mut look: impl FnMut(&Path) + Send + 'static) {
    let disk = Arc::new(ScriptedDisk::default());
    disk.on_sync(move |path| {
        look(path);
        Ok(())
    });
    let store = Store::open(dir, &options(), disk).unwrap();
    close(store, dir);
}

#[tokio::test]
async fn a_kill_at_any_step_of_the_move_loses_nothing() {
    let (dir, groups) = older_directory().await;
    let left: Arc<Mutex<Vec<TempDir>>> = Arc::default();
    let (from, copies) = (dir.path().to_owned(), left.clone());
    open_watched(dir.path(), move |_| {
        let copy = tempfile::tempdir().unwrap();
        copy_directory(&from, copy.path());
        copies.lock().unwrap().push(copy);
    });
    let left = std::mem::take(&mut *left.lock().unwrap());
    let is_between = |copy: &&TempDir| {
        let marker = fs::read_to_string(copy.path().join("identity")).unwrap();
        marker == OLD_IDENTITY && files_below(&copy.path().join("vault/blobs")).len() > 1
    };
    assert!(left.iter().filter(is_between).count() >= 2);
    for copy in left {
        assert_eq!(loss_in(copy.path(), &groups).await, None);
    }
}

/// What is lost in this many images of a move, without the syncs that `is_forgotten` selects.
async fn losses(images: usize, is_forgotten: fn(&Path) -> bool) -> Vec<String> {
    let seed = number_from_environment("AFTERCALL_SEED", 5);
    let mut found = Vec::new();
    for run in 0..images as u64 {
        let (dir, groups) = older_directory().await;
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(run));
        let mut recorder = Recorder::of_synced(dir.path());
        let image = tempfile::tempdir().unwrap();
        // A move has about ten syncs.
        let mut syncs_before = random.random_range(0..12);
        let to = image.path().to_owned();
        open_watched(dir.path(), move |path| {
            if !is_forgotten(path) {
                recorder.synced(path);
            }
            if syncs_before == 0 {
                recorder.image(&to, &mut random);
            }
            syncs_before -= 1;
        });
        found.extend(loss_in(image.path(), &groups).await);
    }
    found
}

#[tokio::test]
async fn a_power_cut_during_the_move_loses_nothing() {
    assert_eq!(losses(40, |_| false).await, Vec::<String>::new());
}

/// The negative control: without the syncs in the vault, the file changes before the blob exists.
#[tokio::test]
async fn without_vault_syncs_the_move_loses_the_identity() {
    let is_in_vault = |path: &Path| path.components().any(|part| part.as_os_str() == "vault");
    let found = losses(40, is_in_vault).await;
    assert!(found.len() >= 3, "{found:?}");
}

#[tokio::test]
async fn the_identity_of_an_older_server_between_attempts_is_used() {
    let (dir, groups) = older_directory().await;
    let (from, half) = (dir.path().to_owned(), tempfile::tempdir().unwrap());
    let to = half.path().to_owned();
    let mut is_copied = false;
    open_watched(dir.path(), move |path| {
        if !is_copied && path.ends_with("vault/blobs") {
            copy_directory(&from, &to);
            is_copied = true;
        }
    });
    // The older server writes another epoch to the file that it knows.
    let body = OLD_IDENTITY.replace("epoch: 0011", "epoch: ff11");
    let body = &body[..body.rfind("checksum: ").unwrap()];
    fs::write(half.path().join("identity"), with_checksum(body)).unwrap();
    let store = open(half.path()).unwrap();
    assert!(store.identity().epoch.starts_with("ff11"));
    assert_eq!(all(store.log().as_ref()).await, groups);
    close(store, half.path());
    identity_blob(half.path());
}

#[tokio::test]
async fn a_new_epoch_adopts_an_older_directory() {
    let (dir, groups) = older_directory().await;
    for old in [Some(EPOCH.to_owned()), None] {
        let (before, after) = new_epoch(dir.path()).unwrap();
        assert!(old.is_none_or(|old| old == before));
        let store = open(dir.path()).unwrap();
        assert_eq!(store.identity().epoch, after);
        assert_eq!(store.identity().hash_key, *b"0123456789abcdef");
        assert_eq!(all(store.log().as_ref()).await, groups);
        close(store, dir.path());
        identity_blob(dir.path());
    }
}

#[tokio::test]
async fn the_identity_with_the_higher_number_is_valid() {
    let (dir, _) = older_directory().await;
    close(open(dir.path()).unwrap(), dir.path());
    let first = identity_blob(dir.path());
    let content = fs::read(&first).unwrap();
    let (_, after) = new_epoch(dir.path()).unwrap();
    // A stop before the older identity was removed.
    fs::write(&first, content).unwrap();
    let store = open(dir.path()).unwrap();
    assert_eq!(store.identity().epoch, after);
    close(store, dir.path());
    assert_ne!(identity_blob(dir.path()), first);
}

#[tokio::test]
async fn a_damaged_older_identity_is_refused() {
    let (dir, _) = older_directory().await;
    let damaged = OLD_IDENTITY.replace("epoch: 0011", "epoch: 1011");
    fs::write(dir.path().join("identity"), damaged).unwrap();
    let error = open(dir.path()).map(drop).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}
