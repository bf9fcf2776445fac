//! Refusals, and the one place where they become statuses.
//!
//! Promise: every status carries a stable reason and says what the reader can do. It shows nothing
//! of the server's inside.

use aftercall_serving::FieldError;
use tonic::{Code, Status};
use tonic_types::{
    ErrorDetails, FieldViolation, PreconditionViolation, QuotaViolation, StatusExt as _,
};

use crate::boards::NoBoard;
use crate::limits::{RETRY_AFTER, WALLBOARD_SCOPES_MAX};

/// The domain of every reason.
const DOMAIN: &str = "aftercall";

/// Why a stream is not opened, or ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{}", FieldError::summary(.0))]
    Malformed(Vec<FieldError>),
    #[error("the alerter has not read the workflow-server's state yet; ask again in a moment")]
    NotReady,
    #[error(
        "the alerter has not read the entry of the token yet; ask again in a moment, or another alerter"
    )]
    Behind,
    #[error("the alerter is going away; reconnect, to another one if there is one")]
    Draining,
    #[error(
        "all {streams_max} streams of this alerter are taken; close one, or use another alerter"
    )]
    TooManyStreams { streams_max: usize },
    #[error(
        "the wallboards of {WALLBOARD_SCOPES_MAX} scopes are watched already; ask again later, or use another alerter"
    )]
    TooManyScopes,
    #[error("the client took nothing for {stall_seconds} s; resume with the last token")]
    Stalled { stall_seconds: u64 },
    #[error("the stream cannot resume from the token ({}): subscribe with snapshot AUTO", .reason.sentence())]
    CannotResume {
        reason: Obstacle,
        oldest_sequence: u64,
        newest_sequence: u64,
    },
}

/// Why a stream cannot resume from a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    TooOld,
    OtherHistory,
    OtherFilter,
    FromTheFuture,
    AlerterRestarted,
}

impl Obstacle {
    /// Its stable name, for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TooOld => "TOO_OLD",
            Self::OtherHistory => "OTHER_HISTORY",
            Self::OtherFilter => "OTHER_FILTER",
            Self::FromTheFuture => "FROM_THE_FUTURE",
            Self::AlerterRestarted => "ALERTER_RESTARTED",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::TooOld => "it is older than the alerter remembers",
            Self::OtherHistory => "it is of another store, or of another history of this one",
            Self::OtherFilter => "it was given for another filter",
            Self::FromTheFuture => "it is ahead of all that the alerter knows",
            Self::AlerterRestarted => {
                "the alerter had to start again and remembers less than before"
            }
        }
    }
}

impl From<NoBoard> for Refusal {
    fn from(reason: NoBoard) -> Self {
        match reason {
            NoBoard::NotReady => Self::NotReady,
            NoBoard::TooManyScopes => Self::TooManyScopes,
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        let bounds = bounds(&refusal);
        let (code, reason, mut details) = match refusal {
            Refusal::Malformed(errors) => {
                let violations: Vec<FieldViolation> = errors
                    .into_iter()
                    .map(|error| FieldViolation::new(error.field, error.message))
                    .collect();
                (
                    Code::InvalidArgument,
                    "INVALID_REQUEST",
                    ErrorDetails::with_bad_request(violations),
                )
            }
            Refusal::NotReady => (Code::Unavailable, "NOT_READY", retry()),
            Refusal::Behind => (Code::Unavailable, "BEHIND", retry()),
            Refusal::Draining => (Code::Unavailable, "DRAINING", retry()),
            Refusal::Stalled { .. } => (Code::Unavailable, "STALLED", retry()),
            Refusal::TooManyStreams { .. } => {
                let mut details = retry();
                details.set_quota_failure(vec![QuotaViolation::new("alerter", message.clone())]);
                (Code::ResourceExhausted, "TOO_MANY_STREAMS", details)
            }
            Refusal::TooManyScopes => {
                let mut details = retry();
                details.set_quota_failure(vec![QuotaViolation::new("alerter", message.clone())]);
                (Code::ResourceExhausted, "TOO_MANY_SCOPES", details)
            }
            Refusal::CannotResume { reason, .. } => {
                let too_old = matches!(reason, Obstacle::TooOld | Obstacle::AlerterRestarted);
                let code = if too_old {
                    Code::OutOfRange
                } else {
                    Code::FailedPrecondition
                };
                let mut details = ErrorDetails::new();
                if !too_old {
                    let violation =
                        PreconditionViolation::new(reason.name(), "resume_token", message.clone());
                    details.set_precondition_failure(vec![violation]);
                }
                (code, reason.name(), details)
            }
        };
        details.set_error_info(reason, DOMAIN, bounds);
        Self::with_error_details(code, message, details)
    }
}

fn retry() -> ErrorDetails {
    ErrorDetails::with_retry_info(Some(RETRY_AFTER))
}

/// The sequences from which and to which a stream can resume.
fn bounds(refusal: &Refusal) -> std::collections::HashMap<String, String> {
    match refusal {
        Refusal::CannotResume {
            oldest_sequence,
            newest_sequence,
            ..
        } => [
            ("oldest_sequence".to_owned(), oldest_sequence.to_string()),
            ("newest_sequence".to_owned(), newest_sequence.to_string()),
        ]
        .into(),
        _ => std::collections::HashMap::new(),
    }
}
