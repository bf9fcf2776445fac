//! A store: one data directory that is open, verified and locked.
//!
//! Files: `lock`, `identity` (the format), `head` (the newest acknowledged position), `tail` (the
//! newest groups, until sled has them), `current` (the directory of the log), `journal-N/` (sled),
//! `vault/` (files, also the identity of the store), and after a failure `sync-failed`. Opening returns a log of which every group is
//! verified and which is not behind its head file. Otherwise it returns an error with the reason.
//! It changes nothing before it has read the identity.

use std::io;
use std::path::Path;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, ready};
use tokio::sync::watch;

use super::fault::{Fault, MARKER};
use super::head::Head;
use super::lock::DirectoryLock;
use super::sled::{self, Place, SledLog, Start, Tree, Verified};
use super::vault::FileVault;
use super::{
    Bounds, Disk, Group, Identity, JournalError, Leading, Log, OpenError, Options, Position,
    Storage, Term, Vault, birth, current, files, guard, head, restoring, tail,
};

/// An open data directory. It stays locked until the log, the vault, all leaders and all unfinished
/// blobs are dropped.
pub struct Store {
    log: Arc<SledLog>,
    vault: Arc<FileVault>,
    identity: Identity,
    location: String,
    /// Whether this open created the store.
    pub created: bool,
    /// Whether this open copied the log to new files. It does so after a failure, or on request.
    pub copied: bool,
    fault: Arc<Fault>,
}

impl Storage for Store {
    fn log(&self) -> Arc<dyn Log> {
        self.log.clone()
    }

    fn vault(&self) -> Arc<dyn Vault> {
        self.vault.clone()
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn location(&self) -> String {
        self.location.clone()
    }

    fn changes(&self) -> watch::Receiver<Bounds> {
        self.log.changes()
    }

    fn newest_term(&self) -> BoxFuture<'_, Result<Term, JournalError>> {
        ready(Ok(Term::default())).boxed()
    }

    fn lead(&self, _: Term) -> BoxFuture<'_, Result<Leading, JournalError>> {
        ready(Ok(self.leading())).boxed()
    }
}

/// A log that is open and verified, but not started.
struct Found {
    tree: Tree,
    verified: Verified,
    number: u64,
    copied: bool,
}

impl Store {
    /// Opens the store in `dir`. Creates it if the directory is empty or missing.
    ///
    /// Blocks until every group is verified (hundreds of megabytes per second). The threads that it
    /// starts end when the log and the vault are dropped.
    ///
    /// # Errors
    /// [`OpenError`]. After [`OpenError::SledHung`] the process must end, because a thread cannot
    /// be stopped.
    pub fn open(dir: &Path, options: &Options, disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        birth::refuse_foreign(dir)?;
        files::create_directory(dir, disk.as_ref())
            .map_err(|error| OpenError::io("creating", dir, &error))?;
        let lock = Arc::new(DirectoryLock::take(dir, options.lock_wait)?);
        restoring::check(dir)?;
        if options.restoring {
            restoring::begin(dir, disk.as_ref())?;
        }
        let (identity, created) = birth::find_or_create(dir, options, &disk)?;
        let found = find_log(dir, options, &disk)?;
        let bounds = found.verified.bounds;
        let failed = |error: io::Error| OpenError::io("preparing", dir, &error);
        current::remove_others(dir, found.number, disk.as_ref()).map_err(failed)?;
        head::write(dir, bounds.newest, disk.as_ref()).map_err(failed)?;
        tail::renew(dir, options.tail_bytes, disk.as_ref()).map_err(failed)?;
        let fault = Arc::new(Fault::new(dir, Arc::clone(&disk)));
        let vault = FileVault::open(
            dir,
            options,
            Arc::clone(&fault),
            Arc::clone(&lock),
            Arc::clone(&disk),
        )?;
        let start = Start {
            tree: found.tree,
            bounds,
            dir,
            options,
            fault: Arc::clone(&fault),
            lock,
            disk,
        };
        let log = SledLog::start(start)?;
        let (log, vault, location) = (Arc::new(log), Arc::new(vault), dir.display().to_string());
        Ok(Self {
            log,
            vault,
            identity,
            location,
            created,
            copied: found.copied,
            fault,
        })
    }

    /// The right to write. The lock of the directory excludes every other process, so there is only
    /// one term.
    #[must_use]
    pub fn leading(&self) -> Leading {
        Leading::new(Term::FIRST, self.log.clone(), self.vault.clone())
    }

    /// The range of the log, as of the newest durable change.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.log.current_bounds()
    }

    /// Why the store cannot write any more. `None` while all is well.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.fault.reason()
    }
}

/// Opens a copy of the log. The copy replaces the log only after it has been verified. Until then
/// the log does not change.
fn find_log(dir: &Path, options: &Options, disk: &Arc<dyn Disk>) -> Result<Found, OpenError> {
    let number = current::read(dir)?;
    let (from, next) = (dir.join(current::directory(number)), number + 1);
    let found = open_copy(dir, (&from, next), options, disk);
    if let Err(error) = &found
        && !matches!(error, OpenError::SledHung { .. })
    {
        // The refused log stays as it is. If this removal fails, the next open repeats it.
        let _ = files::remove_tree(dir, &current::directory(next), disk.as_ref());
    }
    let (tree, verified) = found?;
    let failed = |error: io::Error| OpenError::io("looking into", dir, &error);
    let after_failure = dir.join(MARKER).try_exists().map_err(failed)?;
    if after_failure || options.fresh_copy || tree.has_blobs().map_err(failed)? {
        tracing::warn!(dir = %dir.display(), after_failure, "copying the log to fresh files before serving");
        return copy(dir, next, tree, verified, options, disk);
    }
    let failed =
        |error: io::Error| OpenError::io("changing over to the opened log in", dir, &error);
    current::write(dir, next, disk.as_ref()).map_err(failed)?;
    Ok(Found {
        tree,
        verified,
        number: next,
        copied: false,
    })
}

fn open_copy(
    dir: &Path,
    (from, next): (&Path, u64),
    options: &Options,
    disk: &Arc<dyn Disk>,
) -> Result<(Tree, Verified), OpenError> {
    let head = head::read(dir);
    let place = Place {
        called: from.to_owned(),
        ..birth::place(dir, next, options, disk)
    };
    let expected = head.map_or(Position::default(), |head| head.newest);
    let newest_groups = read_tail(dir, options.rebuild_head)?;
    let from = from.to_owned();
    let opened = guard::guarded(&from.clone(), options.open_limit, move |progress| {
        let tree = Tree::open_copy(&from, &place)?;
        progress.alive();
        let mut verified = sled::verify(&tree, expected, progress)?;
        let lost = sled::replay(&tree, &mut verified, &newest_groups, expected, progress)?;
        Ok((tree, verified, lost))
    });
    let (tree, verified, lost) = opened?;
    compare(dir, (head, lost), &verified, options.rebuild_head)?;
    Ok((tree, verified))
}

/// The newest groups, some of which sled may not have.
fn read_tail(dir: &Path, rebuild: bool) -> Result<Vec<Group>, OpenError> {
    match tail::read(dir) {
        Ok(groups) => Ok(groups),
        Err(error) if error.kind() == io::ErrorKind::NotFound && rebuild => {
            tracing::warn!(dir = %dir.display(), "as requested, the server accepts that the tail file is missing");
            Ok(Vec::new())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::TailLost {
            path: dir.join(tail::FILE).display().to_string(),
        }),
        Err(error) => Err(OpenError::io("reading", &dir.join(tail::FILE), &error)),
    }
}

/// Checks whether acknowledged entries are missing.
///
/// `lost` is the newest sequence in the tail, if groups before it are missing.
fn compare(
    dir: &Path,
    (head, lost): (Option<Head>, Option<u64>),
    verified: &Verified,
    rebuild: bool,
) -> Result<(), OpenError> {
    let Bounds { base, newest } = verified.bounds;
    let refused = match head {
        None => Some(OpenError::HeadLost {
            path: dir.join(head::FILE).display().to_string(),
            newest: newest.sequence,
        }),
        Some(Head { newest: head, .. })
            if head.sequence.max(lost.unwrap_or(0)) > newest.sequence =>
        {
            Some(OpenError::BehindHead {
                dir: dir.display().to_string(),
                head: head.sequence.max(lost.unwrap_or(0)),
                newest: newest.sequence,
            })
        }
        Some(Head { newest: head, .. })
            if head.sequence >= base.sequence && !verified.passes_head =>
        {
            Some(OpenError::OtherHistory {
                dir: dir.display().to_string(),
                sequence: head.sequence,
            })
        }
        Some(head) => {
            if !head.whole {
                tracing::warn!(dir = %dir.display(), "one slot of the head file is damaged; the server uses the other one");
            }
            None
        }
    };
    match refused {
        Some(error) if rebuild => {
            tracing::warn!(%error, newest = newest.sequence, "as requested, the server accepts the log as it is and writes a new head file");
            Ok(())
        }
        Some(error) => Err(error),
        None => {
            if rebuild {
                tracing::warn!(
                    "rebuild_head is on and was not needed: turn it off, because it would also accept the loss of acknowledged entries"
                );
            }
            Ok(())
        }
    }
}

/// Copies the log, then replaces it by the copy. After an interruption the next open finds one
/// whole log. The marker exists until the copy is the log.
fn copy(
    dir: &Path,
    number: u64,
    tree: Tree,
    verified: Verified,
    options: &Options,
    disk: &Arc<dyn Disk>,
) -> Result<Found, OpenError> {
    let next = number + 1;
    let to = birth::place(dir, next, options, disk);
    let copied = guard::guarded(&to.path.clone(), options.open_limit, move |progress| {
        let copied = sled::copy(&tree, verified, &to, progress)?;
        drop(tree);
        Ok(copied)
    })?;
    let failed =
        |error: io::Error| OpenError::io("changing over to the copied log in", dir, &error);
    current::write(dir, next, disk.as_ref()).map_err(failed)?;
    files::remove(dir, MARKER, disk.as_ref()).map_err(failed)?;
    Ok(Found {
        tree: copied,
        verified,
        number: next,
        copied: true,
    })
}
