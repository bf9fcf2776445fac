//! The ID token with which an issuer answers a sign-in.

use std::time::SystemTime;

use serde_json::Value;

use crate::denied::Denied;
use crate::jwt::key_set::KeySet;
use crate::jwt::token::{Token, check_times, invalid};

/// The claims of an ID token (OpenID Connect Core, 3.1.3.7), if it is by a key of its issuer, for
/// this client and this time. `keys` is the JWKS of the issuer. The caller compares the `nonce`.
///
/// # Errors
/// [`Denied::Invalid`], [`Denied::Expired`], [`Denied::NotYetValid`], [`Denied::NoKeys`].
pub fn id_token_claims(
    text: &str,
    issuer: &str,
    client_id: &str,
    keys: &str,
    now: SystemTime,
) -> Result<Value, Denied> {
    let token = Token::read(Token::bounded(text)?)?;
    let keys = KeySet::read(keys).map_err(|_| Denied::NoKeys)?;
    let Some(key) = keys.find(token.key_id.as_deref(), token.algorithm) else {
        return invalid("its issuer has no key for its algorithm and key id");
    };
    let claims = token.verified_claims(&key, issuer, &[client_id.to_owned()])?;
    check_times(&claims, now)?;
    // A token for several clients names the one that asked.
    let party = claims.get("azp").and_then(Value::as_str);
    if party.is_some_and(|party| party != client_id) {
        return invalid("it was issued to another client (`azp`)");
    }
    Ok(claims)
}
