//! One bit flipped anywhere in the data directory: the store is refused with a named error, or serves what verifies; it
//! never serves anything else.
//!
//! `AFTERCALL_BIT_FLIPS` says how many, `AFTERCALL_SEED` which.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;
use workflow_server::journal::{Group, JournalError, OpenError, Store};

use crate::support::{ToldDisk, append, close, copy_directory, files_below, open, options, read_blob, write_blob};

struct Original {
    dir: TempDir,
    groups: Vec<Group>,
    blob: Vec<Bytes>,
    key: Bytes,
}

async fn original() -> Original {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let mut groups = Vec::new();
    for at in 0..30 {
        groups.push(append(store.log.as_ref(), 3, [300, 8_000, 60_000][at % 3]).await);
    }
    store.log.trim(30).await.unwrap();
    let blob: Vec<Bytes> = (0..5_u8).map(|n| Bytes::from(vec![n; 20_000])).collect();
    write_blob(store.vault.as_ref(), "snapshot-1", &blob).await;
    let key = Bytes::from_static(b"a place");
    store.vault.put_key("place", key.clone()).await.unwrap();
    close(store, dir.path());
    Original { dir, groups: groups.split_off(10), blob, key }
}

/// Where content lies: blocks of nothing but zeroes are the unused part of sled's files.
fn used_bytes(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut places = Vec::new();
    for path in files_below(dir) {
        for (block, bytes) in fs::read(&path).unwrap().chunks(512).enumerate() {
            if bytes.iter().any(|byte| *byte != 0) {
                places.extend((0..bytes.len() as u64).map(|at| (path.clone(), block as u64 * 512 + at)));
            }
        }
    }
    places
}

fn flip(path: &Path, at: u64, bit: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
}

#[derive(Debug, PartialEq)]
enum Found {
    Whole,
    /// With the sentence.
    Refused(String),
    Wrong(&'static str),
}

async fn look(dir: &Path, original: &Original) -> Found {
    let mut bounded = options();
    bounded.open_limit = Duration::from_secs(10);
    let store = match Store::open(dir, &bounded, Arc::new(ToldDisk::default())) {
        Ok(store) => store,
        Err(OpenError::SledHung { .. }) => return Found::Refused("it hung, and the time limit ended it".to_owned()),
        Err(error) => return Found::Refused(error.to_string()),
    };
    let refused = |error: JournalError| Found::Refused(error.to_string());
    match store.log.read(31, usize::MAX).await {
        Ok(groups) if groups == original.groups => {}
        Ok(_) => return Found::Wrong("groups"),
        Err(error) => return refused(error),
    }
    match read_blob(store.vault.as_ref(), "snapshot-1").await {
        Ok(frames) if frames == original.blob => {}
        Ok(_) => return Found::Wrong("blob"),
        Err(error) => return refused(error),
    }
    match store.vault.get_key("place").await {
        Ok(Some(key)) if key == original.key => Found::Whole,
        Ok(_) => Found::Wrong("key"),
        Err(error) => refused(error),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_never_served() {
    let asked = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let (count, seed) =
        (asked("AFTERCALL_BIT_FLIPS").unwrap_or(60), asked("AFTERCALL_SEED").unwrap_or_else(rand::random));
    println!("{count} flips from AFTERCALL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let original = original().await;
    let places = used_bytes(original.dir.path());
    let (mut whole, mut refused) = (0, 0);
    for _ in 0..count {
        let copy = tempfile::tempdir().unwrap();
        copy_directory(original.dir.path(), copy.path());
        let (path, at) = &places[random.random_range(0..places.len())];
        let path = path.strip_prefix(original.dir.path()).unwrap();
        flip(&copy.path().join(path), *at, random.random_range(0..8));
        match look(copy.path(), &original).await {
            Found::Whole => whole += 1,
            Found::Refused(sentence) => {
                assert!(sentence.len() > 20, "{}: {sentence}", path.display());
                refused += 1;
            }
            Found::Wrong(what) => {
                panic!("a bit of {} at {at} was flipped, and the {what} served wrong", path.display())
            }
        }
    }
    println!("{refused} refused, {whole} whole");
    assert!(refused > 0, "some of the bits must matter");
}

/// The negative control: read without the checks, flipped bits do come out wrong.
#[tokio::test]
async fn without_the_checks_flipped_bits_come_out_wrong() {
    let original = original().await;
    let path = original.dir.path().join("vault/blobs/snapshot-1");
    let stored = fs::read(&path).unwrap();
    let frame = &original.blob[3];
    let place = |bytes: &[u8]| bytes.windows(frame.len()).any(|window| window == &frame[..]);
    assert!(place(&stored), "the content lies there as it is");
    let at = stored.windows(4).position(|window| window == &frame[..4]).unwrap() + 50;
    flip(&path, at as u64, 3);
    assert!(!place(&fs::read(&path).unwrap()), "a reader without checks would take this for the frame");
    assert!(matches!(look(original.dir.path(), &original).await, Found::Refused(_)));
}
