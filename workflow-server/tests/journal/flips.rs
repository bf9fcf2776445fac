//! Flips one bit anywhere in the data directory. The store is refused with a named error, or serves
//! only verified data. It never serves other data, and never hangs.
//!
//! `AFTERCALL_BIT_FLIPS` is the number of flips, `AFTERCALL_SEED` selects them.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;
use workflow_server::journal::{
    Bounds, Group, Identity, JournalError, OpenError, Options, Storage as _, Store,
};

use crate::support::{
    ScriptedDisk, all, append, blob_names, close, copy_directory, files_below, log_directory,
    number_from_environment, open, options, read_blob, write_blob,
};

/// Opening gives up after this time without progress: ten times what a busy machine needs for such
/// a small store.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// The longest time for reading all data.
const READ_LIMIT: Duration = Duration::from_secs(30);
/// The size of the blocks that separate content from the unused rest of sled's files.
const BLOCK: usize = 512;
/// The offset of a frame's content in a blob, and the gap between two frames: header and checksum.
const FRAME_HEADER: usize = 6;
const FRAME_SEAL: usize = 8;

struct Original {
    dir: TempDir,
    identity: Identity,
    bounds: Bounds,
    groups: Vec<Group>,
    blob: Vec<Bytes>,
    key: Bytes,
}

async fn original() -> Original {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    for at in 0..30 {
        append(&store, 3, [300, 8_000, 60_000][at % 3]).await;
    }
    store.leading().log().trim(30).await.unwrap();
    let blob: Vec<Bytes> = (0..5_u8).map(|n| Bytes::from(vec![n; 20_000])).collect();
    write_blob(store.leading().vault(), "snapshot-1", &blob).await;
    let key = Bytes::from_static(b"a place");
    store
        .leading()
        .vault()
        .put_key("place", key.clone())
        .await
        .unwrap();
    let (bounds, groups, identity) = (
        store.bounds(),
        all(store.log().as_ref()).await,
        store.identity().clone(),
    );
    assert_eq!((bounds.base.sequence, groups.len()), (30, 20));
    close(store, dir.path());
    Original {
        dir,
        identity,
        bounds,
        groups,
        blob,
        key,
    }
}

/// A bit in the data directory.
#[derive(Debug)]
struct Bit {
    /// Relative to the data directory.
    path: PathBuf,
    at: u64,
    bit: u8,
}

/// Selects each file equally often, and its content more often than its unused rest.
fn pick(files: &[(PathBuf, Vec<u8>)], random: &mut StdRng) -> Bit {
    let (path, content) = &files[random.random_range(0..files.len())];
    // The tail of a closed store has only zeroes.
    let in_content = content.iter().any(|byte| *byte != 0) && random.random_bool(0.8);
    loop {
        let at = random.random_range(0..content.len());
        let block = &content[at / BLOCK * BLOCK..content.len().min((at / BLOCK + 1) * BLOCK)];
        if !in_content || block.iter().any(|byte| *byte != 0) {
            return Bit {
                path: path.clone(),
                at: at as u64,
                bit: random.random_range(0..8),
            };
        }
    }
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let relative = |path: &Path| path.strip_prefix(dir).unwrap().to_owned();
    files_below(dir)
        .into_iter()
        .map(|path| (relative(&path), fs::read(&path).unwrap()))
        .collect()
}

/// Makes a copy of the original with the bit flipped.
fn flipped(original: &Original, bit: &Bit) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_directory(original.dir.path(), copy.path());
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(copy.path().join(&bit.path))
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit.at).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << bit.bit)], bit.at)
        .unwrap();
    copy
}

#[derive(Debug)]
enum Found {
    Whole,
    Refused,
    Wrong(String),
}

fn bounded() -> Options {
    let mut options = options();
    options.open_limit = OPEN_LIMIT;
    options
}

/// Whether the error names the damaged place, and how to restore the store.
fn judge(error: &OpenError) -> Found {
    let is_named = matches!(
        error,
        OpenError::Damaged { .. }
            | OpenError::BehindHead { .. }
            | OpenError::OtherHistory { .. }
            | OpenError::HeadLost { .. }
            | OpenError::SledPanicked { .. }
            | OpenError::SledHung { .. }
    );
    let says = error.to_string();
    if is_named && says.contains("estore the newest backup") {
        Found::Refused
    } else {
        Found::Wrong(format!("not named as damage: {says}"))
    }
}

/// Opens the store and reads all of it.
async fn look(dir: &Path, original: &Original, options: &Options) -> Found {
    match Store::open(dir, options, Arc::new(ScriptedDisk::default())) {
        Ok(store) => tokio::time::timeout(READ_LIMIT, read(&store, original))
            .await
            .unwrap_or_else(|_late| Found::Wrong("reading it hangs".to_owned())),
        Err(error) => judge(&error),
    }
}

async fn read(store: &Store, original: &Original) -> Found {
    if *store.identity() != original.identity || store.created {
        return Found::Wrong("another store".to_owned());
    }
    let (bounds, vault) = (store.bounds(), store.vault());
    let vault = vault.as_ref();
    // The newest trim may be lost. The groups before it are still valid.
    if bounds.newest != original.bounds.newest
        || bounds.base.sequence > original.bounds.base.sequence
    {
        return Found::Wrong(format!(
            "from {:?} to {:?} is served",
            bounds.base, bounds.newest
        ));
    }
    let groups = store
        .log()
        .read(original.bounds.oldest(), usize::MAX)
        .await
        .map(|groups| groups == original.groups);
    let blob = read_blob(vault, "snapshot-1")
        .await
        .map(|frames| frames == original.blob);
    let names = blob_names(vault).await.map(|names| names == ["snapshot-1"]);
    let key = vault
        .get_key("place")
        .await
        .map(|key| key.as_ref() == Some(&original.key));
    for (what, right) in [
        ("groups", groups),
        ("blob", blob),
        ("names", names),
        ("key", key),
    ] {
        match right {
            Ok(true) => {}
            Ok(false) => return Found::Wrong(format!("other {what} are served")),
            Err(JournalError::Damaged { .. }) => return Found::Refused,
            Err(error) => return Found::Wrong(format!("not named as damage: {error}")),
        }
    }
    Found::Whole
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_never_served() {
    let (count, seed) = (
        number_from_environment("AFTERCALL_BIT_FLIPS", 60),
        number_from_environment("AFTERCALL_SEED", rand::random()),
    );
    println!("{count} flips from AFTERCALL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let original = original().await;
    let files = files(original.dir.path());
    let (mut whole, mut refused, mut wrong) = (0, 0, Vec::new());
    for _ in 0..count {
        let bit = pick(&files, &mut random);
        match look(flipped(&original, &bit).path(), &original, &bounded()).await {
            Found::Whole => whole += 1,
            Found::Refused => refused += 1,
            Found::Wrong(what) => wrong.push(format!("{bit:?}: {what}")),
        }
    }
    println!("{refused} refused, {whole} whole");
    assert_eq!(wrong, Vec::<String>::new(), "AFTERCALL_SEED={seed}");
    assert!(
        refused > count / 4,
        "only {refused} of {count} flips were noticed"
    );
}

/// The frames of a blob, decoded without checks.
fn read_without_checks(blob: &[u8], frames: usize, bytes: usize) -> Vec<Bytes> {
    let frame = |n: usize| n * (FRAME_HEADER + bytes + FRAME_SEAL) + FRAME_HEADER;
    (0..frames)
        .map(|n| Bytes::copy_from_slice(&blob[frame(n)..frame(n) + bytes]))
        .collect()
}

/// The negative control for the vault: a reader without checks returns wrong frames for the same
/// flips, and the vault refuses each of them.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_checksums_of_the_vault_flipped_bits_are_served() {
    let original = original().await;
    let mut files = files(original.dir.path());
    files.retain(|(path, _)| path.ends_with("snapshot-1"));
    assert_eq!(read_without_checks(&files[0].1, 5, 20_000), original.blob);
    let (mut random, mut wrong) = (StdRng::seed_from_u64(3), 0);
    for _ in 0..20 {
        let bit = pick(&files, &mut random);
        let copy = flipped(&original, &bit);
        let stored = fs::read(copy.path().join(&bit.path)).unwrap();
        wrong += usize::from(read_without_checks(&stored, 5, 20_000) != original.blob);
        let found = look(copy.path(), &original, &bounded()).await;
        assert!(matches!(found, Found::Refused), "{bit:?}: {found:?}");
    }
    assert!(
        wrong > 15,
        "only {wrong} of 20 flips would have been served"
    );
}

/// The negative control for the log: without the check of the head file, sled opens a log that has
/// lost its end without an error.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_head_file_flipped_bits_lose_entries() {
    let original = original().await;
    let mut files = files(original.dir.path());
    let log = log_directory(original.dir.path());
    files.retain(|(path, _)| path.ends_with(format!("{log}/db")));
    let mut without_head = bounded();
    without_head.rebuild_head = true;
    let (mut random, mut wrong) = (StdRng::seed_from_u64(4), 0);
    for _ in 0..20 {
        let bit = pick(&files, &mut random);
        let unchecked = look(flipped(&original, &bit).path(), &original, &without_head).await;
        wrong += usize::from(matches!(unchecked, Found::Wrong(_)));
        let found = look(flipped(&original, &bit).path(), &original, &bounded()).await;
        assert!(!matches!(found, Found::Wrong(_)), "{bit:?}: {found:?}");
    }
    assert!(
        wrong > 10,
        "only {wrong} of 20 flips would have been served"
    );
}
