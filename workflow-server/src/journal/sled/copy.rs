//! Copies a verified log into a new sled store. This happens after a failed sync, because its pages
//! cannot be trusted, and to free disk space. The returned copy is durable and verified. The old
//! log does not change.

use super::batch::GroupBatch;
use super::{Place, Tree, Verified, read, verify};
use crate::journal::OpenError;
use crate::journal::guard::Progress;

/// Copies `from`, whose content is `verified`, to `to`.
pub(in crate::journal) fn copy(
    from: &Tree,
    verified: Verified,
    to: &Place,
    progress: &Progress,
) -> Result<Tree, OpenError> {
    let tree = Tree::create(to, verified.bounds.base)?;
    let failed = |reason| OpenError::Io {
        what: format!("copying the log to {}", to.path.display()),
        reason,
    };
    let mut batch = GroupBatch::default();
    for group in read::groups(from, 0) {
        let group = group.map_err(verify::as_open_error)?;
        if !batch.has_room(&group) {
            batch.commit(&tree).map_err(failed)?;
            progress.alive();
        }
        batch.add(&group).map_err(failed)?;
    }
    batch.commit(&tree).map_err(failed)?;
    let copied = verify::verify(&tree, verified.bounds.newest, progress)?;
    if copied.bounds != verified.bounds {
        return Err(OpenError::damaged(
            &to.path,
            "the copy of the log is not equal to the log",
        ));
    }
    Ok(tree)
}
