//! Why a proof of identity was not accepted.

use thiserror::Error;

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

impl Denied {
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
