//! What a copy consists of: the groups of the log, and the files and keys of the vault.

use bytes::Bytes;

use super::outcome::{CopiedStore, CopyError};
use crate::journal::{Leading, Storage, Vault};
use crate::limits::RECOVERY_READ_BYTES;

/// The files that each store has of its own.
const OWN: &str = "identity-";

/// Copies everything. The caller knows the epoch.
pub(super) async fn copy(
    from: &dyn Storage,
    to: &dyn Storage,
    leading: &Leading,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<CopiedStore, CopyError> {
    let (vault, log) = (from.vault(), from.log());
    let mut bytes = 0;
    let names = file_names(vault.as_ref()).await?;
    for name in &names {
        bytes += copy_file(vault.as_ref(), leading, name, progress).await?;
    }
    let keys = vault.list_keys().await?;
    for name in &keys {
        if let Some(value) = vault.get_key(name).await? {
            leading.vault().put_key(name, value).await?;
        }
    }
    let bounds = log.bounds().await?;
    if bounds.base.sequence > 0 {
        leading.log().start_at(bounds.base).await?;
    }
    let mut next = bounds.oldest();
    while next <= bounds.newest.sequence {
        for group in log.read(next, RECOVERY_READ_BYTES).await? {
            next = group.last + 1;
            let count = group.bytes.len() as u64;
            leading.log().append(group).await?;
            bytes += count;
            progress(count);
        }
    }
    if to.log().bounds().await? != bounds {
        return Err(differs("the range of the log"));
    }
    Ok(CopiedStore {
        epoch: String::new(),
        bounds,
        files: names.len() as u64,
        keys: keys.len() as u64,
        bytes,
    })
}

async fn copy_file(
    from: &dyn Vault,
    leading: &Leading,
    name: &str,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<u64, CopyError> {
    let mut blob = leading.vault().create(name).await?;
    let (mut offset, mut bytes) = (0, 0);
    while let Some((frame, next)) = from.read_frame(name, offset).await? {
        let count = frame.len() as u64;
        // Entries name the offsets of frames.
        if blob.write(frame).await? != offset {
            return Err(differs(&format!("an offset of the file {name}")));
        }
        (offset, bytes) = (next, bytes + count);
        progress(count);
    }
    blob.finish().await?;
    Ok(bytes)
}

/// Compares two stores.
pub(super) async fn compare(
    from: &dyn Storage,
    to: &dyn Storage,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), CopyError> {
    let (vault, copied) = (from.vault(), to.vault());
    let names = file_names(vault.as_ref()).await?;
    if file_names(copied.as_ref()).await? != names {
        return Err(differs("the names of its files"));
    }
    for name in &names {
        let mut offset = Some(0);
        while let Some(at) = offset {
            let frame = vault.read_frame(name, at).await?;
            if copied.read_frame(name, at).await? != frame {
                return Err(differs(&format!("the file {name}")));
            }
            progress(frame.as_ref().map_or(0, |(frame, _)| frame.len() as u64));
            offset = frame.map(|(_, next)| next);
        }
    }
    if keys(vault.as_ref()).await? != keys(copied.as_ref()).await? {
        return Err(differs("its keys"));
    }
    let (log, copied) = (from.log(), to.log());
    let bounds = log.bounds().await?;
    let mut next = bounds.oldest();
    while next <= bounds.newest.sequence {
        for group in log.read(next, RECOVERY_READ_BYTES).await? {
            if copied.read(next, 1).await?.first() != Some(&group) {
                return Err(differs(&format!("the entries from {next}")));
            }
            next = group.last + 1;
            progress(group.bytes.len() as u64);
        }
    }
    Ok(())
}

async fn file_names(vault: &dyn Vault) -> Result<Vec<String>, CopyError> {
    let mut names = vault.list("").await?;
    names.retain(|name| !name.starts_with(OWN));
    Ok(names)
}

async fn keys(vault: &dyn Vault) -> Result<Vec<(String, Option<Bytes>)>, CopyError> {
    let mut keys = Vec::new();
    for name in vault.list_keys().await? {
        let value = vault.get_key(&name).await?;
        keys.push((name, value));
    }
    Ok(keys)
}

fn differs(what: &str) -> CopyError {
    CopyError::Differs {
        what: what.to_owned(),
    }
}
