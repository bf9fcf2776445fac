//! JWTs of trusted issuers.
//!
//! Promise: a token counts only if its signature is by a key of the one issuer that it names, and
//! its claims are for this server and this time. An issuer that is down takes nothing away: its
//! keys stay. Must not: write any part of a token to an error or a log.

mod cache;
mod claims;
mod fetch;
mod id_token;
mod issuer_keys;
mod key_set;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use tokio::sync::watch;

use crate::access_file::{AccessFile, Issuer};
use crate::denied::{Denied, DeniedProof};
use crate::identity::Identity;
use crate::jwt::cache::{Verified, VerifiedTokens};
use crate::jwt::issuer_keys::IssuerKeys;
use crate::jwt::token::{Token, check_times};
use crate::watched::FileError;

pub use id_token::id_token_claims;

/// Keys are fetched again after this time: with the five seconds that a fetch may take, a withdrawn key
/// is gone within a minute, as every other right.
pub(crate) const FETCH_INTERVAL: Duration = Duration::from_secs(45);
/// The same while an issuer has no keys yet.
pub(crate) const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// The issuers of an access file, with their keys.
#[derive(Debug)]
pub(crate) struct Issuers {
    issuers: Vec<Trusted>,
    verified: VerifiedTokens,
}

#[derive(Debug)]
struct Trusted {
    issuer: Issuer,
    keys: Arc<IssuerKeys>,
}

impl Issuers {
    /// The issuers of an access file. Those of earlier ones whose keys come from the same place
    /// keep their keys. [`Issuers::look`] reads the files of the others.
    pub(crate) fn new(
        file: &AccessFile,
        earlier: Option<&Self>,
        changes: &watch::Sender<u64>,
    ) -> Self {
        let trusted = |issuer: &Issuer| Trusted {
            issuer: issuer.clone(),
            keys: earlier
                .and_then(|earlier| earlier.keys_of(issuer))
                .unwrap_or_else(|| Arc::new(IssuerKeys::new(issuer, changes.clone()))),
        };
        Self {
            issuers: file.issuers.iter().map(trusted).collect(),
            verified: VerifiedTokens::new(),
        }
    }

    fn keys_of(&self, issuer: &Issuer) -> Option<Arc<IssuerKeys>> {
        let of_same_source = |trusted: &&Trusted| {
            let known = &trusted.issuer;
            known.issuer == issuer.issuer
                && known.keys_url == issuer.keys_url
                && known.keys_file == issuer.keys_file
                && known.ca_file == issuer.ca_file
        };
        let known = self.issuers.iter().find(of_same_source)?;
        Some(Arc::clone(&known.keys))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Whether the keys of an issuer were never fetched yet.
    pub(crate) fn lacks_keys(&self) -> bool {
        self.issuers.iter().any(|trusted| trusted.keys.is_awaited())
    }

    /// Fetches the keys of all issuers with an address, or of those without keys.
    pub(crate) async fn fetch(&self, is_for_all: bool) {
        let wanted = self
            .issuers
            .iter()
            .filter(|trusted| is_for_all || trusted.keys.is_awaited());
        join_all(wanted.map(|trusted| trusted.keys.fetch())).await;
    }

    /// Reads the key files again.
    pub(crate) fn look(&self) -> Vec<FileError> {
        let keys = self.issuers.iter().map(|trusted| &trusted.keys);
        keys.filter_map(|keys| keys.look().err()).collect()
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// [`Denied::Invalid`], [`Denied::Expired`], [`Denied::NotYetValid`], [`Denied::NoKeys`], with the
    /// holder if the signature is valid and the token is for this server.
    pub(crate) async fn verify(
        &self,
        text: &str,
        now: SystemTime,
    ) -> Result<Arc<Identity>, DeniedProof> {
        let token = Token::bounded(text)?;
        if let Some(known) = self.verified.get(token) {
            return known.identity_at(now);
        }
        let parsed = Token::read(token)?;
        let is_named = |trusted: &&Trusted| trusted.issuer.issuer == parsed.issuer;
        let trusted = self.issuers.iter().find(is_named).ok_or(Denied::Invalid {
            reason: "the access file of this server does not name its issuer",
        })?;
        let (key, version) = trusted.keys.key_for(&parsed, now).await?;
        let issuer = &trusted.issuer;
        let claims = parsed.verified_claims(&key, &issuer.issuer, &issuer.audiences)?;
        let identity = claims::identity(&claims, issuer);
        if let Err(why) = check_times(&claims, now) {
            return Err(claims::denied(why, identity));
        }
        let identity = Arc::new(identity?);
        let keys = Arc::clone(&trusted.keys);
        let verified = Verified::new(Arc::clone(&identity), keys, version);
        self.verified.insert(token, verified);
        Ok(identity)
    }
}
