//! Power cuts: of everything that was written since the last sync of a file, any subset of its blocks of 4 KiB may have
//! reached the disk, and its length may be the old or the new one; of the names that changed in a directory since its last
//! sync, any may. Whatever is left of a store at any sync, opening it finds everything that was acknowledged.
//!
//! `AFTERCALL_POWER_CUTS` says how many images are built, `AFTERCALL_SEED` which ones.

mod recorder;
mod workload;

use std::path::Path;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use workflow_server::journal::{Position, Store};

use self::recorder::Recorder;
use self::workload::{Expected, Workload};
use crate::support::{ToldDisk, all, options, read_blob};

/// Images of one run of the workload.
const IMAGES_PER_RUN: usize = 20;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What was left on the disk, and what must be found in it.
struct Image {
    dir: tempfile::TempDir,
    expected: Expected,
}

/// Runs the workload once; at random syncs the power goes. With `is_forgotten` a sync of such a file does nothing.
async fn cut(seed: u64, is_forgotten: fn(&Path) -> bool) -> Vec<Image> {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ToldDisk::default());
    let recorder = Arc::new(Mutex::new(Recorder::new(dir.path())));
    let recording = Arc::clone(&recorder);
    disk.on_sync(move |path| {
        if !is_forgotten(path) {
            recording.lock().unwrap().synced(path);
        }
        Ok(())
    });
    let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
    let workload = Workload::new(seed);
    let images: Arc<Mutex<Vec<Image>>> = Arc::default();
    let mut random = StdRng::seed_from_u64(seed);
    let (told, expected) = (Arc::clone(&images), workload.expected());
    disk.on_sync(move |path| {
        // The power goes right before the sync has done its work, or right after.
        let mut recorder = recorder.lock().unwrap();
        let (before, after) = (random.random_bool(0.1), random.random_bool(0.1));
        let mut take = |recorder: &Recorder| {
            let mut images = told.lock().unwrap();
            if images.len() < IMAGES_PER_RUN {
                let dir = tempfile::tempdir().unwrap();
                recorder.image(dir.path(), &mut random);
                images.push(Image { dir, expected: expected.lock().unwrap().clone() });
            }
        };
        if before {
            take(&recorder);
        }
        if !is_forgotten(path) {
            recorder.synced(path);
        }
        if after {
            take(&recorder);
        }
        Ok(())
    });
    workload.run(&store, || images.lock().unwrap().len() >= IMAGES_PER_RUN).await;
    drop(store);
    std::mem::take(&mut images.lock().unwrap())
}

/// What is wrong with an image, if anything.
async fn fault(image: &Image) -> Option<String> {
    let store = match Store::open(image.dir.path(), &options(), Arc::new(ToldDisk::default())) {
        Ok(store) => store,
        Err(error) => return Some(format!("refused: {error}")),
    };
    let Expected { groups, acknowledged, .. } = &image.expected;
    let bounds = store.log.bounds();
    if bounds.newest.sequence < *acknowledged {
        return Some(format!("{} is the newest, {acknowledged} was acknowledged", bounds.newest.sequence));
    }
    if bounds.base.sequence > image.expected.trimmed_upto {
        return Some(format!("trimmed up to {}, asked was {}", bounds.base.sequence, image.expected.trimmed_upto));
    }
    let kept = all(store.log.as_ref()).await;
    let written: Vec<_> = groups.iter().filter(|group| group.first > bounds.base.sequence).collect();
    if !kept.iter().eq(written.iter().copied().take(kept.len())) {
        return Some("the groups are not those that were written".to_owned());
    }
    let end = kept.last().map_or(bounds.base, |group| Position { sequence: group.last, chain: group.chain });
    if end != bounds.newest {
        return Some(format!("the groups end at {}, the log at {}", end.sequence, bounds.newest.sequence));
    }
    fault_of_vault(&store, &image.expected).await
}

async fn fault_of_vault(store: &Store, expected: &Expected) -> Option<String> {
    for name in store.vault.list("").await.unwrap() {
        match read_blob(store.vault.as_ref(), &name).await {
            Ok(frames) if expected.may_hold(&name, Some(&frames)) => {}
            Ok(_) => return Some(format!("blob {name} is not what was written")),
            Err(error) => return Some(format!("blob {name} does not read: {error}")),
        }
    }
    for name in expected.names() {
        let read = read_blob(store.vault.as_ref(), name).await.ok();
        if !expected.may_hold(name, read.as_deref()) {
            return Some(format!("blob {name} was acknowledged and is gone"));
        }
    }
    let key = store.vault.get_key("place").await.ok()?;
    (!expected.may_hold_key(key.as_ref())).then(|| "the key has another value than was acknowledged".to_owned())
}

/// The faults of so many images.
async fn faults(seed: u64, images: usize, is_forgotten: fn(&Path) -> bool) -> Vec<String> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    for run in 0.. {
        for image in cut(seed.wrapping_add(run), is_forgotten).await {
            if looked_at == images {
                return found;
            }
            looked_at += 1;
            found.extend(fault(&image).await.map(|fault| format!("seed {}: {fault}", seed.wrapping_add(run))));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_power_goes_at_any_moment() {
    let seed = asked("AFTERCALL_SEED").unwrap_or_else(rand::random);
    let images = asked("AFTERCALL_POWER_CUTS").unwrap_or(60) as usize;
    println!("{images} images from AFTERCALL_SEED={seed}");
    assert_eq!(faults(seed, images, |_| false).await, Vec::<String>::new());
}

/// The negative control: with the extra sync of the log's file switched off, what sled calls a flush is not enough.
#[tokio::test(flavor = "multi_thread")]
async fn without_our_own_sync_of_the_log_the_same_test_finds_losses() {
    let images = 20;
    let found = faults(7, images, |path| path.ends_with("db")).await;
    assert!(found.len() >= images / 2, "of {images} images only these were found broken: {found:?}");
}

/// The negative control for the vault: without the syncs of its files a finished blob is a name without content.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_syncs_of_the_vault_the_same_test_finds_losses() {
    let is_in_vault = |path: &Path| path.components().any(|part| part.as_os_str() == "vault");
    let found = faults(11, 20, is_in_vault).await;
    assert!(!found.is_empty());
}
