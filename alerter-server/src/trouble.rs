//! Why following the workflow-server's feed ended.
//!
//! Promise: where only a person can help, the sentence says what to set. Must not: retry.

use aftercall_client::Error;
use tokio::time::error::Elapsed;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::cache::Discontinuity;
use crate::limits::{FEED_MESSAGE_BYTES_MAX, FEED_SILENCE};

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the workflow-server cannot be reached: {0}")]
    Unreachable(#[source] Error),
    #[error("the workflow-server cannot be reached: {error}: {remedy}")]
    Settings {
        #[source]
        error: Error,
        remedy: &'static str,
    },
    #[error(
        "the workflow-server does not know this alerter-server ({}): set workflow_token_file, or workflow_certificate and workflow_key", .0.message()
    )]
    Unknown(Status),
    #[error(
        "the workflow-server refuses this alerter-server ({}): its identity needs the role alerter", .0.message()
    )]
    Forbidden(Status),
    #[error("the workflow-server answered {:?}: {}", .0.code(), .0.message())]
    Refused(Status),
    #[error(
        "a message of the workflow-server's feed is larger than the {FEED_MESSAGE_BYTES_MAX} bytes that this alerter-server reads ({0}); the two servers must be of one release, so update the older one"
    )]
    TooLarge(String),
    #[error("the workflow-server was silent for {} s", FEED_SILENCE.as_secs())]
    Silent(#[from] Elapsed),
    #[error("the workflow-server closed the feed")]
    Closed,
    #[error("the snapshot was cut off")]
    SnapshotCut,
    #[error(transparent)]
    Discontinuity(#[from] Discontinuity),
    #[error(
        "the workflow-server's newest entry is {newest}, but {head} was known: it has lost entries"
    )]
    Behind { newest: u64, head: u64 },
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let remedy = match &error {
            Error::Refused(status) => return (**status).clone().into(),
            Error::Untrusted { .. } => "name its certificate authority with workflow_ca",
            Error::File { .. } => "correct workflow_ca, workflow_certificate or workflow_key",
            Error::Token(_) => "correct workflow_token_file",
            Error::PlainTextToken { .. } => {
                "give workflow_server an address of https://, or set workflow_plain_text_token"
            }
            Error::CertificateRequired => "set workflow_certificate and workflow_key",
            Error::NoTls => "give workflow_server an address of http://",
            Error::OnlyTls => "give workflow_server an address of https://",
            _ => return Self::Unreachable(error),
        };
        Self::Settings { error, remedy }
    }
}

impl From<Status> for Trouble {
    /// Our own decoder refuses with the codes of a peer, but it gives no reason.
    fn from(status: Status) -> Self {
        let is_of_peer = status.get_details_error_info().is_some();
        let status = match Error::from(status) {
            Error::Refused(status) => *status,
            error => return error.into(),
        };
        match status.code() {
            Code::OutOfRange | Code::ResourceExhausted if !is_of_peer => {
                Self::TooLarge(status.message().to_owned())
            }
            Code::Unauthenticated => Self::Unknown(status),
            // The name of the host, which is another setting.
            Code::PermissionDenied if reason(&status) == "HOST_NOT_ALLOWED" => {
                Self::Refused(status)
            }
            Code::PermissionDenied => Self::Forbidden(status),
            _ => Self::Refused(status),
        }
    }
}

/// The stable reason of a refusal; empty where there is none.
fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map_or_else(String::new, |info| info.reason)
}

impl Trouble {
    /// Whether the cache may hold another history than the feed.
    pub(crate) fn requires_snapshot(&self) -> bool {
        match self {
            Self::Refused(status) => {
                matches!(status.code(), Code::OutOfRange | Code::FailedPrecondition)
            }
            Self::Discontinuity(_) | Self::Behind { .. } => true,
            Self::Unreachable(_)
            | Self::Settings { .. }
            | Self::Unknown(_)
            | Self::Forbidden(_)
            | Self::Silent(_)
            | Self::Closed
            | Self::SnapshotCut
            | Self::TooLarge(_) => false,
        }
    }

    /// Whether another workflow-server may serve the feed well.
    pub(crate) fn is_of_one_server(&self) -> bool {
        !matches!(self, Self::TooLarge(_)) && !self.needs_a_person(0)
    }

    /// Whether the feed ended only because its connection has reached its age.
    pub(crate) fn is_connection_age(&self) -> bool {
        matches!(self, Self::Refused(status) if reason(status) == "CONNECTION_AGE")
    }

    /// Whether only a person can help, after so many failures in a row. A token that expires is
    /// none of them at first: its file has a newer one.
    pub(crate) fn needs_a_person(&self, failures: u32) -> bool {
        match self {
            Self::Settings { .. } | Self::Forbidden(_) => true,
            Self::Unknown(status) => failures > 0 || reason(status) != "TOKEN_EXPIRED",
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn refusal(code: Code, reason: &str) -> Trouble {
        let details = ErrorDetails::with_error_info(reason, "aftercall", HashMap::new());
        Status::with_error_details(code, "who are you", details).into()
    }

    #[test]
    fn a_refusal_says_what_to_set() {
        let unknown = refusal(Code::Unauthenticated, "PROOF_REQUIRED");
        assert!(unknown.to_string().contains("set workflow_token_file"));
        let forbidden = refusal(Code::PermissionDenied, "ROLE_MISSING");
        assert!(forbidden.to_string().contains("the role alerter"));
        let untrusted = Trouble::from(Error::Untrusted {
            reason: "it has expired".to_owned(),
        });
        assert!(untrusted.to_string().contains("workflow_ca"));
        for trouble in [unknown, forbidden, untrusted] {
            assert!(trouble.needs_a_person(0) && !trouble.requires_snapshot());
        }
    }

    #[test]
    fn an_expired_token_is_renewed_before_a_person_is_needed() {
        let expired = refusal(Code::Unauthenticated, "TOKEN_EXPIRED");
        assert_eq!(
            (expired.needs_a_person(0), expired.needs_a_person(1)),
            (false, true)
        );
        assert!(!refusal(Code::PermissionDenied, "HOST_NOT_ALLOWED").needs_a_person(1));
        assert!(!refusal(Code::Unavailable, "DRAINING").needs_a_person(1));
    }
}
