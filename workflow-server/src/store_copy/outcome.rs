//! Where a copy goes, what it consists of, and why it was not made.

use std::path::PathBuf;

use thiserror::Error;

use crate::journal::postgres::Address;
use crate::journal::{Bounds, JournalError, OpenError};

/// The location of a store.
#[derive(Clone, Debug)]
pub enum StorePlace {
    /// A data directory.
    Directory(PathBuf),
    /// A database.
    Database(Address),
}

/// What a copy consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedStore {
    /// The epoch of both stores.
    pub epoch: String,
    /// The range of the log.
    pub bounds: Bounds,
    /// The number of files of the vault.
    pub files: u64,
    /// The number of keys of the vault.
    pub keys: u64,
    /// The bytes of the groups and files.
    pub bytes: u64,
}

/// Why a store was not copied.
#[derive(Debug, Error)]
pub enum CopyError {
    /// One of the stores was not opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Reading or writing failed.
    #[error("the copy was interrupted: {0}. Remove what is in the target, and copy again")]
    Journal(#[from] JournalError),
    /// The target directory has files.
    #[error("{} is not empty: name an empty or new directory", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// Servers use the store.
    #[error("{} of {location}: stop all servers on it. After one was killed, try again in 10 s", in_use(.servers))]
    InUse {
        /// The location of the store.
        location: String,
        /// Their names.
        servers: Vec<String>,
    },
    /// A server has begun to use the store during the copy.
    #[error(
        "a server has started on {location} meanwhile: stop it, remove the copy, and copy again"
    )]
    Disturbed {
        /// The location of the store.
        location: String,
    },
    /// The copy is not the same.
    #[error(
        "the copy differs from the store in {what}: remove the copy, check the disk, and copy again"
    )]
    Differs {
        /// What differs.
        what: String,
    },
}

fn in_use(servers: &[String]) -> String {
    format!("{} uses the store", servers.join(", "))
}
