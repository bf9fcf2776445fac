//! Copies a store to a directory or a database, with its epoch: alert streams then resume on the
//! copy.
//!
//! Promise: the copy has the same identity, entries, files and keys. They are compared before the
//! copy is complete. A copy that was interrupted never opens. Must not: copy a store that a server
//! uses, or write to an existing store.

mod content;
mod outcome;
mod place;

use self::content::{compare, copy};
pub use self::outcome::{CopiedStore, CopyError, StorePlace};
use self::place::{Source, Target};
use crate::journal::postgres::Address;

/// Copies a store. Calls `progress` with the number of bytes that were copied or compared.
///
/// # Errors
/// [`CopyError`].
pub async fn copy_store(
    from: &StorePlace,
    to: &StorePlace,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<CopiedStore, CopyError> {
    let source = Source::open(from).await?;
    let target = Target::create(to, source.storage().identity()).await?;
    let mut copied = copy(
        source.storage(),
        target.storage(),
        target.leading(),
        progress,
    )
    .await?;
    compare(source.storage(), target.storage(), progress).await?;
    // No server has written to the source since it was read.
    source.check_unused().await?;
    copied.epoch = source.storage().identity().epoch.clone();
    target.complete().await?;
    source.close().await;
    Ok(copied)
}

/// Gives the store in a database another epoch. Returns the old one and the new one.
///
/// # Errors
/// [`CopyError`], also while a server uses the store.
pub async fn new_database_epoch(address: &Address) -> Result<(String, String), CopyError> {
    let source = Source::open(&StorePlace::Database(address.clone())).await?;
    let epoch = format!("{:032x}", rand::random::<u128>());
    let old = source.replace_epoch(&epoch).await?;
    source.close().await;
    Ok((old, epoch))
}
