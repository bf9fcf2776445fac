//! A JWT: its form, its signature, and the claims that every token has.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;

use crate::denied::Denied;

/// How far the clocks of an issuer and of this server may differ.
const LEEWAY: Duration = Duration::from_secs(60);
/// Bytes of a token: what a list of headers may have as a whole.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The algorithms of signatures that are accepted: each with a public key.
pub(super) const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

/// What the header of a token may say that it is, in lower case: an access token or an id token.
/// A token of another type, such as one for a logout, is meant for something else.
const TYPES: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// A token whose signature is not checked yet.
pub(super) struct Token<'a> {
    text: &'a str,
    /// The algorithm that it names.
    pub(super) algorithm: Algorithm,
    /// The id of the key that it names.
    pub(super) key_id: Option<String>,
    /// The issuer that it names.
    pub(super) issuer: String,
}

/// A sentence for a token that cannot be accepted.
pub(super) fn invalid<T>(reason: &'static str) -> Result<T, Denied> {
    Err(Denied::Invalid { reason })
}

impl<'a> Token<'a> {
    /// Checks the length of a token.
    pub(super) fn bounded(text: &str) -> Result<&str, Denied> {
        if text.len() > TOKEN_BYTES_MAX {
            return invalid("it is longer than 16 KiB");
        }
        Ok(text)
    }

    /// Reads the header of a token, and the issuer that it names.
    ///
    /// # Errors
    /// [`Denied::Invalid`].
    pub(super) fn read(text: &'a str) -> Result<Self, Denied> {
        let Some(claims) = claims_of(text) else {
            return invalid("it is neither a token of the token file nor a JWT");
        };
        let Ok(header) = decode_header(text) else {
            return invalid("its header is invalid, or names an unknown algorithm");
        };
        check(&header)?;
        let Some(issuer) = claims.get("iss").and_then(Value::as_str) else {
            return invalid("it names no issuer (`iss`)");
        };
        Ok(Self {
            text,
            algorithm: header.alg,
            key_id: header.kid,
            issuer: issuer.to_owned(),
        })
    }

    /// Its claims, if its signature is by the key, and it is for this server. Its times are for
    /// [`check_times`].
    ///
    /// # Errors
    /// [`Denied::Invalid`].
    pub(super) fn verified_claims(
        &self,
        key: &DecodingKey,
        issuer: &str,
        audiences: &[String],
    ) -> Result<Value, Denied> {
        let mut validation = Validation::new(self.algorithm);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(audiences);
        // The times are compared with the time of the request.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        match decode::<Value>(self.text, key, &validation) {
            Ok(token) => Ok(token.claims),
            Err(error) => invalid(reason(error.kind())),
        }
    }
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidAudience => "it is for another audience (`aud`)",
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => "it has no audience (`aud`)",
        ErrorKind::MissingRequiredClaim(claim) if claim == "exp" => "it has no end (`exp`)",
        ErrorKind::InvalidIssuer => "it is of another issuer (`iss`)",
        ErrorKind::InvalidSignature => "its signature is not by a key of its issuer",
        _ => "it has not the form of a JWT, or its signature cannot be checked",
    }
}

/// The claims of a token that nobody has verified.
fn claims_of(text: &str) -> Option<Value> {
    let mut parts = text.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&claims).ok()
}

fn check(header: &Header) -> Result<(), Denied> {
    if !ALGORITHMS.contains(&header.alg) {
        return invalid("its algorithm is none of RS256, PS256, ES256 and EdDSA");
    }
    // A server must refuse a token with one that it does not understand, and this one knows none.
    if header.crit.is_some() {
        return invalid("its header has critical parameters (`crit`)");
    }
    let typ = header.typ.as_ref().map(|typ| typ.to_ascii_lowercase());
    if typ.is_some_and(|typ| !TYPES.contains(&typ.as_str())) {
        return invalid("its type (`typ`) is not JWT or at+jwt");
    }
    Ok(())
}

/// Checks that the claims are for this time.
///
/// # Errors
/// [`Denied::Invalid`], [`Denied::Expired`], [`Denied::NotYetValid`].
pub(super) fn check_times(claims: &Value, now: SystemTime) -> Result<(), Denied> {
    if claims.get("nbf").is_some_and(|start| !start.is_null()) {
        let Some(start) = time(claims, "nbf") else {
            return invalid("its beginning (`nbf`) is no time");
        };
        if start > now + LEEWAY {
            return Err(Denied::NotYetValid);
        }
    }
    match end(claims) {
        None => invalid("its end (`exp`) is no time"),
        Some(end) if end <= now => Err(Denied::Expired),
        Some(_) => Ok(()),
    }
}

/// When a token is no longer accepted: after its end, as clocks differ.
pub(super) fn end(claims: &Value) -> Option<SystemTime> {
    time(claims, "exp")?.checked_add(LEEWAY)
}

/// A time in seconds since 1970, perhaps with a fraction.
fn time(claims: &Value, name: &str) -> Option<SystemTime> {
    let seconds = claims.get(name)?.as_f64()?;
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}
