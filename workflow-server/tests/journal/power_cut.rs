//! Power cuts. After the last sync of a file, any of its changed 4 KiB blocks may have reached the
//! disk. Its length may be the old or the new one. After the last sync of a directory, any of its
//! changed names may have reached the disk. The power may go at any sync: in use, while opening, or
//! while copying. The store must then open, and must have all acknowledged data.
//!
//! `AFTERCALL_POWER_CUTS` is the number of images, `AFTERCALL_SEED` selects them.

mod recorder;
mod workload;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use workflow_server::journal::{Options, Position, Storage as _, Store};

pub(crate) use self::recorder::Recorder;
use self::workload::{Expected, Workload};
use crate::support::{
    ScriptedDisk, all, blob_names, number_from_environment, open, options, read_blob,
};

/// The number of images per run of the workload.
const IMAGES_PER_RUN: usize = 20;
/// The largest number of syncs before the first image of a run. After more syncs, sled reuses its
/// space.
const SYNCS_BEFORE_MAX: u32 = 1_200;
/// The size of the tail. It is small, so that its halves are overwritten often, and the largest
/// groups of the workload do not fit into one.
const TAIL_BYTES: usize = 256 << 10;
/// The longest time for reading all data in an image.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// The data on the disk after a power cut, and what it must contain.
struct Image {
    dir: tempfile::TempDir,
    /// The sync at which the image was made.
    moment: String,
    expected: Expected,
}

/// Makes the images of one run.
struct Cuts {
    recorder: Recorder,
    is_forgotten: fn(&Path) -> bool,
    random: StdRng,
    syncs_before: u32,
    expected: Arc<Mutex<Expected>>,
    images: Vec<Image>,
}

impl Cuts {
    /// Cuts the power right before the sync, right after it, or not at all.
    fn on_sync(&mut self, path: &Path) {
        self.maybe_cut("before", path);
        if !(self.is_forgotten)(path) {
            self.recorder.synced(path);
        }
        self.syncs_before = self.syncs_before.saturating_sub(1);
        self.maybe_cut("after", path);
    }

    fn maybe_cut(&mut self, when: &str, path: &Path) {
        let is_cut = self.syncs_before == 0 && !self.are_enough() && self.random.random_bool(0.1);
        if is_cut {
            let dir = tempfile::tempdir().unwrap();
            self.recorder.image(dir.path(), &mut self.random);
            let moment = format!("{when} the sync of {}", path.display());
            self.images.push(Image {
                dir,
                moment,
                expected: self.expected.lock().unwrap().clone(),
            });
        }
    }

    fn are_enough(&self) -> bool {
        self.images.len() >= IMAGES_PER_RUN
    }
}

/// Runs the workload once, and cuts the power at random syncs. The syncs that `is_forgotten`
/// selects do nothing.
async fn cut(seed: u64, is_forgotten: fn(&Path) -> bool) -> Vec<Image> {
    let dir = tempfile::tempdir().unwrap();
    let mut workload = Workload::new(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let cuts = Arc::new(Mutex::new(Cuts {
        recorder: Recorder::new(dir.path()),
        is_forgotten,
        // The power may go only after the store was created.
        syncs_before: u32::MAX,
        expected: workload.expected(),
        images: Vec::new(),
        random: StdRng::seed_from_u64(random.random()),
    }));
    let disk = Arc::new(ScriptedDisk::default());
    let watching = Arc::clone(&cuts);
    disk.on_sync(move |path| {
        watching.lock().unwrap().on_sync(path);
        Ok(())
    });
    let reopen = |fresh_copy| {
        let options = Options {
            fresh_copy,
            tail_bytes: TAIL_BYTES,
            ..options()
        };
        Store::open(dir.path(), &options, disk.clone()).unwrap()
    };
    let store = reopen(false);
    cuts.lock().unwrap().syncs_before = random.random_range(0..SYNCS_BEFORE_MAX);
    workload
        .run(store, dir.path(), reopen, || {
            cuts.lock().unwrap().are_enough()
        })
        .await;
    std::mem::take(&mut cuts.lock().unwrap().images)
}

/// What is wrong with an image. `None` if it is correct. If sled hangs while opening, the store
/// refuses with an error.
async fn fault(image: &Image) -> Option<String> {
    let store = match open(image.dir.path()) {
        Ok(store) => store,
        Err(error) => return Some(format!("refused: {error}")),
    };
    let read = tokio::time::timeout(READ_LIMIT, fault_of_content(&store, &image.expected));
    read.await
        .unwrap_or_else(|_late| Some("reading it hangs".to_owned()))
}

async fn fault_of_content(store: &Store, expected: &Expected) -> Option<String> {
    let Expected {
        groups,
        acknowledged,
        ..
    } = expected;
    let bounds = store.bounds();
    if bounds.newest.sequence < *acknowledged {
        return Some(format!(
            "{} is the newest, {acknowledged} was acknowledged",
            bounds.newest.sequence
        ));
    }
    if bounds.base.sequence > expected.trimmed_upto {
        return Some(format!(
            "trimmed up to {}, but requested was {}",
            bounds.base.sequence, expected.trimmed_upto
        ));
    }
    let kept = all(store.log().as_ref()).await;
    let written: Vec<_> = groups
        .iter()
        .filter(|group| group.first > bounds.base.sequence)
        .collect();
    if !kept.iter().eq(written.iter().copied().take(kept.len())) {
        return Some("the groups are not those that were written".to_owned());
    }
    let end = kept.last().map_or(bounds.base, |group| Position {
        sequence: group.last,
        chain: group.chain,
    });
    if end != bounds.newest {
        return Some(format!(
            "the groups end at {}, the log at {}",
            end.sequence, bounds.newest.sequence
        ));
    }
    fault_of_vault(store, expected).await
}

async fn fault_of_vault(store: &Store, expected: &Expected) -> Option<String> {
    for name in blob_names(store.vault().as_ref()).await.unwrap() {
        match read_blob(store.vault().as_ref(), &name).await {
            Ok(frames) if expected.may_hold(&name, Some(&frames)) => {}
            Ok(_) => return Some(format!("blob {name} differs from what was written")),
            Err(error) => return Some(format!("blob {name} does not read: {error}")),
        }
    }
    for name in expected.names() {
        let read = read_blob(store.vault().as_ref(), name).await.ok();
        if !expected.may_hold(name, read.as_deref()) {
            return Some(format!("blob {name} was acknowledged and is gone"));
        }
    }
    match store.vault().get_key("place").await {
        Ok(key) if expected.may_hold_key(key.as_ref()) => None,
        Ok(_) => Some("the key has another value than was acknowledged".to_owned()),
        Err(error) => Some(format!("the key does not read: {error}")),
    }
}

/// The errors in this many images.
async fn faults(seed: u64, images: usize, is_forgotten: fn(&Path) -> bool) -> Vec<String> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    for run in 0.. {
        for image in cut(seed.wrapping_add(run), is_forgotten).await {
            if looked_at == images {
                return found;
            }
            looked_at += 1;
            let fault = fault(&image).await;
            let seed = seed.wrapping_add(run);
            found.extend(
                fault.map(|fault| format!("AFTERCALL_SEED={seed}, {}: {fault}", image.moment)),
            );
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_moment_loses_nothing() {
    let seed = number_from_environment("AFTERCALL_SEED", rand::random());
    let images = number_from_environment("AFTERCALL_POWER_CUTS", 40) as usize;
    println!("{images} images from AFTERCALL_SEED={seed}");
    assert_eq!(faults(seed, images, |_| false).await, Vec::<String>::new());
}

/// The negative control: without the sync of the tail, acknowledged groups are lost. Only those that
/// the mover has not written to sled yet are, so many images are whole.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_tail_sync_a_power_cut_loses_data() {
    let images = 40;
    let found = faults(9, images, |path| path.ends_with("tail")).await;
    println!("{} of {images} images are broken", found.len());
    assert!(
        found.len() >= images / 10,
        "only these of {images} images are broken: {found:?}"
    );
}

/// The negative control: without the extra sync of the log's file, the flush of sled is not enough.
#[tokio::test(flavor = "multi_thread")]
async fn without_our_log_sync_a_power_cut_loses_data() {
    let images = 20;
    let found = faults(7, images, |path| path.ends_with("db")).await;
    assert!(
        found.len() >= images / 2,
        "only these of {images} images are broken: {found:?}"
    );
}

/// The negative control for the vault: without the syncs of its files, a finished blob is a name
/// without content.
#[tokio::test(flavor = "multi_thread")]
async fn without_vault_syncs_a_power_cut_loses_data() {
    let is_in_vault = |path: &Path| path.components().any(|part| part.as_os_str() == "vault");
    let found = faults(11, 20, is_in_vault).await;
    assert!(
        found.len() >= 3,
        "only these of 20 images are broken: {found:?}"
    );
}
