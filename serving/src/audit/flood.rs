//! Refusals that come in floods: a client that tries again and again must not fill the audit log
//! and so remove what it did before.
//!
//! Promise: the first refusals of a source, an RPC and a reason are lines of their own. The rest of
//! ten seconds is one line with their number. Actions are never counted together.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::line::Event;

/// For how long refusals are counted together.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// Refusals of one kind in this time that have lines of their own: what a person's mistake causes.
const LINES_MAX: u32 = 10;

/// Kinds of refusals that are followed at once; others have lines of their own.
const KINDS_MAX: usize = 1_024;

/// The refusals of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Floods {
    kinds: HashMap<Kind, Seen>,
}

/// The source, the RPC and the reason of a refusal.
type Kind = [Box<str>; 3];

#[derive(Debug)]
struct Seen {
    since: Instant,
    lines: u32,
    /// The newest refusal without a line, and how many there are.
    counted: Option<(Event, u64)>,
}

impl Floods {
    /// Whether there is nothing to write later.
    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Returns an event that has a line of its own. Others are counted.
    pub(super) fn pass(&mut self, event: Event, now: Instant) -> Option<Event> {
        let Some(kind) = event.kind() else {
            return Some(event);
        };
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            return Some(event);
        }
        let seen = self.kinds.entry(kind).or_insert(Seen {
            since: now,
            lines: 0,
            counted: None,
        });
        if seen.lines < LINES_MAX {
            seen.lines += 1;
            return Some(event);
        }
        let earlier = seen.counted.as_ref().map_or(0, |(_, count)| *count);
        seen.counted = Some((event, earlier + 1));
        None
    }

    /// Ends what is ten seconds old, or everything. Returns a line for each kind that was counted.
    pub(super) fn end(&mut self, now: Instant, all: bool) -> Vec<Event> {
        let is_over = |seen: &Seen| all || now.duration_since(seen.since) >= WINDOW;
        let ended = self.kinds.extract_if(|_, seen| is_over(seen));
        let counted = ended.filter_map(|(_, seen)| seen.counted);
        counted
            .map(|(event, count)| event.with_count(count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::http::Uri;
    use tonic::Code;

    use super::*;
    use crate::log_context::LogContext;

    fn event(peer: [u8; 4], code: Code) -> Event {
        let path = Uri::from_static("/aftercall.workflow.v1.OperationsService/GetInstance");
        Event::Rpc {
            context: LogContext::new(&path, SocketAddr::from((peer, 7)), true),
            code,
            reason: "TOKEN_INVALID".into(),
            count: 1,
        }
    }

    #[test]
    fn a_flood_is_ten_lines_and_a_number() {
        let (mut floods, now) = (Floods::default(), Instant::now());
        let attacker = |_: &u32| event([10, 0, 0, 7], Code::Unauthenticated);
        let written = (0..1_000).filter(|at| floods.pass(attacker(at), now).is_some());
        assert_eq!(written.count(), 10);
        let other = event([10, 0, 0, 8], Code::Unauthenticated);
        assert!(floods.pass(other, now).is_some(), "another address");
        let action = || event([10, 0, 0, 7], Code::Ok);
        let is_written = |_: &u32| floods.pass(action(), now).is_some();
        assert_eq!((0..100).filter(is_written).count(), 100);
        assert!(floods.end(now + WINDOW / 2, false).is_empty());
        let ended = floods.end(now + WINDOW, false);
        assert!(
            matches!(ended[..], [Event::Rpc { count: 990, .. }]),
            "{ended:?}"
        );
        assert!(floods.is_empty());
        assert!(floods.pass(attacker(&0), now).is_some(), "a new time");
    }

    #[test]
    fn the_end_of_the_server_ends_every_count() {
        let (mut floods, now) = (Floods::default(), Instant::now());
        for _ in 0..12 {
            floods.pass(event([10, 0, 0, 7], Code::PermissionDenied), now);
        }
        let ended = floods.end(now, true);
        assert!(
            matches!(ended[..], [Event::Rpc { count: 2, .. }]),
            "{ended:?}"
        );
    }
}
