//! An issuer of JWTs for tests: one key, and what it signs.

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
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": "key-1" });
        let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&all));
        let signature = self.key.sign(signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}
