//! Shared parts of the journal tests: groups that link, stores to open, and a scripted disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use twox_hash::XxHash3_64;
use workflow_server::journal::{
    Birth, Disk, Group, JournalError, Leading, Log, OpenError, Options, Position, Storage as _,
    Store, Vault, VaultWriter,
};

/// The epoch of every store here.
pub(crate) const EPOCH: &str = "00112233445566778899aabbccddeeff";

/// The name of the directory that holds the log.
pub(crate) fn log_directory(dir: &Path) -> String {
    fs::read_to_string(dir.join("current"))
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_owned()
}

/// A group with `entries` entries and these bytes that follows `newest`.
pub(crate) fn group_of(newest: Position, entries: u64, bytes: Vec<u8>) -> Group {
    let chain = XxHash3_64::oneshot_with_seed(newest.chain, &bytes);
    let first = newest.sequence + 1;
    Group {
        first,
        last: newest.sequence + entries,
        chain_before: newest.chain,
        chain,
        bytes: Bytes::from(bytes),
    }
}

/// A group of this size. Its bytes differ from group to group.
pub(crate) fn group(newest: Position, entries: u64, bytes: usize) -> Group {
    let content = (0..bytes as u64)
        .map(|at| at.wrapping_add(newest.sequence).wrapping_mul(0x9e37) as u8)
        .collect();
    group_of(newest, entries, content)
}

/// Appends a group of this size, and returns it.
pub(crate) async fn append(store: &Store, entries: u64, bytes: usize) -> Group {
    append_by(&store.leading(), store.log().as_ref(), entries, bytes).await
}

/// Appends a group with the leader of any store.
pub(crate) async fn append_by(
    leading: &Leading,
    log: &dyn Log,
    entries: u64,
    bytes: usize,
) -> Group {
    let group = group(log.bounds().await.unwrap().newest, entries, bytes);
    leading.log().append(group.clone()).await.unwrap();
    group
}

/// All groups of a log.
pub(crate) async fn all(log: &dyn Log) -> Vec<Group> {
    let mut found: Vec<Group> = Vec::new();
    let mut from = log.bounds().await.unwrap().oldest();
    loop {
        let groups = log.read(from, 100_000).await.unwrap();
        let Some(last) = groups.last() else {
            return found;
        };
        from = last.last + 1;
        found.extend(groups);
    }
}

/// Writes a finished blob.
pub(crate) async fn write_blob(vault: &dyn VaultWriter, name: &str, frames: &[Bytes]) {
    let mut blob = vault.create(name).await.unwrap();
    for frame in frames {
        blob.write(frame.clone()).await.unwrap();
    }
    blob.finish().await.unwrap();
}

/// All frames of a blob.
pub(crate) async fn read_blob(vault: &dyn Vault, name: &str) -> Result<Vec<Bytes>, JournalError> {
    let (mut frames, mut offset) = (Vec::new(), 0);
    while let Some((frame, next)) = vault.read_frame(name, offset).await? {
        frames.push(frame);
        offset = next;
    }
    Ok(frames)
}

/// The names of all blobs, except the identity of the store.
pub(crate) async fn blob_names(vault: &dyn Vault) -> Result<Vec<String>, JournalError> {
    let mut names = vault.list("").await?;
    names.retain(|name| !name.starts_with("identity-"));
    Ok(names)
}

/// The file of the only blob with the identity.
pub(crate) fn identity_blob(dir: &Path) -> PathBuf {
    let blobs = files_below(&dir.join("vault/blobs"));
    let mut found = blobs.into_iter().filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("identity-"))
    });
    let blob = found.next().unwrap();
    assert_eq!(found.next(), None);
    blob
}

/// The options of the server, for a small disk and a slow machine.
pub(crate) fn options() -> Options {
    let birth = Birth {
        epoch: EPOCH.to_owned(),
        hash_key: *b"0123456789abcdef",
        created_at_millis: 1_795_000_000_000,
    };
    let mut options = Options::new(birth, Arc::new(|why| panic!("stuck: {why}")));
    options.reserve_bytes = 0;
    options.lock_wait = Duration::from_secs(30);
    options
}

/// Opens a store on a disk that does not sync. This is fast, and enough if the machine does not
/// crash.
pub(crate) fn open(dir: &Path) -> Result<Store, OpenError> {
    Store::open(dir, &options(), Arc::new(ScriptedDisk::default()))
}

/// The number in this environment variable, for a long run. Otherwise the number for a short one.
pub(crate) fn number_from_environment(name: &str, short: u64) -> u64 {
    std::env::var(name).map_or(short, |value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number"))
    })
}

type OnSync = Box<dyn FnMut(&Path) -> io::Result<()> + Send>;

/// A disk that does not sync. Each sync calls a function of the test. The test also sets its free
/// space.
pub(crate) struct ScriptedDisk {
    on_sync: Mutex<OnSync>,
    free_bytes: AtomicU64,
}

impl Default for ScriptedDisk {
    fn default() -> Self {
        Self {
            on_sync: Mutex::new(Box::new(|_| Ok(()))),
            free_bytes: AtomicU64::new(u64::MAX),
        }
    }
}

impl ScriptedDisk {
    /// After this call, runs `act` at each sync, with the path.
    pub(crate) fn on_sync(&self, act: impl FnMut(&Path) -> io::Result<()> + Send + 'static) {
        *self.on_sync.lock().unwrap() = Box::new(act);
    }

    /// After this call, each sync of a path with this end fails.
    pub(crate) fn fail_syncs_of(&self, end: &'static str) {
        self.on_sync(move |path| {
            if path.ends_with(end) {
                Err(io::Error::other("the disk is gone"))
            } else {
                Ok(())
            }
        });
    }

    /// Sets the free space.
    pub(crate) fn set_free(&self, bytes: u64) {
        self.free_bytes.store(bytes, Ordering::Relaxed);
    }
}

impl Disk for ScriptedDisk {
    fn sync_data(&self, _file: &File, path: &Path) -> io::Result<()> {
        (self.on_sync.lock().unwrap())(path)
    }

    fn sync_all(&self, _file: &File, path: &Path) -> io::Result<()> {
        (self.on_sync.lock().unwrap())(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        (self.on_sync.lock().unwrap())(path)
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.free_bytes.load(Ordering::Relaxed))
    }
}

/// Copies a closed store. Skips blocks of zeroes, as in the files of sled.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            write_sparse(&target, &fs::read(entry.path()).unwrap());
        }
    }
}

/// Writes a file without its blocks of zeroes.
pub(crate) fn write_sparse(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = File::create(path).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (index, block) in bytes.chunks(4096).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            file.write_all_at(block, index as u64 * 4096).unwrap();
        }
    }
}

/// The files below a directory, except empty ones, sorted.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.metadata().unwrap().len() > 0 {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The longest time for closing. Only a handle that a test forgot to drop takes longer.
const CLOSE_LIMIT: Duration = Duration::from_secs(60);

/// Drops a store and waits until its threads have released the directory.
pub(crate) fn close(store: Store, dir: &Path) {
    drop(store);
    let lock = File::open(dir.join("lock")).unwrap();
    let (taken, wait) = mpsc::channel();
    std::thread::spawn(move || taken.send(lock.lock()));
    wait.recv_timeout(CLOSE_LIMIT)
        .expect("a part of the store is still in use")
        .unwrap();
}
