//! What every command is run with.

use crate::{connect::Connections, output::Output};

/// What every command has: the way to the servers, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Session {
    /// The way to the servers.
    pub(crate) to: Connections,
    /// Where the answer goes.
    pub(crate) output: Output,
    /// Whether `--server` was given.
    pub(crate) server_named: bool,
}
