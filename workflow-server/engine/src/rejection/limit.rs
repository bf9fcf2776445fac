//! The limits that a command can reach: a closed list, each with its name for programs.

use std::fmt::{self, Display};

/// Declares the limits, each with its name.
macro_rules! limits {
    ($($(#[$doc:meta])* $limit:ident = $name:literal,)*) => {
        /// A limit that a command can reach.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Limit {
            $($(#[$doc])* $limit,)*
        }

        impl Limit {
            /// Every limit.
            pub const ALL: &[Self] = &[$(Self::$limit,)*];

            /// Stable name for programs, UPPER_SNAKE.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$limit => $name,)*
                }
            }
        }
    };
}

limits! {
    /// People who are away.
    Away = "AWAY",
    /// Batches that run at once.
    BatchesRunning = "BATCHES_RUNNING",
    /// Calendars.
    Calendars = "CALENDARS",
    /// Bytes of one entry of the journal. The store determines this limit.
    EntryBytes = "ENTRY_BYTES",
    /// Erasures that run at once.
    ErasuresRunning = "ERASURES_RUNNING",
    /// Instances of one call in memory, open and ended.
    InstancesPerCall = "INSTANCES_PER_CALL",
    /// Open instances of all calls.
    OpenInstances = "OPEN_INSTANCES",
    /// Open instances of one call.
    OpenInstancesPerCall = "OPEN_INSTANCES_PER_CALL",
    /// Teams.
    Teams = "TEAMS",
    /// Versions of one workflow.
    Versions = "VERSIONS",
    /// Saved views of all owners.
    Views = "VIEWS",
    /// Saved views of one owner.
    ViewsPerOwner = "VIEWS_PER_OWNER",
    /// Workflows.
    Workflows = "WORKFLOWS",
}

impl Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
