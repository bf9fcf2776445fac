//! Backups: how the running server copies its data, how a directory keeps the copies, and how they
//! are verified and restored.
//!
//! `source` runs in the server and sends the files of a capture. The rest runs in `aftercall`,
//! without a server. A `directory` keeps generations of a backup. Each is a manifest, and all share
//! a pool of files that never change. `opened` reads a generation as a journal and a vault. So
//! `verify` and `restore` use the same code as a start of the server.
//!
//! Promise: a generation exists only when all of it is durable. Every file has a checksum, and an
//! error names the invalid file. Must not: know the messages of the API.

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
/// The name of the file with the erasures of the World.
const ERASURES: &str = "erasures";
/// The prefix of the names of journal files.
const JOURNAL_PREFIX: &str = "journal-";

/// The name of the file with the journal entries `first` to `last`.
fn journal_name(first: u64, last: u64) -> String {
    format!("{JOURNAL_PREFIX}{first:020}-{last:020}")
}

/// The first and last sequence of the file with this name. `None` if it is not a journal file.
fn journal_range(name: &str) -> Option<(u64, u64)> {
    let (first, last) = name.strip_prefix(JOURNAL_PREFIX)?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}
