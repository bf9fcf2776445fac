//! How long a request may take: as long as its client waits, and no longer than the server allows.
//!
//! Promise: what the ledger has taken of a request is done although its time is over. Must not:
//! bound streams, which last as long as their clients read.

use std::time::Duration;

use aftercall_proto::rules::Rule;
use axum::http::HeaderMap;

use crate::limits::Limits;
use crate::refusal::Refusal;

/// How long a request may take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    after: Duration,
    /// What the client is answered then.
    refusal: Refusal,
}

impl Deadline {
    /// The deadline of a request with these headers to an RPC with this rule; `None` if it has
    /// none. Health and reflection have no rule.
    pub(crate) fn of(
        headers: &HeaderMap,
        rule: Option<&'static Rule>,
        limits: &Limits,
    ) -> Option<Self> {
        let of_client = client_timeout(headers).map(|after| Self {
            after,
            refusal: Refusal::Deadline,
        });
        let unary = rule.filter(|rule| !rule.is_stream);
        let of_server = unary.map(|rule| {
            let after = match rule.is_long {
                true => limits.long_request_max,
                false => limits.request_max,
            };
            let seconds = after.as_secs();
            Self {
                after,
                refusal: Refusal::RequestTime { seconds },
            }
        });
        let both = [of_client, of_server].into_iter().flatten();
        both.min_by_key(|deadline| deadline.after)
    }

    /// Waits for an answer, until the deadline.
    ///
    /// # Errors
    /// That of the answer, [`Refusal::Deadline`], [`Refusal::RequestTime`].
    pub(crate) async fn keep<T>(
        self,
        answering: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        tokio::time::timeout(self.after, answering)
            .await
            .unwrap_or(Err(self.refusal))
    }
}

/// How long the client waits, if it says so: at most eight digits and a unit.
#[must_use]
pub fn client_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount = Some(digits)
        .filter(|digits| digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let amount: u64 = amount?.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::rules::RULES;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            "grpc-timeout".parse().expect("a name"),
            value.parse().expect("a value"),
        )])
    }

    #[test]
    fn a_timeout_is_read_in_each_unit() {
        let read = |value| client_timeout(&headers(value));
        assert_eq!(read("2H"), Some(Duration::from_secs(7_200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(read("50m"), Some(Duration::from_millis(50)));
        assert_eq!(
            [read("5u"), read("5n")],
            [5_000, 5].map(|nanos| Some(Duration::from_nanos(nanos)))
        );
        for none in ["", "S", "5", "-5S", "+5S", "123456789S", "5x", "5 S"] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }

    #[test]
    fn the_shorter_time_of_client_and_server_counts() {
        let limits = Limits::default();
        let after = |headers: &HeaderMap, rule| {
            Deadline::of(headers, rule, &limits).map(|deadline| deadline.after.as_secs())
        };
        let of_method = |method: &str| {
            let found = RULES.iter().find(|rule| rule.path.ends_with(method));
            Some(found.expect("a rule"))
        };
        let none = HeaderMap::new();
        let [set, export] = ["/SetWorkflow", "/ExportWorkflow"].map(of_method);
        assert_eq!(after(&none, set), Some(10));
        assert_eq!(after(&none, export), Some(60));
        assert_eq!(after(&headers("3S"), set), Some(3));
        assert_eq!(after(&headers("30S"), set), Some(10));
        assert_eq!(after(&none, of_method("/Subscribe")), None);
        assert_eq!(after(&headers("30S"), of_method("/Subscribe")), Some(30));
        assert_eq!(after(&none, None), None);
    }
}
