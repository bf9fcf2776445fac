//! The connection of the alerter to the workflow-server.

use std::time::{Instant, SystemTime};

/// The state of the connection to the workflow-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Whether it is connected.
    pub(crate) connected: bool,
    /// The time to which the alerter's knowledge reaches.
    pub(crate) as_of: SystemTime,
    /// When it was heard, by the clock that nobody sets.
    pub(crate) heard_at: Instant,
    /// Changes that the workflow-server is known to have had and the alerter has not.
    pub(crate) behind: u64,
}

impl Link {
    /// The workflow-server's time now. This machine's own wall clock may be wrong: then everything
    /// would seem overdue, or nothing.
    pub(crate) fn server_time(&self) -> SystemTime {
        self.as_of
            .checked_add(self.heard_at.elapsed())
            .unwrap_or(self.as_of)
    }
}
