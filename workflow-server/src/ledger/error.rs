//! Why the ledger did not carry out a command.

use std::sync::Arc;

use aftercall_engine::Rejection;
use thiserror::Error;

/// Why a command was not carried out.
#[derive(Clone, Debug, Error)]
pub enum LedgerError {
    /// The engine rejected it; nothing changed. Everything that the rejection names is durable.
    #[error(transparent)]
    Rejected(Box<Rejection>),
    /// The server takes no commands: it is shutting down, or its store has failed. With a request id
    /// a retry is safe.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// More commands wait than the limit allows.
    #[error("more than {0} commands wait already")]
    Busy(usize),
}
