//! Verifies a backup, or the data directory of a stopped server. Checks every checksum, the chain
//! of entries, and that snapshots equal the result of a replay.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use aftercall_engine::world::World;

use super::replay::{At, Until, snapshots};
use super::{BackupDirectory, BackupError, ERASURES, IDENTITY, Manifest, frames, opened};
use crate::journal::{
    Birth, IDENTITY_FILE, Identity, JournalError, Log, Options, RealDisk, Storage as _, Store,
    Vault,
};
use crate::ledger::capture::{archive_name, history_entries, history_range};
use crate::records::{ChunkContent, ChunkFilter, WorldImage, decode_erasure, snapshot_frames};

/// What a successful check has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The position in the journal.
    pub sequence: u64,
    /// The number of files with a correct checksum.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The number of journal entries that were replayed.
    pub replayed: u64,
    /// The number of snapshots that equal the result of a replay. Zero if no older snapshot allows
    /// a replay.
    pub equal_snapshots: u64,
    /// The number of entries read from the packed history.
    pub history: u64,
    /// The number of archive chunks that were read.
    pub archive: u64,
}

/// Checks the sizes and checksums of the files of a generation. Skips those in `seen`, and adds the
/// others to it. Calls `progress` with the number of bytes that were read.
///
/// # Errors
/// [`BackupError::Damaged`] with the name of the first invalid file.
pub fn verify_files(
    directory: &BackupDirectory,
    manifest: &Manifest,
    seen: &mut HashSet<String>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), BackupError> {
    for file in &manifest.files {
        if !seen.insert(file.pool_name()) {
            continue;
        }
        let path = directory.path_of(file);
        let (bytes, checksum) = frames::sum_of(&path).map_err(BackupError::io("reading", &path))?;
        if bytes != file.bytes {
            return Err(BackupError::damaged(
                &path,
                format!("it has {bytes} bytes, and had {}", file.bytes),
            ));
        }
        if checksum != file.checksum {
            return Err(BackupError::damaged(&path, "its checksum does not match"));
        }
        progress(bytes);
    }
    Ok(())
}

/// Verifies the content of a generation whose files have been checked.
///
/// # Errors
/// [`BackupError`] about the first error, with its place.
pub async fn verify_backup(
    directory: &BackupDirectory,
    manifest: &Manifest,
) -> Result<Verified, BackupError> {
    directory.erasures()?;
    identity_of(directory, manifest)?;
    if let Some(file) = manifest.file(ERASURES) {
        let path = directory.path_of(file);
        for frame in frames::read_all(&path).map_err(BackupError::io("reading", &path))? {
            decode_erasure(&frame)?;
        }
    }
    let (log, vault) = opened::open(directory, manifest)?;
    let checked = check(log.as_ref(), vault.as_ref()).await?;
    Ok(Verified {
        files: manifest.files.len() as u64,
        bytes: manifest.bytes(),
        ..checked
    })
}

/// The identity in a generation.
pub(super) fn identity_of(
    directory: &BackupDirectory,
    manifest: &Manifest,
) -> Result<Identity, BackupError> {
    let file = manifest
        .file(IDENTITY)
        .ok_or_else(|| BackupError::Unsound("the backup has no identity".to_owned()))?;
    let path = directory.path_of(file);
    let frames = frames::read_all(&path).map_err(BackupError::io("reading", &path))?;
    let identity = frames.first().and_then(|text| Identity::from_text(text));
    identity.ok_or_else(|| BackupError::damaged(&path, "it is not a valid identity"))
}

/// Verifies the data directory of a stopped server. Opening it does the checks of a start first.
///
/// # Errors
/// [`BackupError`].
pub async fn verify_store(dir: &Path) -> Result<Verified, BackupError> {
    let store = open_store(dir).await?;
    let mut verified = check(store.log().as_ref(), store.vault().as_ref()).await?;
    for name in store.vault().list("").await? {
        let mut offset = 0;
        while let Some((_, next)) = store.vault().read_frame(&name, offset).await? {
            offset = next;
        }
        verified.files += 1;
        verified.bytes += offset;
    }
    Ok(verified)
}

/// Opens a store that exists.
pub(super) async fn open_store(dir: &Path) -> Result<Store, BackupError> {
    if !dir.join(IDENTITY_FILE).exists() {
        return Err(BackupError::Unsound(format!(
            "there is no store and no backup in {}",
            dir.display()
        )));
    }
    let birth = Birth {
        epoch: String::new(),
        hash_key: [0; 16],
        created_at_millis: 0,
    };
    let options = Options::new(birth, Arc::new(crate::server::end_process));
    let (dir, at) = (dir.to_owned(), dir.display().to_string());
    let opening =
        tokio::task::spawn_blocking(move || Store::open(&dir, &options, Arc::new(RealDisk)));
    let cut_off = |panic: tokio::task::JoinError| {
        BackupError::Unsound(format!("opening {at} has failed: {panic}"))
    };
    Ok(opening.await.map_err(cut_off)??)
}

/// Verifies the content of a journal and a vault.
///
/// # Errors
/// [`BackupError`].
pub(super) async fn check(log: &dyn Log, vault: &dyn Vault) -> Result<Verified, BackupError> {
    let bounds = log.bounds().await?;
    let mut verified = Verified {
        sequence: bounds.newest.sequence,
        ..Verified::default()
    };
    let world = check_replay(log, vault, &mut verified).await?;
    check_history(vault, bounds.base.sequence, &mut verified).await?;
    for chunk in world.root().archive.chunks.values() {
        let name = archive_name(chunk.file);
        let content = read_chunk(vault, &name).await?;
        if (content.calls.len() as u64, content.instances.len() as u64)
            != (u64::from(chunk.calls), u64::from(chunk.instances))
        {
            return Err(BackupError::Unsound(format!(
                "the World and {name} have different numbers of calls and instances"
            )));
        }
        verified.archive += 1;
    }
    Ok(verified)
}

/// Replays from the oldest snapshot, or from the first entry if the journal has it. Compares every
/// snapshot on the way.
async fn check_replay(
    log: &dyn Log,
    vault: &dyn Vault,
    verified: &mut Verified,
) -> Result<World, BackupError> {
    let bounds = log.bounds().await?;
    let mut rest = snapshots(vault).await?.into_iter();
    let mut at = if bounds.base.sequence == 0 {
        At::beginning()
    } else {
        let (sequence, name) = rest
            .next()
            .ok_or_else(|| BackupError::Unsound("there is no snapshot".to_owned()))?;
        if sequence < bounds.base.sequence {
            return Err(BackupError::Unsound(format!(
                "{name} is older than the journal, which begins at {}",
                bounds.oldest()
            )));
        }
        At::snapshot(vault, &name).await?
    };
    let first = at.position.sequence;
    for (sequence, name) in rest {
        at.replay(log, Until::Sequence(sequence)).await?;
        let stored = At::snapshot(vault, &name).await?;
        if at.position != stored.position || !is_equal(&at.world, &stored.world) {
            return Err(BackupError::Unsound(format!(
                "{name} differs from a replay of the journal up to {sequence}"
            )));
        }
        verified.equal_snapshots += 1;
    }
    at.replay(log, Until::Newest).await?;
    if at.position != bounds.newest {
        let (found, expected) = (at.position.sequence, bounds.newest.sequence);
        return Err(BackupError::Unsound(format!(
            "the journal leads to entry {found} and not to {expected}, or with another chain hash"
        )));
    }
    verified.replayed = at.position.sequence - first;
    Ok(at.world)
}

/// Whether a replayed World equals that of a snapshot, byte for byte. How long request ids are kept
/// is a setting of the server. So the ids of the snapshot must be the newest of the replayed ones.
fn is_equal(replayed: &World, stored: &World) -> bool {
    let marks = |world: &World| -> Vec<_> {
        world
            .requests()
            .marks()
            .iter()
            .map(|mark| (mark.at, mark.key, mark.remembered))
            .collect()
    };
    let bytes = |world: &World| {
        let mut bytes = Vec::new();
        let written: Result<(), std::convert::Infallible> =
            snapshot_frames(&WorldImage::without_marks(world), |frame| {
                bytes.push(xxh3(&frame));
                Ok(())
            });
        written.map(|()| bytes)
    };
    marks(replayed).ends_with(&marks(stored)) && bytes(replayed) == bytes(stored)
}

fn xxh3(bytes: &[u8]) -> u64 {
    twox_hash::XxHash3_64::oneshot(bytes)
}

/// Checks that every chunk is readable and has the entries of its name, in order. Also that none is
/// missing up to the beginning of the journal.
async fn check_history(
    vault: &dyn Vault,
    journal_base: u64,
    verified: &mut Verified,
) -> Result<(), BackupError> {
    let mut newest = 0;
    for name in vault.list("").await? {
        let Some((first, last)) = history_range(&name) else {
            continue;
        };
        let (mut offset, mut read) = (0, 0);
        while let Some((frame, next)) = vault.read_frame(&name, offset).await? {
            for entry in history_entries(&frame)? {
                if entry.sequence != first + read {
                    return Err(BackupError::Unsound(format!(
                        "{name} holds entry {} out of order",
                        entry.sequence
                    )));
                }
                read += 1;
            }
            offset = next;
        }
        if first + read != last + 1 {
            return Err(BackupError::Unsound(format!(
                "{name} ends at {}",
                first + read - 1
            )));
        }
        verified.history += read;
        newest = newest.max(last);
    }
    // Empty chunks are removed. So there may be gaps, but not directly before the journal.
    if newest < journal_base && newest > 0 {
        return Err(BackupError::Unsound(format!(
            "the history ends at {newest}, and the journal begins at {}",
            journal_base + 1
        )));
    }
    Ok(())
}

async fn read_chunk(vault: &dyn Vault, name: &str) -> Result<ChunkContent, BackupError> {
    let short = || BackupError::Unsound(format!("{name} is too short"));
    let first = match vault.read_frame(name, 0).await {
        Err(JournalError::NotFound { .. }) => {
            return Err(BackupError::Unsound(format!("{name} is missing")));
        }
        first => first?,
    };
    let (filter, next) = first.ok_or_else(short)?;
    ChunkFilter::read(&filter)?;
    let (content, _) = vault.read_frame(name, next).await?.ok_or_else(short)?;
    Ok(ChunkContent::read(&content)?)
}
