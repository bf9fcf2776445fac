//! Tokens that must be refused, each beside one that differs in nothing else and is accepted.

mod addresses;
mod https;
mod id_token;
mod refusals;
mod scopes;
mod signer;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::denied::{Denied, DeniedProof};
use crate::identity::Identity;
use crate::jwt::tests::signer::Signer;
use crate::verifier::{Presented, ProofSettings, Verifier};

const ISSUER: &str = "https://login.example.com";

/// A verifier with an access file of one issuer, whose keys are in a file.
struct Trust {
    directory: TempDir,
    verifier: Verifier,
    now: SystemTime,
}

impl Trust {
    /// Trusts the keys. The lines are added to the entry of the issuer.
    fn new(keys: &[Value], lines: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys.json");
        fs::write(&path, json!({ "keys": keys }).to_string()).expect("written");
        let place = format!("keys_file = {path:?}\n{lines}");
        Self::with_access(directory, &access(&place))
    }

    fn with_access(directory: TempDir, text: &str) -> Self {
        let path = directory.path().join("access.toml");
        fs::write(&path, text).expect("written");
        let settings = ProofSettings {
            access_file: Some(path),
            ..ProofSettings::default()
        };
        Self {
            verifier: Verifier::open(&settings).expect("valid files"),
            directory,
            now: SystemTime::now(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write_keys(&self, keys: &[Value]) {
        let text = json!({ "keys": keys }).to_string();
        fs::write(self.path("keys.json"), text).expect("written");
    }

    async fn at(&self, token: &str, now: SystemTime) -> Result<Arc<Identity>, Denied> {
        let verified = self.verified_at(token, now).await;
        verified.map_err(|denied| denied.why)
    }

    async fn verified_at(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<Arc<Identity>, DeniedProof> {
        let authorization = format!("Bearer {token}");
        let presented = Presented {
            authorization: Some(&authorization),
            certificate: None,
        };
        let verified = self.verifier.verify(presented, now).await;
        if let Err(denied) = &verified {
            let parts = token.split('.').filter(|part| part.len() > 8);
            let shown = format!("{denied} {denied:?}");
            parts.for_each(|part| assert!(!shown.contains(part), "{shown}"));
        }
        verified
    }

    async fn verify(&self, token: &str) -> Result<Arc<Identity>, Denied> {
        self.at(token, self.now).await
    }

    /// Claims that are accepted.
    fn claims(&self) -> Value {
        json!({
            "iss": ISSUER,
            "aud": "aftercall",
            "sub": "u-1",
            "preferred_username": "Ann",
            "roles": ["agent"],
            "exp": self.seconds(300),
            "nbf": self.seconds(-10),
        })
    }

    /// Seconds since 1970, so many after now.
    fn seconds(&self, after: i64) -> i64 {
        let since = self.now.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.expect("after 1970").as_secs();
        i64::try_from(since).expect("before the end of time") + after
    }
}

/// An access file with one issuer.
fn access(lines: &str) -> String {
    format!("[[issuer]]\nissuer = {ISSUER:?}\naudiences = [\"aftercall\", \"other\"]\n{lines}\n")
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_accepted() {
    for signer in Signer::of_each_algorithm() {
        let trust = Trust::new(&[signer.jwk()], "");
        let token = signer.token(&trust.claims());
        let identity = trust.verify(&token).await;
        let identity = identity.unwrap_or_else(|denied| panic!("{}: {denied}", signer.algorithm));
        assert_eq!(&*identity.subject, "https://login.example.com#u-1");
        assert_eq!(&*identity.name, "Ann");
        assert_eq!(identity.roles.to_string(), "agent");
        let end = identity.expires_at.expect("an end");
        let rest = end.duration_since(trust.now).expect("later");
        assert!(rest <= Duration::from_secs(360) && rest > Duration::from_secs(358));
    }
}

#[tokio::test]
async fn a_known_token_counts_until_its_keys_change() {
    let (signer, other) = (Signer::ec(), Signer::ec().with_id("other"));
    let trust = Trust::new(&[signer.jwk()], "");
    let token = signer.token(&trust.claims());
    assert!(trust.verify(&token).await.is_ok());
    let issuers = trust.verifier.issuers();
    assert!(issuers.verified.get(&token).is_some(), "it is not known");
    assert!(issuers.verified.get(&format!("{token}A")).is_none());
    let later = trust.now + Duration::from_secs(361);
    assert_eq!(trust.at(&token, later).await, Err(Denied::Expired));
    let changes = trust.verifier.changes();
    trust.write_keys(&[signer.jwk(), other.jwk()]);
    assert!(trust.verifier.reload().is_empty());
    assert!(changes.has_changed().expect("open"));
    assert!(issuers.verified.get(&token).is_none(), "of earlier keys");
    assert!(trust.verify(&token).await.is_ok());
    trust.write_keys(&[other.jwk()]);
    trust.verifier.reload();
    assert!(trust.verify(&token).await.is_err(), "its key is withdrawn");
}

#[tokio::test]
async fn a_known_token_ends_with_its_issuer() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], "");
    let token = signer.token(&trust.claims());
    assert!(trust.verify(&token).await.is_ok());
    let access = fs::read_to_string(trust.path("access.toml")).expect("a file");
    let other = access.replace(ISSUER, "https://other.example.com");
    fs::write(trust.path("access.toml"), other).expect("written");
    assert!(trust.verifier.reload().is_empty());
    assert!(trust.verify(&token).await.is_err());
    fs::write(trust.path("access.toml"), access).expect("written");
    trust.verifier.reload();
    assert!(trust.verify(&token).await.is_ok());
}

#[tokio::test]
async fn an_invalid_key_file_keeps_the_earlier_keys() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], "");
    let token = signer.token(&trust.claims());
    for text in [
        "",
        "{}",
        "{\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
    ] {
        fs::write(trust.path("keys.json"), text).expect("written");
        assert_eq!(trust.verifier.reload().len(), 1, "{text}");
        assert_eq!(trust.verifier.reload().len(), 0, "reported twice");
        assert!(trust.verify(&token).await.is_ok(), "{text}");
    }
}
