//! The keys of an issuer: a JWKS.

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Keys of an issuer: providers publish a handful.
const KEYS_MAX: usize = 256;

/// The keys of an issuer with which it may sign tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWKS. Keys of other kinds and for other uses are left out.
    ///
    /// # Errors
    /// A sentence that says what is wrong. It has no part of the text.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let Ok(Jwks { keys }) = serde_json::from_str(text) else {
            return Err("it is no JWKS: an object of JSON with a list `keys`".to_owned());
        };
        let keys = keys.into_iter().take(KEYS_MAX).filter_map(Key::read);
        let keys: Vec<Key> = keys.collect();
        if keys.is_empty() {
            return Err("none of its keys is for RS256, PS256, ES256 or EdDSA".to_owned());
        }
        Ok(Self(keys))
    }

    /// The key for a token. A token without a key id is for the only key that fits.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let fitting = |key: &&Key| key.algorithms.contains(&algorithm);
        let mut keys = self.0.iter().filter(fitting);
        match id {
            Some(_) => keys.find(|key| key.id.as_deref() == id),
            None => keys.next().filter(|_| keys.next().is_none()),
        }
        .map(|key| key.key.clone())
    }

    /// Whether there is a key of this id, for any algorithm.
    pub(super) fn has_id(&self, id: Option<&str>) -> bool {
        id.is_none() || self.0.iter().any(|key| key.id.as_deref() == id)
    }
}

impl Key {
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let is_for_signatures = match &common.public_key_use {
            None | Some(PublicKeyUse::Signature) => true,
            Some(_) => false,
        };
        let can_verify = match &common.key_operations {
            None => true,
            Some(operations) => operations.contains(&KeyOperations::Verify),
        };
        // A key that names an algorithm is for no other one.
        let is_named = |algorithm: &Algorithm| match common.key_algorithm {
            None => true,
            Some(named) => named == KeyAlgorithm::from(*algorithm),
        };
        let algorithms = of_type(&jwk.algorithm).iter().copied();
        let algorithms: Vec<Algorithm> = algorithms.filter(is_named).collect();
        if !is_for_signatures || !can_verify || algorithms.is_empty() {
            return None;
        }
        Some(Self {
            id: common.key_id.clone(),
            algorithms,
            key: DecodingKey::from_jwk(&jwk).ok()?,
        })
    }
}

/// The algorithms for which a key of a type can be. A symmetric key is for none.
fn of_type(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    match parameters {
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            &[Algorithm::ES256]
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => &[],
    }
}
