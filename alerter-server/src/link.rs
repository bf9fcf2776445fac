//! How the alerter stands with the workflow-server.

use std::time::SystemTime;

/// How the alerter stands with the workflow-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Whether it is connected.
    pub(crate) connected: bool,
    /// The time to which the alerter's knowledge reaches.
    pub(crate) as_of: SystemTime,
    /// Changes that the workflow-server is known to have had and the alerter has not.
    pub(crate) behind: u64,
}
