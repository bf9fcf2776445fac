//! The secret of a cluster, by which members recognize each other. It is a key of the vault: only
//! who can read the store can read it.
//!
//! Promise: a backup does not contain it.

use aftercall_identity::MemberKey;
use bytes::Bytes;

use crate::journal::{JournalError, Leading, Vault};

/// The key of the vault.
const NAME: &str = "member-secret";

/// The secret that an earlier leader has made.
pub(super) async fn read(
    vault: &dyn Vault,
    epoch: &str,
) -> Result<Option<MemberKey>, JournalError> {
    let secret = vault.get_key(NAME).await?;
    // One that is too short is replaced.
    Ok(secret.and_then(|secret| MemberKey::new(&secret, epoch)))
}

/// The secret. The first leader of a store makes it.
pub(super) async fn find_or_create(
    vault: &dyn Vault,
    leading: &Leading,
    epoch: &str,
) -> Result<MemberKey, JournalError> {
    if let Some(key) = read(vault, epoch).await? {
        return Ok(key);
    }
    let secret: [u8; 32] = rand::random();
    let stored = Bytes::copy_from_slice(&secret);
    leading.vault().put_key(NAME, stored).await?;
    MemberKey::new(&secret, epoch).ok_or_else(|| JournalError::Damaged {
        what: "the secret cannot be used".to_owned(),
        place: NAME.to_owned(),
    })
}
