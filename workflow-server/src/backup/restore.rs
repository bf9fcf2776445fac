//! Restores a backup into an empty directory, up to its newest entry or an earlier point. The
//! result is a store with its own epoch.
//!
//! Promise: the restored store is the World of the server at that point, with its history and
//! archive. A directory whose restore was interrupted never opens. Callers who were erased since
//! the backup are erased again before the directory is complete.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::erasure::Erasure;

use super::choosing::{Checking, Chosen, choose, point};
use super::erasures::calls_at;
use super::options::RestoreOptions;
use super::replay::{At, Until, snapshot_time, snapshots};
use super::restored_clock::{ClockAtStart, give_sign};
use super::verify::{identity_of, open_store, verify_files};
use super::{BackupDirectory, BackupError, KnownErasure, Manifest, opened, reerase};
use crate::journal::{
    Birth, Group, Identity, Log, LogWriter, OpenError, Options, RealDisk, Storage as _, Store,
    Vault, VaultWriter, restoring,
};
use crate::ledger::capture::{archive_name, history_range};
use crate::limits::RECOVERY_READ_BYTES;
use crate::records::cut_group;

/// The result of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The generation that was restored.
    pub generation: u32,
    /// The later generations whose journals were used from its end to the point.
    pub later: Vec<u32>,
    /// The sequence of the newest restored entry.
    pub sequence: u64,
    /// The time of that entry.
    pub at: Time,
    /// How many entries of the backup are after the point and were left out.
    pub left_out: u64,
    /// The erasures that the World at the point does not have yet.
    pub erasures: Vec<KnownErasure>,
    /// How many calls were erased again.
    pub erased_calls: u64,
    /// How many files were written.
    pub files: u64,
    /// How a server that starts on the store treats the time that has passed since.
    pub clock: ClockAtStart,
}

/// An open generation, and the World at the requested point.
struct Source {
    manifest: Manifest,
    log: Arc<opened::BackupLog>,
    vault: Arc<opened::BackupVault>,
    at: At,
    snapshots: Vec<(u64, String)>,
}

/// Restores a backup. Calls `progress` with the number of bytes that were checked.
///
/// # Errors
/// [`BackupError`]. Nothing is written before the backup has been verified.
pub async fn restore(
    from: &Path,
    to: &Path,
    options: &RestoreOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Restored, BackupError> {
    let directory = BackupDirectory::open(from)?;
    check_empty(to)?;
    let mut known = directory.erasures()?;
    if let Some(old) = &options.erasures_from {
        known.extend(erasures_of(old).await?);
    }
    let mut checking = Checking {
        directory: &directory,
        seen: HashSet::new(),
        progress,
    };
    let Chosen {
        manifest,
        own,
        later,
    } = choose(&mut checking, options).await?;
    checking.check(&manifest, |_| true)?;
    let mut source = Source::open(&directory, manifest, options.until).await?;
    let (sequence, at) = (source.at.position.sequence, source.at.time(&own));
    // The history is that of the backup itself. It contains data that was erased between the end of
    // the backup and the point.
    let is_in_history = |one: &KnownErasure| sequence > own.sequence && one.is_held_by(&own);
    known.retain(|one| one.is_after(&own.epoch, sequence, at) || is_in_history(one));
    let erased = if options.erase_again {
        calls_at(known.iter(), at)
    } else {
        Vec::new()
    };

    let identity = identity_of(&directory, &source.manifest)?;
    let store = create(to, &options.epoch, &identity).await?;
    let leading = store.leading();
    let files = source.copy_files(&directory, leading.vault()).await?;
    source
        .copy_journal(store.log().as_ref(), leading.log())
        .await?;
    // After the copies, because it moves the World one or more entries past the point.
    reerase::apply(&mut source.at, &erased, &known, leading.log()).await?;
    let clock = give_sign(&source.at, options.clock.as_deref(), leading.vault()).await?;
    drop((leading, store));
    restoring::finish(to, &RealDisk)?;
    Ok(Restored {
        generation: source.manifest.generation,
        later,
        sequence,
        at,
        left_out: source.manifest.sequence - sequence,
        erasures: known,
        erased_calls: erased.len() as u64,
        files,
        clock,
    })
}

fn check_empty(to: &Path) -> Result<(), BackupError> {
    let entries = match std::fs::read_dir(to) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BackupError::io("listing", to)(error)),
    };
    for entry in entries {
        if entry.map_err(BackupError::io("listing", to))?.file_name() != "lost+found" {
            return Err(BackupError::NotEmpty {
                dir: to.display().to_string(),
            });
        }
    }
    Ok(())
}

/// The erasures that the World of a stopped server has.
async fn erasures_of(dir: &Path) -> Result<Vec<KnownErasure>, BackupError> {
    let store = open_store(dir).await?;
    let keeping = aftercall_engine::world::Keeping::default();
    let recovered =
        crate::ledger::recover(store.log().as_ref(), store.vault().as_ref(), keeping).await?;
    let known = |erasure: &Arc<Erasure>| KnownErasure {
        epoch: store.identity().epoch.clone(),
        erasure: (**erasure).clone(),
    };
    Ok(recovered
        .world
        .root()
        .erasures
        .values()
        .map(known)
        .collect())
}

/// Creates the restored store, with a new epoch and the hash key of the backup.
async fn create(to: &Path, epoch: &str, old: &Identity) -> Result<Store, BackupError> {
    let birth = Birth {
        epoch: epoch.to_owned(),
        hash_key: old.hash_key,
        created_at_millis: old.created_at_millis,
    };
    let mut options = Options::new(birth, Arc::new(crate::server::end_process));
    options.restoring = true;
    let (to, at) = (to.to_owned(), to.display().to_string());
    let opening =
        tokio::task::spawn_blocking(move || Store::open(&to, &options, Arc::new(RealDisk)));
    let failed = |panic: tokio::task::JoinError| OpenError::Io {
        what: format!("creating {at}"),
        reason: panic.to_string(),
    };
    Ok(opening.await.map_err(failed)??)
}

impl Source {
    /// Rebuilds the World at the point from the newest snapshot before it.
    async fn open(
        directory: &BackupDirectory,
        manifest: Manifest,
        until: Until,
    ) -> Result<Self, BackupError> {
        let (log, vault) = opened::open(directory, &manifest)?;
        let mut reached = Vec::new();
        for (sequence, name) in snapshots(vault.as_ref()).await? {
            if until.reaches(sequence, snapshot_time(vault.as_ref(), &name).await?) {
                reached.push((sequence, name));
            }
        }
        let base = log.bounds().await?.base.sequence;
        let mut at = match reached.last() {
            Some((sequence, name)) if *sequence >= base => {
                At::snapshot(vault.as_ref(), name).await?
            }
            _ if base == 0 => At::beginning(),
            _ => {
                let reach = format!(
                    "backup {} reaches from entry {} to {}",
                    manifest.generation,
                    manifest.oldest(),
                    manifest.sequence
                );
                return Err(BackupError::OutOfReach {
                    point: point(until),
                    reach,
                });
            }
        };
        at.replay(log.as_ref(), until).await?;
        let sequence = at.position.sequence;
        if let Until::Sequence(wanted) = until
            && wanted != sequence
        {
            let reach = format!(
                "backup {} ends at entry {}",
                manifest.generation, manifest.sequence
            );
            return Err(BackupError::OutOfReach {
                point: point(until),
                reach,
            });
        }
        if until == Until::Newest && at.position != manifest.position() {
            return Err(BackupError::Unsound(format!(
                "the journal of backup {} does not reach its end",
                manifest.generation
            )));
        }
        Ok(Self {
            manifest,
            log,
            vault,
            at,
            snapshots: reached,
        })
    }

    /// Copies the snapshots up to the point, the history, and the archive files that the World at
    /// the point names.
    async fn copy_files(
        &self,
        directory: &BackupDirectory,
        to: &dyn VaultWriter,
    ) -> Result<u64, BackupError> {
        let mut names: Vec<String> = self
            .snapshots
            .iter()
            .map(|(_, name)| name.clone())
            .collect();
        names.extend(
            self.manifest
                .files
                .iter()
                .map(|file| file.name.clone())
                .filter(|name| history_range(name).is_some()),
        );
        for name in &names {
            copy_blob(self.vault.as_ref(), to, name).await?;
        }
        let mut copied = names.len() as u64;
        for chunk in self.at.world.root().archive.chunks.values() {
            let name = archive_name(chunk.file);
            let holder = if self.manifest.file(&name).is_some() {
                self.vault.clone()
            } else {
                self.other_with(directory, &name)?
            };
            copy_blob(holder.as_ref(), to, &name).await?;
            copied += 1;
        }
        for name in crate::ledger::capture::KEYS {
            if let Some(value) = self.vault.get_key(name).await? {
                to.put_key(name, value).await?;
            }
        }
        Ok(copied)
    }

    /// Another generation of the same store with a file that was replaced between the point and
    /// this backup.
    fn other_with(
        &self,
        directory: &BackupDirectory,
        name: &str,
    ) -> Result<Arc<opened::BackupVault>, BackupError> {
        for generation in directory.generations()? {
            let other = directory.manifest(generation)?;
            if other.epoch == self.manifest.epoch && other.file(name).is_some() {
                verify_files(directory, &other.only(name), &mut HashSet::new(), &|_| {})?;
                return Ok(opened::open(directory, &other)?.1);
            }
        }
        let point = format!("entry {}", self.at.position.sequence);
        let reach = format!(
            "the archive was rewritten after it, and no backup has its file {name}; entry {} can be",
            self.manifest.sequence
        );
        Err(BackupError::OutOfReach { point, reach })
    }

    /// Copies the journal up to the point.
    async fn copy_journal(&self, copied: &dyn Log, to: &dyn LogWriter) -> Result<(), BackupError> {
        let bounds = self.log.bounds().await?;
        let (base, upto) = (bounds.base, self.at.position.sequence);
        // The journal may be empty, so that there is only a snapshot at the point.
        let start = if bounds.is_empty() {
            self.at.position
        } else {
            base
        };
        if start.sequence > 0 {
            to.start_at(start).await?;
        }
        let mut next = base.sequence + 1;
        while next <= upto {
            for group in self.log.read(next, RECOVERY_READ_BYTES).await? {
                next = group.last + 1;
                if group.first <= upto {
                    to.append(cut(group, upto)?).await?;
                }
            }
        }
        let reached = copied.bounds().await?.newest;
        if reached == self.at.position {
            return Ok(());
        }
        Err(BackupError::Unsound(format!(
            "the restored journal ends at {} with another chain hash than the backup",
            reached.sequence
        )))
    }
}

/// The part of a group up to a point.
fn cut(group: Group, upto: u64) -> Result<Group, BackupError> {
    if group.last <= upto {
        return Ok(group);
    }
    let (bytes, chain) = cut_group(&group.bytes, group.chain_before, upto)?;
    Ok(Group {
        last: upto,
        chain,
        bytes: bytes.into(),
        ..group
    })
}

async fn copy_blob(from: &dyn Vault, to: &dyn VaultWriter, name: &str) -> Result<(), BackupError> {
    let (mut blob, mut offset) = (to.create(name).await?, 0);
    while let Some((frame, next)) = from.read_frame(name, offset).await? {
        blob.write(frame).await?;
        offset = next;
    }
    Ok(blob.finish().await?)
}
