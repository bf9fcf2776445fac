//! Verifies the whole log at every open: the checksums of each group, that no sequence is missing,
//! and that each group links to the one before. sled opens without an error even after it has lost
//! values, and only this check finds the loss.

use super::read;
use super::tree::Tree;
use crate::journal::guard::Progress;
use crate::journal::{Bounds, JournalError, OpenError, PROGRESS_GROUPS, Position};

/// The result for a valid log.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Verified {
    /// The range of the log.
    pub(in crate::journal) bounds: Bounds,
    /// Whether a group ends at the expected position with the same chain hash, or this is the base.
    pub(in crate::journal) passes_head: bool,
}

/// Reads all groups. `head` is the position that the log should contain.
pub(in crate::journal) fn verify(
    tree: &Tree,
    head: Position,
    progress: &Progress,
) -> Result<Verified, OpenError> {
    let base = tree.base().map_err(as_open_error)?;
    let mut newest = base;
    let mut passes_head = head == base;
    for (count, group) in (0_u64..).zip(read::groups(tree, 0)) {
        let group = group.map_err(as_open_error)?;
        group.check_follows(newest).map_err(|error| {
            as_open_error(tree.damaged(format!("a group does not follow: {error}")))
        })?;
        newest = group.end();
        passes_head |= head == newest;
        if count % PROGRESS_GROUPS == 0 {
            progress.alive();
        }
    }
    Ok(Verified {
        bounds: Bounds { base, newest },
        passes_head,
    })
}

pub(super) fn as_open_error(error: JournalError) -> OpenError {
    match error {
        JournalError::Damaged { what, place } => OpenError::Damaged { what, place },
        JournalError::Io { what, reason } => OpenError::Io { what, reason },
        other => OpenError::Io {
            what: "reading the log".to_owned(),
            reason: other.to_string(),
        },
    }
}
