//! The whole log, checked at every open: each group's checksums, that no sequence is missing, and
//! that each group links to the one before. sled opens without any error after having lost values;
//! this is what finds it.

use super::read;
use super::tree::Tree;
use crate::journal::guard::Progress;
use crate::journal::{Bounds, JournalError, OpenError, PROGRESS_GROUPS, Position};

/// What a log that verified holds.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Verified {
    /// What it keeps.
    pub(in crate::journal) bounds: Bounds,
    /// Whether the asked place is where a group ends (or the base), with the same chain hash.
    pub(in crate::journal) passes_head: bool,
}

/// Reads everything. `head` is the place that the log is expected to pass.
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
