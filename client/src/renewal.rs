//! Whether a stream continues with a fresh token after the server refused one.
//!
//! Promise: a token that is refused again and again ends the stream with the server's refusal. Must
//! not: get a token.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// How long a stream that was connected retries with expired tokens. What renews the token may be
/// late.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reason of the server: the token has expired.
const EXPIRED: &str = "TOKEN_EXPIRED";
/// Reason of the server: somebody revoked the token.
const REVOKED: &str = "TOKEN_REVOKED";

/// The refusals of tokens since the last frame.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    expired_since: Option<Instant>,
    was_revoked: bool,
}

impl Renewals {
    /// Notes a frame: the token is good.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Notes a refusal, and returns whether a fresh token may help: within [`PATIENCE`] after one
    /// expired, and once after one was revoked. A stream that was never connected tries once.
    pub(crate) fn is_worth_a_retry(
        &mut self,
        status: &Status,
        was_connected: bool,
        now: Instant,
    ) -> bool {
        if status.code() != Code::Unauthenticated {
            return false;
        }
        match reason(status).as_str() {
            EXPIRED => {
                let is_first = self.expired_since.is_none();
                let since = *self.expired_since.get_or_insert(now);
                is_first || (was_connected && now.duration_since(since) < PATIENCE)
            }
            REVOKED => !std::mem::replace(&mut self.was_revoked, true),
            _ => false,
        }
    }
}

/// Whether a server refuses a token because it has expired.
pub(crate) fn is_expired(status: &Status) -> bool {
    reason(status) == EXPIRED
}

fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map(|info| info.reason).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn refusal(code: Code, reason: &str) -> Status {
        let details = ErrorDetails::with_error_info(reason, "aftercall", HashMap::new());
        Status::with_error_details(code, "refused", details)
    }

    #[test]
    fn expired_tokens_are_renewed_for_a_minute() {
        let (mut renewals, began) = (Renewals::default(), Instant::now());
        let expired = refusal(Code::Unauthenticated, EXPIRED);
        for (seconds, is_retried) in [(0, true), (59, true), (60, false)] {
            let now = began + Duration::from_secs(seconds);
            assert_eq!(
                renewals.is_worth_a_retry(&expired, true, now),
                is_retried,
                "{seconds}"
            );
        }
        renewals.reset();
        let later = began + Duration::from_secs(90);
        assert!(renewals.is_worth_a_retry(&expired, true, later));
    }

    #[test]
    fn a_stream_that_never_began_renews_once() {
        let (mut renewals, now) = (Renewals::default(), Instant::now());
        let expired = refusal(Code::Unauthenticated, EXPIRED);
        assert!(renewals.is_worth_a_retry(&expired, false, now));
        assert!(!renewals.is_worth_a_retry(&expired, false, now));
    }

    #[test]
    fn a_revoked_token_is_renewed_once() {
        let (mut renewals, now) = (Renewals::default(), Instant::now());
        let revoked = refusal(Code::Unauthenticated, REVOKED);
        assert!(renewals.is_worth_a_retry(&revoked, true, now));
        assert!(!renewals.is_worth_a_retry(&revoked, true, now));
    }

    #[test]
    fn other_refusals_are_final() {
        let (mut renewals, now) = (Renewals::default(), Instant::now());
        for status in [
            refusal(Code::Unauthenticated, "TOKEN_INVALID"),
            refusal(Code::PermissionDenied, EXPIRED),
            Status::unauthenticated("no details"),
        ] {
            assert!(!renewals.is_worth_a_retry(&status, true, now), "{status}");
        }
    }
}
