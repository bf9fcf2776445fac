//! What became of the connections of an attack.

use std::fmt;

/// The connections of an attack, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempts {
    /// Connections that were opened.
    pub(crate) opened: u64,
    /// Those that the server closed.
    pub(crate) cuts: u64,
    /// Frames or handshakes that were sent.
    pub(crate) sent: u64,
}

impl Attempts {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            opened: self.opened + other.opened,
            cuts: self.cuts + other.cuts,
            sent: self.sent + other.sent,
        }
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { opened, cuts, sent } = self;
        write!(f, "{sent} sent over {opened} connections, {cuts} cut")
    }
}
