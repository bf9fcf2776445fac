//! Backups: what the server copies while it runs, how a directory keeps the copies, and how they
//! are verified and restored.
//!
//! `source` runs in the server and sends the files of a capture. The rest runs in `aftercall`,
//! without a server: a `directory` keeps generations of a backup, each a manifest over a shared
//! pool of files that never change; `opened` reads a generation as a journal and a vault, so that
//! `verify` and `restore` use the code that a start of the server uses.
//!
//! Promise: a generation exists only when all of it is durable; every file has a checksum, and what
//! does not fit is reported by its name. Must not: know the API's messages.

mod choosing;
mod directory;
mod erasures;
mod error;
mod frames;
mod generation;
mod lock;
mod manifest;
mod opened;
mod options;
mod reerase;
mod replay;
mod restore;
mod restored_clock;
mod source;
mod verify;

pub use directory::BackupDirectory;
pub use erasures::KnownErasure;
pub use error::BackupError;
pub use generation::{Begun, NewGeneration};
pub use manifest::{FORMAT, Manifest, ManifestFile};
pub use options::RestoreOptions;
pub use replay::Until;
pub use restore::{Restored, restore};
pub use restored_clock::ClockAtStart;
pub use source::{Base, FullReason, Part, SourceError, send};
pub use verify::{Verified, verify_backup, verify_files, verify_store};

/// The name of the file with the identity.
const IDENTITY: &str = "identity";
/// The name of the file with the keys of the vault.
const KEYS: &str = "keys";
/// The name of the file with the erasures that the World knew.
const ERASURES: &str = "erasures";
/// What the names of files with entries of the journal begin with.
const JOURNAL_PREFIX: &str = "journal-";

/// The name of the file with these entries of the journal.
fn journal_name(first: u64, last: u64) -> String {
    format!("{JOURNAL_PREFIX}{first:020}-{last:020}")
}

/// The first and last sequence of the file with this name; none where it holds no entries.
fn journal_range(name: &str) -> Option<(u64, u64)> {
    let (first, last) = name.strip_prefix(JOURNAL_PREFIX)?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}
