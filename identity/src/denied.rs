//! Why a proof of identity was not accepted.

use std::sync::Arc;

use thiserror::Error;

use crate::identity::{Identity, Kind};
use crate::roles::Roles;

/// Why a proof of identity was not accepted. No variant holds the proof itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// There is none.
    #[error(
        "this server wants proof of who you are: send a token in the metadata `authorization` as `Bearer TOKEN`{}",
        if *.by_certificate { ", or connect with a client certificate that its access file names" } else { "" }
    )]
    NoProof {
        /// Whether a client certificate would do.
        by_certificate: bool,
    },
    /// The metadata is not a bearer token.
    #[error("the metadata `authorization` has no bearer token: write `Bearer TOKEN`")]
    NotBearer,
    /// The token is not one of the token file, and no JWT that this server can trust.
    #[error("the token is not valid: {reason}")]
    Invalid {
        /// What is wrong, in words without any part of the token.
        reason: &'static str,
    },
    /// The token has expired.
    #[error("the token has expired: get a new one, and send the request again")]
    Expired,
    /// The token is for later.
    #[error("the token is not valid yet: check the clocks of the issuer and of this server")]
    NotYetValid,
    /// The token was revoked.
    #[error("the token was revoked: ask the operator of this server for another one")]
    Revoked,
    /// The access file does not name the certificate.
    #[error("the client certificate is valid, but the access file of this server does not name it")]
    UnknownCertificate,
    /// The keys of the issuer are not known yet.
    #[error("the keys of the issuer cannot be read at present: try again")]
    NoKeys,
}

/// A proof of identity that was not accepted, and whose it is. The sender reads only why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct DeniedProof {
    /// Why it was not accepted.
    pub why: Denied,
    /// Who it names, if it is genuine: for the audit log. `None` if it is not, or names nobody.
    pub holder: Option<Box<Holder>>,
}

/// Who a genuine proof names. It is no identity: nobody is let in as it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Stable id; empty if the proof has none for this server.
    pub subject: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Whether it is a person; `None` if that is unknown.
    pub kind: Option<Kind>,
    /// The roles that it would have.
    pub roles: Roles,
}

impl From<Denied> for DeniedProof {
    fn from(why: Denied) -> Self {
        Self { why, holder: None }
    }
}

impl From<&Identity> for Holder {
    fn from(identity: &Identity) -> Self {
        Self {
            subject: Arc::clone(&identity.subject),
            name: Arc::clone(&identity.name),
            kind: Some(identity.kind),
            roles: identity.roles,
        }
    }
}

impl Denied {
    /// The same about the proof of this holder.
    pub(crate) fn of(self, holder: impl Into<Holder>) -> DeniedProof {
        DeniedProof {
            why: self,
            holder: Some(Box::new(holder.into())),
        }
    }

    /// Its stable name, for programs, metrics and the audit log.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoProof { .. } => "PROOF_REQUIRED",
            Self::NotBearer | Self::Invalid { .. } => "TOKEN_INVALID",
            Self::Expired => "TOKEN_EXPIRED",
            Self::NotYetValid => "TOKEN_NOT_YET_VALID",
            Self::Revoked => "TOKEN_REVOKED",
            Self::UnknownCertificate => "CERTIFICATE_UNKNOWN",
            Self::NoKeys => "ISSUER_KEYS_MISSING",
        }
    }

    /// Every stable name.
    pub const REASONS: &[&str] = &[
        "CERTIFICATE_UNKNOWN",
        "ISSUER_KEYS_MISSING",
        "PROOF_REQUIRED",
        "TOKEN_EXPIRED",
        "TOKEN_INVALID",
        "TOKEN_NOT_YET_VALID",
        "TOKEN_REVOKED",
    ];
}
