//! An issuer of JWTs for tests: one key, what it signs, and what a server must refuse.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use serde_json::{Value, json};

/// An issuer.
pub struct Issuer {
    name: String,
    key: KeyPair,
}

impl Issuer {
    /// An issuer with a new key.
    pub fn create(name: &str) -> Self {
        let name = name.to_owned();
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        Self { name, key }
    }

    /// Its keys, as a JWKS.
    pub fn keys(&self) -> String {
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.key.public_key_raw());
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "key-1", "x": x });
        json!({ "keys": [key] }).to_string()
    }

    /// Its private key, as PEM.
    pub fn private_key(&self) -> String {
        self.key.serialize_pem()
    }

    /// A token of a person. `claims` are added to those that every token has.
    pub fn token(&self, subject: &str, claims: &Value) -> String {
        let mut all = json!({
            "iss": self.name,
            "aud": "aftercall",
            "sub": subject,
            "exp": 4_102_444_800_u64,
        });
        if let (Value::Object(all), Value::Object(claims)) = (&mut all, claims) {
            all.extend(claims.clone());
        }
        self.sign("key-1", &all)
    }

    /// The entry of an access file that trusts it. Its keys are written into the folder.
    pub fn entry(&self, folder: &Path) -> String {
        let path = folder.join("keys.json");
        fs::write(&path, self.keys()).expect("written");
        let name = &self.name;
        format!(
            "[[issuer]]\nissuer = {name:?}\naudiences = [\"aftercall\"]\nkeys_file = {path:?}\n"
        )
    }

    /// All claims of a token that is accepted, for these roles. It ends in five minutes.
    pub fn claims(&self, name: &str, roles: &[&str]) -> Value {
        json!({
            "iss": self.name,
            "aud": "aftercall",
            "sub": name,
            "preferred_username": name,
            "roles": roles,
            "nbf": seconds(-10),
            "exp": seconds(300),
        })
    }

    /// A token with these claims and no others.
    pub fn sign(&self, key_id: &str, claims: &Value) -> String {
        let message = message("EdDSA", key_id, claims);
        let signature = self.key.sign(message.as_bytes()).expect("a signature");
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token whose signature is an HMAC with the public key: a careless server would take that
    /// key for a secret.
    pub fn hmac(&self, claims: &Value) -> String {
        let message = message("HS256", "key-1", claims);
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.public_key_raw());
        let tag = hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    /// A token that is not signed: `alg` is `none`.
    pub fn unsigned(claims: &Value) -> String {
        format!("{}.", message("none", "key-1", claims))
    }
}

/// Seconds since 1970, so many after now.
pub fn seconds(after: i64) -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let since = since.expect("after 1970").as_secs();
    i64::try_from(since).expect("before the end of time") + after
}

/// What of a token is signed.
fn message(algorithm: &str, key_id: &str, claims: &Value) -> String {
    let header = json!({ "alg": algorithm, "typ": "JWT", "kid": key_id });
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(&header), part(claims))
}
