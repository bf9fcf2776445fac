//! Content that only its key opens: AES-256-GCM with a new nonce each time.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use thiserror::Error;

/// The bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// The system has no random bytes, or its cipher failed.
#[derive(Debug, Error)]
#[error("nothing can be sealed: the system has no random bytes, or its cipher failed")]
pub(crate) struct SealError;

/// Random bytes.
pub(crate) fn random() -> Result<[u8; KEY_BYTES], SealError> {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes).map_err(|_| SealError)?;
    Ok(bytes)
}

/// Other bytes for a purpose, from which the bytes cannot be made.
pub(crate) fn derive(purpose: &str, bytes: &[u8]) -> [u8; KEY_BYTES] {
    let whole = digest(&SHA256, &[purpose.as_bytes(), b":", bytes].concat());
    let mut derived = [0; KEY_BYTES];
    derived.copy_from_slice(whole.as_ref());
    derived
}

/// Bytes as they are in the names of files.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seals content with a key.
pub(crate) fn seal(key: &[u8; KEY_BYTES], mut content: Vec<u8>) -> Result<Vec<u8>, SealError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealError)?;
    let nonce = key
        .seal_in_place_append_tag(Aad::empty(), &mut content)
        .map_err(|_| SealError)?;
    Ok([&nonce.as_ref()[..], &content].concat())
}

/// The content of something sealed; `None` if it was sealed with another key, or was changed.
pub(crate) fn open(key: &[u8; KEY_BYTES], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    if sealed.len() < NONCE_LEN {
        return None;
    }
    let mut content = sealed.split_off(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(&sealed).ok()?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let content = key.open_in_place(nonce, Aad::empty(), &mut content).ok()?;
    Some(content.to_vec())
}
