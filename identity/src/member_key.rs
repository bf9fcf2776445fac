//! The token by which a member of a cluster passes a request on to the leader, with the identity
//! that it has verified.
//!
//! Promise: only a process that knows the secret of the cluster can make a token, and a token is
//! valid for about a minute. Must not: write any part of a token or of the secret to an error or a
//! log.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aftercall_proto::access::v1::Role;
use aftercall_scope::Scope;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::denied::{Denied, DeniedProof};
use crate::identity::{Identity, Kind, Proof};

/// How long a token is valid: a member makes one for each request.
const LIFETIME: Duration = Duration::from_secs(30);
/// How far the clocks of two members may differ. A member whose clock differs more from that of the
/// store does not lead.
const LEEWAY: Duration = Duration::from_secs(60);
/// The issuer of these tokens.
const ISSUER: &str = "aftercall-member";
/// Bytes of a secret, at least: those of the hash.
const SECRET_BYTES_MIN: usize = 32;
/// Bytes of a token: a scope may name many customers and teams.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A request that a member passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOn {
    /// Who sent it, as the member has verified.
    pub identity: Arc<Identity>,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The name of the member.
    pub member: Arc<str>,
}

/// Makes and checks the tokens of one cluster.
pub struct MemberKey {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    epoch: Box<str>,
}

impl fmt::Debug for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberKey({}, hidden)", self.epoch)
    }
}

/// The claims, under the names of RFC 7519 where it has one.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: u64,
    sub: String,
    name: String,
    is_person: bool,
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    customers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    teams: Vec<String>,
    proof: String,
    /// When the proof of the client ends, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof_ends: Option<u64>,
    peer: SocketAddr,
    member: String,
}

impl MemberKey {
    /// The key of a cluster. `epoch` identifies its store. `None` if the secret is too short.
    #[must_use]
    pub fn new(secret: &[u8], epoch: &str) -> Option<Self> {
        if secret.len() < SECRET_BYTES_MIN {
            return None;
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[epoch]);
        // The time is compared with the time of the request, below.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        Some(Self {
            signing: EncodingKey::from_secret(secret).ok()?,
            checking: DecodingKey::from_secret(secret).ok()?,
            validation,
            epoch: epoch.into(),
        })
    }

    /// The token for a request. `None` if it cannot be made, which no identity causes.
    #[must_use]
    pub fn sign(&self, request: &PassedOn, now: SystemTime) -> Option<String> {
        let identity = &*request.identity;
        let names = |names: &[Box<str>]| names.iter().map(ToString::to_string).collect();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: self.epoch.to_string(),
            exp: seconds(now + LIFETIME),
            sub: identity.subject.to_string(),
            name: identity.name.to_string(),
            is_person: identity.kind == Kind::Person,
            roles: identity
                .roles
                .iter()
                .map(|role| role.name().to_owned())
                .collect(),
            customers: names(identity.scope.customers()),
            teams: names(identity.scope.teams()),
            proof: proof_name(identity.proof).to_owned(),
            proof_ends: identity.expires_at.map(millis),
            peer: request.peer,
            member: request.member.to_string(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.signing).ok()
    }

    /// The request of a token.
    ///
    /// # Errors
    /// [`Denied::Invalid`], [`Denied::Expired`].
    pub fn verify(&self, text: &str, now: SystemTime) -> Result<PassedOn, DeniedProof> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(NOT_OF_A_MEMBER.into());
        }
        let token = decode::<Claims>(text, &self.checking, &self.validation);
        let claims = token.map_err(|_| NOT_OF_A_MEMBER)?.claims;
        let (peer, member) = (claims.peer, claims.member.as_str().into());
        let identity = Arc::new(identity(&claims)?);
        let is_late = claims.exp.saturating_add(LEEWAY.as_secs()) < seconds(now);
        if is_late || identity.expires_at.is_some_and(|end| end <= now) {
            return Err(Denied::Expired.of(&*identity));
        }
        Ok(PassedOn {
            identity,
            peer,
            member,
        })
    }
}

const NOT_OF_A_MEMBER: Denied = Denied::Invalid {
    reason: "the metadata `aftercall-member` is not by a member of this cluster; only members send it",
};

fn identity(claims: &Claims) -> Result<Identity, Denied> {
    let role = |name: &String| Role::named(name).ok_or(NOT_OF_A_MEMBER);
    let proof = PROOFS
        .into_iter()
        .find(|proof| proof_name(*proof) == claims.proof);
    Ok(Identity {
        subject: claims.sub.as_str().into(),
        name: claims.name.as_str().into(),
        kind: if claims.is_person {
            Kind::Person
        } else {
            Kind::Service
        },
        roles: claims.roles.iter().map(role).collect::<Result<_, _>>()?,
        scope: Scope::new(&claims.customers, &claims.teams),
        proof: proof.ok_or(NOT_OF_A_MEMBER)?,
        expires_at: claims
            .proof_ends
            .map(|ends| UNIX_EPOCH + Duration::from_millis(ends)),
    })
}

const PROOFS: [Proof; 4] = [
    Proof::None,
    Proof::TokenFile,
    Proof::Jwt,
    Proof::ClientCertificate,
];

fn proof_name(proof: Proof) -> &'static str {
    match proof {
        Proof::None => "none",
        Proof::TokenFile => "token-file",
        Proof::Jwt => "jwt",
        Proof::ClientCertificate => "client-certificate",
    }
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn seconds(time: SystemTime) -> u64 {
    since_1970(time).as_secs()
}

fn millis(time: SystemTime) -> u64 {
    u64::try_from(since_1970(time).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    fn key(byte: u8, epoch: &str) -> MemberKey {
        MemberKey::new(&[byte; 32], epoch).expect("a key")
    }

    fn request() -> PassedOn {
        PassedOn {
            identity: Arc::new(Identity {
                subject: "https://id.example#ann".into(),
                name: "Änn".into(),
                kind: Kind::Person,
                roles: [Role::Agent, Role::Supervisor].into_iter().collect(),
                scope: Scope::new(&["Acme"], &["care", "billing"]),
                proof: Proof::Jwt,
                expires_at: Some(at(3_600)),
            }),
            peer: SocketAddr::from(([10, 0, 0, 7], 4_711)),
            member: "one".into(),
        }
    }

    #[test]
    fn a_member_passes_on_the_whole_identity() {
        let key = self::key(7, "epoch");
        let token = key.sign(&request(), at(0)).expect("a token");
        assert_eq!(key.verify(&token, at(0)), Ok(request()));
        let local = PassedOn {
            identity: Arc::new(Identity::local_operator()),
            ..request()
        };
        let token = key.sign(&local, at(0)).expect("a token");
        assert_eq!(key.verify(&token, at(0)), Ok(local));
    }

    #[test]
    fn a_token_of_another_secret_or_store_is_invalid() {
        let key = self::key(7, "epoch");
        for other in [self::key(8, "epoch"), self::key(7, "other")] {
            let token = other.sign(&request(), at(0)).expect("a token");
            assert_eq!(key.verify(&token, at(0)), Err(NOT_OF_A_MEMBER.into()));
        }
        let long = "x".repeat(TOKEN_BYTES_MAX + 1);
        let unsigned = "eyJhbGciOiJub25lIn0.e30.";
        for text in ["", unsigned, long.as_str()] {
            assert_eq!(key.verify(text, at(0)), Err(NOT_OF_A_MEMBER.into()));
        }
    }

    #[test]
    fn a_token_ends_with_its_time_and_with_the_proof() {
        let key = self::key(7, "epoch");
        let token = key.sign(&request(), at(0)).expect("a token");
        let ended = Denied::Expired.of(&*request().identity);
        // A clock may be behind by the leeway.
        assert!(key.verify(&token, at(90)).is_ok());
        assert_eq!(key.verify(&token, at(91)), Err(ended.clone()));
        let token = key.sign(&request(), at(3_600)).expect("a token");
        assert_eq!(key.verify(&token, at(3_600)), Err(ended));
    }
}
