//! Moves the groups that a crash has left in the tail to sled, before the store is used. The caller
//! looks for blobs afterwards.

use super::batch::GroupBatch;
use super::{Tree, Verified};
use crate::journal::guard::Progress;
use crate::journal::{Group, OpenError, Position};

/// Commits the groups of the tail that sled does not have. `verified` is the content of `tree`, and
/// `head` the position that the log should contain. Stops at the first group that does not follow,
/// and returns the sequence at which it ends: the groups before it are lost.
pub(in crate::journal) fn replay(
    tree: &Tree,
    verified: &mut Verified,
    tail: &[Group],
    head: Position,
    progress: &Progress,
) -> Result<Option<u64>, OpenError> {
    let failed = |reason| OpenError::Io {
        what: "moving the newest groups to the log".to_owned(),
        reason,
    };
    let mut batch = GroupBatch::default();
    let mut lost = None;
    for group in tail {
        let newest = &mut verified.bounds.newest;
        if group.last <= newest.sequence {
            continue;
        }
        if group.check_follows(*newest).is_err() {
            lost = tail.last().map(|last| last.last);
            break;
        }
        if !batch.has_room(group) {
            batch.write(tree).map_err(failed)?;
            progress.alive();
        }
        batch.add(group).map_err(failed)?;
        *newest = group.end();
        verified.passes_head |= head == *newest;
    }
    batch.write(tree).map_err(failed)?;
    Ok(lost)
}
