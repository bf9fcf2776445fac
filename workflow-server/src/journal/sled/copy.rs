//! Copies a verified log into a new sled store. This happens after a failed sync, because its pages
//! cannot be trusted, and to free disk space. The returned copy is durable and verified. The old
//! log does not change.

use super::{Place, Tree, Verified, chunk, read, verify};
use crate::journal::guard::Progress;
use crate::journal::{BATCH_KEYS_MAX, COPY_BATCH_BYTES, OpenError};

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
    let (mut batch, mut keys, mut bytes) = (sled::Batch::default(), 0, 0);
    for group in read::groups(from, 0) {
        let group = group.map_err(verify::as_open_error)?;
        let chunks = chunk::encode(&group)
            .ok_or_else(|| failed("a group is over the size limit".to_owned()))?;
        if keys + chunks.len() > BATCH_KEYS_MAX || bytes + group.bytes.len() > COPY_BATCH_BYTES {
            tree.commit(std::mem::take(&mut batch), keys)
                .map_err(failed)?;
            (keys, bytes) = (0, 0);
            progress.alive();
        }
        keys += chunks.len();
        bytes += group.bytes.len();
        for (key, value) in chunks {
            batch.insert(&key[..], value);
        }
    }
    tree.commit(batch, keys).map_err(failed)?;
    let copied = verify::verify(&tree, verified.bounds.newest, progress)?;
    if copied.bounds != verified.bounds {
        return Err(OpenError::damaged(
            &to.path,
            "the copy of the log is not equal to the log",
        ));
    }
    Ok(tree)
}
