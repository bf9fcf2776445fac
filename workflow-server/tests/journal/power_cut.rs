//! Power cuts: of everything that was written since the last sync of a file, any subset of its
//! blocks of 4 KiB may have reached the disk, and its length may be the old or the new one; of the
//! names that changed in a directory since its last sync, any may. Each store that is left at any
//! sync, in use or while it is opened or copied, can be opened and has everything that was
//! acknowledged.
//!
//! `AFTERCALL_POWER_CUTS` says how many images are built, `AFTERCALL_SEED` which ones.

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
use crate::support::{ScriptedDisk, all, asked, blob_names, open, options, read_blob};

/// Images of one run of the workload.
const IMAGES_PER_RUN: usize = 20;
/// A run is at most so many syncs old when its first image is taken: sled reuses its space before
/// that.
const SYNCS_BEFORE_MAX: u32 = 1_200;
/// Reading everything in an image may take so long.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// What was left on the disk, and what must be found in it.
struct Image {
    dir: tempfile::TempDir,
    /// At which sync it was taken.
    moment: String,
    expected: Expected,
}

/// Takes the images of one run.
struct Cuts {
    recorder: Recorder,
    is_forgotten: fn(&Path) -> bool,
    random: StdRng,
    syncs_before: u32,
    expected: Arc<Mutex<Expected>>,
    images: Vec<Image>,
}

impl Cuts {
    /// The power goes right before the sync has done its work, or right after, or not.
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

/// Runs the workload once; at random syncs the power goes. A sync of a file that is forgotten does
/// nothing.
async fn cut(seed: u64, is_forgotten: fn(&Path) -> bool) -> Vec<Image> {
    let dir = tempfile::tempdir().unwrap();
    let mut workload = Workload::new(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let cuts = Arc::new(Mutex::new(Cuts {
        recorder: Recorder::new(dir.path()),
        is_forgotten,
        // The first store is made whole before the power may go.
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

/// What is wrong with an image, if anything. A hang in sled's opening is ended by the store, as a
/// refusal.
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
            "trimmed up to {}, asked was {}",
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
            Ok(_) => return Some(format!("blob {name} is not what was written")),
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

/// The faults of so many images.
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
async fn nothing_is_lost_when_the_power_goes_at_any_moment() {
    let seed = asked("AFTERCALL_SEED", rand::random());
    let images = asked("AFTERCALL_POWER_CUTS", 40) as usize;
    println!("{images} images from AFTERCALL_SEED={seed}");
    assert_eq!(faults(seed, images, |_| false).await, Vec::<String>::new());
}

/// The negative control: with the extra sync of the log's file switched off, what sled calls a
/// flush is not enough.
#[tokio::test(flavor = "multi_thread")]
async fn without_our_log_sync_a_power_cut_loses_data() {
    let images = 20;
    let found = faults(7, images, |path| path.ends_with("db")).await;
    assert!(
        found.len() >= images / 2,
        "of {images} images only these were found broken: {found:?}"
    );
}

/// The negative control for the vault: without the syncs of its files a finished blob is a name
/// without content.
#[tokio::test(flavor = "multi_thread")]
async fn without_vault_syncs_a_power_cut_loses_data() {
    let is_in_vault = |path: &Path| path.components().any(|part| part.as_os_str() == "vault");
    let found = faults(11, 20, is_in_vault).await;
    assert!(
        found.len() >= 3,
        "of 20 images only these were found broken: {found:?}"
    );
}
