//! The secret of a token: shown once, kept only as a hash.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::fill;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// What a token of the token file begins with: people and scanners recognise it.
const PREFIX: &str = "aftercall_";
/// Bytes of the id: random, so that ids of different files do not meet.
const ID_BYTES: usize = 6;
/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// A token with its secret. It is never written to a log or an error: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    id: String,
    text: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, hidden)", self.id)
    }
}

impl Secret {
    /// A new token of 256 random bits.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn generate() -> Result<Self, NoRandomBytes> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        fill(&mut id)
            .and_then(|()| fill(&mut secret))
            .map_err(|_| NoRandomBytes)?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        // An id has no character that ends it.
        let id = encode(&id).replace(['-', '_'], "0");
        let text = format!("{PREFIX}{id}_{}", encode(&secret));
        Ok(Self { id, text })
    }

    /// Reads a token; `None` if it is none of a token file.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_whole = BASE64_URL_SAFE_NO_PAD
            .decode(secret)
            .is_ok_and(|bytes| bytes.len() == SECRET_BYTES);
        is_whole.then(|| Self {
            id: id.to_owned(),
            text: text.to_owned(),
        })
    }

    /// The id, by which the token file finds it. It is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole token, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The SHA-256 of the token as hexadecimal digits: what the token file keeps.
    #[must_use]
    pub fn hash(&self) -> String {
        let hash = digest(&SHA256, self.text.as_bytes());
        hash.as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Whether it is the token of the hash, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, hash: &str) -> bool {
        verify_slices_are_equal(self.hash().as_bytes(), hash.as_bytes()).is_ok()
    }
}

/// The system has no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random bytes for a token")]
pub struct NoRandomBytes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_only_its_own_hash() {
        let (one, other) = (
            Secret::generate().expect("a token"),
            Secret::generate().expect("a token"),
        );
        assert!(one.matches(&one.hash()) && !one.matches(&other.hash()) && !one.matches(""));
        assert_eq!(Secret::parse(one.reveal()), Some(one.clone()));
        assert_eq!(one.hash().len(), 64);
        assert_ne!(one.id(), other.id());
    }

    #[test]
    fn a_token_hides_its_secret_from_debug_output() {
        let token = Secret::generate().expect("a token");
        let shown = format!("{token:?}");
        let secret = token.reveal().rsplit('_').next().expect("a secret");
        assert!(
            !shown.contains(secret) && shown.contains(token.id()),
            "{shown}"
        );
    }

    #[test]
    fn a_text_that_is_no_token_is_not_read() {
        let token = Secret::generate().expect("a token");
        let cut = &token.reveal()[..token.reveal().len() - 1];
        for text in [
            "",
            "aftercall_",
            "aftercall_ab_",
            "aftercall_ab_cd",
            cut,
            "eyJhbGciOiJub25lIn0.e30.",
        ] {
            assert_eq!(Secret::parse(text), None, "{text}");
        }
    }
}
