//! Why the server did not start, or ended.

use std::sync::Arc;

use aftercall_serving::ServeError;
use aftercall_serving::config::ConfigError;
use thiserror::Error;

use crate::cluster::MemberError;
use crate::journal::OpenError;
use crate::ledger::RecoverError;

/// Why the server did not start, or ended without a request to stop.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The port.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The World.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Some settings are invalid.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// A thread of the ledger or for reads.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The store failed, and the server is to end then.
    #[error(
        "{0}; nothing acknowledged is lost, and the next start copies the store to fresh files first"
    )]
    StoreFailed(Arc<str>),
    /// The ledger's thread ended without a request to stop.
    #[error(
        "the ledger has ended because of an error in this program (the log says which): nothing durable is lost; start the server again, and report the log"
    )]
    LedgerEnded,
    /// The file with the address of the store cannot be read.
    #[error("the file {file} with the address of the store cannot be read: {error}")]
    StoreFile {
        /// The file.
        file: String,
        /// The error of the system.
        error: std::io::Error,
    },
    /// The store is one that servers cannot share.
    #[error(
        "the store {location} cannot be shared: give --store an address such as postgres://aftercall@db/aftercall, or use --data-dir"
    )]
    UnknownStore {
        /// The address, without secrets.
        location: String,
    },
}

impl From<MemberError> for ServerError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Recover(error) => Self::Recover(error),
            MemberError::Thread(error) => Self::Thread(error),
            MemberError::LedgerEnded => Self::LedgerEnded,
        }
    }
}
