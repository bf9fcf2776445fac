//! Records which data of a directory is durable, and builds images of what a power cut may leave.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::support::write_sparse;

/// The size of a block that a disk writes as a whole.
const BLOCK: usize = 4096;

/// Identifies a file under any name. The system reuses numbers, so the time of creation is
/// included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FileId(u64, Option<SystemTime>);

pub(crate) struct Recorder {
    root: PathBuf,
    /// The content at the last sync of each file.
    contents: HashMap<FileId, Vec<u8>>,
    /// The names at the last sync of each directory.
    names: BTreeMap<PathBuf, FileId>,
}

fn id(path: &Path) -> Option<FileId> {
    let metadata = fs::metadata(path).ok()?;
    Some(FileId(metadata.ino(), metadata.created().ok()))
}

impl Recorder {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            contents: HashMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// A recorder for a directory that is completely durable.
    pub(crate) fn of_synced(root: &Path) -> Self {
        let mut recorder = Self::new(root);
        let mut present = BTreeMap::new();
        walk(root, &mut present);
        for (path, file) in &present {
            recorder.contents.insert(*file, fs::read(path).unwrap());
        }
        recorder.names = present;
        recorder
    }

    /// Notes that a file or directory has been synced.
    pub(crate) fn synced(&mut self, path: &Path) {
        if path.is_dir() {
            // A removed directory removes all that was in it.
            let is_gone = |name: &Path| {
                name.ancestors()
                    .skip(1)
                    .any(|above| above.parent() == Some(path) && !above.is_dir())
            };
            self.names
                .retain(|name, _| name.parent() != Some(path) && !is_gone(name));
            for entry in fs::read_dir(path).unwrap().filter_map(Result::ok) {
                let file = entry.path().is_file().then(|| id(&entry.path())).flatten();
                self.names.extend(file.map(|file| (entry.path(), file)));
            }
        } else if let (Some(file), Ok(content)) = (id(path), fs::read(path)) {
            self.contents.insert(file, content);
        }
    }

    /// Builds a possible content of the disk after a power cut now.
    pub(crate) fn image(&self, to: &Path, random: &mut StdRng) {
        let mut present = BTreeMap::new();
        walk(&self.root, &mut present);
        let contents: HashMap<FileId, Vec<u8>> = present
            .iter()
            .filter_map(|(path, file)| Some((*file, fs::read(path).ok()?)))
            .collect();
        // Sometimes nothing or everything has reached the disk, otherwise a part.
        let share = [0.0, 0.1, 0.5, 0.5, 0.9, 1.0][random.random_range(0..6)];
        let names: BTreeSet<&PathBuf> = self.names.keys().chain(present.keys()).collect();
        for name in names {
            let (old, new) = (self.names.get(name), present.get(name));
            let Some(file) = (if old == new || random.random_bool(share) {
                new
            } else {
                old
            }) else {
                continue;
            };
            let old = self.contents.get(file).map_or(&[][..], Vec::as_slice);
            let new = contents.get(file).map_or(old, Vec::as_slice);
            let old = if is_synced_by_sled(name) { new } else { old };
            let target = to.join(name.strip_prefix(&self.root).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            write_sparse(&target, &mix(old, new, share, random));
        }
        // These directories are made and synced at the creation of the store.
        for dir in ["vault/blobs", "vault/keys", "vault/tmp"] {
            fs::create_dir_all(to.join(dir)).unwrap();
        }
    }
}

/// sled 0.34.7 syncs a snapshot itself before it gives it its name, and never writes to it again.
fn is_synced_by_sled(name: &Path) -> bool {
    let name = name
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    name.starts_with("snap.") && !name.ends_with(".generating")
}

fn mix(old: &[u8], new: &[u8], share: f64, random: &mut StdRng) -> Vec<u8> {
    let length = if random.random_bool(share) {
        new.len()
    } else {
        old.len()
    };
    let mut mixed = vec![0; length];
    for (at, block) in mixed.chunks_mut(BLOCK).enumerate() {
        let (start, end) = (at * BLOCK, at * BLOCK + block.len());
        let part = |content: &[u8]| {
            content
                .get(start..end.min(content.len()))
                .map(<[u8]>::to_vec)
                .unwrap_or_default()
        };
        let (old, new) = (part(old), part(new));
        let written = if old == new || random.random_bool(share) {
            new
        } else {
            old
        };
        block[..written.len()].copy_from_slice(&written);
    }
    mixed
}

fn walk(dir: &Path, found: &mut BTreeMap<PathBuf, FileId>) {
    for entry in fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.extend(id(&path).map(|file| (path, file)));
        }
    }
}
