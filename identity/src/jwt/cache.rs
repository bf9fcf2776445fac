//! Tokens that were verified: a request with a known token costs one hash, and no signature check.
//!
//! Promise: a token counts no longer than its issuer's keys stay as they were. Must not: keep a
//! token itself.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use crate::denied::{Denied, DeniedProof};
use crate::identity::Identity;
use crate::jwt::issuer_keys::IssuerKeys;

/// Tokens kept: one for each person and program of a large installation, twice.
const TOKENS_MAX: usize = 10_000;

type Hash = [u8; 32];

/// A bounded cache of verified tokens, by their SHA-256.
pub(super) struct VerifiedTokens(Cache<Hash, Verified>);

/// A token that was verified.
#[derive(Clone, Debug)]
pub(super) struct Verified {
    identity: Arc<Identity>,
    keys: Arc<IssuerKeys>,
    version: u64,
}

impl Verified {
    /// A token that was verified with this version of its issuer's keys.
    pub(super) fn new(identity: Arc<Identity>, keys: Arc<IssuerKeys>, version: u64) -> Self {
        Self {
            identity,
            keys,
            version,
        }
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// [`Denied::Expired`].
    pub(super) fn identity_at(self, now: SystemTime) -> Result<Arc<Identity>, DeniedProof> {
        match self.identity.expires_at {
            Some(end) if end > now => Ok(self.identity),
            _ => Err(Denied::Expired.of(&*self.identity)),
        }
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedTokens({})", self.0.len())
    }
}

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        Self(Cache::new(TOKENS_MAX))
    }

    /// A token that was verified with the present keys of its issuer.
    pub(super) fn get(&self, token: &str) -> Option<Verified> {
        let known = self.0.get(&hash(token))?;
        (known.version == known.keys.version()).then_some(known)
    }

    pub(super) fn insert(&self, token: &str, verified: Verified) {
        self.0.insert(hash(token), verified);
    }
}

fn hash(token: &str) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}
