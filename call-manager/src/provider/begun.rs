//! A sign-in that a browser has begun, while the person is at the provider.
//!
//! Promise: the browser keeps it, sealed, so that nobody can fill the memory of the page with
//! sign-ins that never end.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::sealed::{KEY_BYTES, SealError, open, seal};

/// A person is back from the provider within this.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// A sign-in that has begun.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begun {
    /// What the provider sends back unchanged: another page cannot know it.
    pub(super) state: String,
    /// What the ID token must have.
    pub(super) nonce: String,
    /// The secret of PKCE, without which the code is worth nothing.
    pub(super) verifier: String,
    /// Where the person returns to.
    pub(crate) return_to: String,
    at: SystemTime,
}

impl Begun {
    pub(super) fn now(state: String, nonce: String, verifier: String, return_to: &str) -> Self {
        Self {
            state,
            nonce,
            verifier,
            return_to: return_to.to_owned(),
            at: SystemTime::now(),
        }
    }

    /// Whether the provider answers this sign-in.
    pub(crate) fn has_state(&self, state: &str) -> bool {
        self.state == state
    }

    pub(super) fn sealed(&self, key: &[u8; KEY_BYTES]) -> Result<String, SealError> {
        let content = serde_json::to_vec(self).map_err(|_| SealError)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(seal(key, content)?))
    }

    pub(super) fn unsealed(text: &str, key: &[u8; KEY_BYTES]) -> Option<Self> {
        let content = open(key, BASE64_URL_SAFE_NO_PAD.decode(text).ok()?)?;
        let begun: Self = serde_json::from_slice(&content).ok()?;
        let age = begun.at.elapsed().unwrap_or_default();
        (age < LIFETIME).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_begun_sign_in_ends_and_needs_its_key() {
        let mut begun = Begun::now("s".to_owned(), "n".to_owned(), "v".to_owned(), "/f/1");
        let text = begun.sealed(&[1; KEY_BYTES]).expect("sealed");
        let back = Begun::unsealed(&text, &[1; KEY_BYTES]).expect("it is good");
        assert!(back.has_state("s") && !back.has_state("t"));
        assert_eq!(back.return_to, "/f/1");
        assert!(Begun::unsealed(&text, &[2; KEY_BYTES]).is_none());
        begun.at -= LIFETIME;
        let text = begun.sealed(&[1; KEY_BYTES]).expect("sealed");
        assert!(Begun::unsealed(&text, &[1; KEY_BYTES]).is_none());
    }
}
