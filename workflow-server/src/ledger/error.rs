//! Why the ledger did not carry out a command.

use std::sync::Arc;

use aftercall_engine::Rejection;
use thiserror::Error;

/// Why a command was not carried out.
#[derive(Clone, Debug, Error)]
pub enum LedgerError {
    /// The engine rejected it and nothing changed. Everything that the rejection names is durable.
    #[error(transparent)]
    Rejected(Box<Rejection>),
    /// The server accepts no commands: it is shutting down, or its store has failed. A retry with
    /// the same request id is safe.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// As many commands wait as the limit allows for one of this urgency.
    #[error("{0} commands wait already")]
    Busy(usize),
}
