//! Sends each request to where it is answered: here, or at the leader.
//!
//! Promise: during an election a request waits for the next leader, within its deadline. So does one
//! whose leader is lost before the answer, if it has no second effect: a client need not find out
//! which of the other members is well. Must not: wait while this member has lost the store, because
//! another member may be better off.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aftercall_client::{Replay, is_repeatable};
use aftercall_serving::ServiceFuture;
use aftercall_serving::asker::is_passed_on;
use aftercall_serving::client_timeout;
use http::request::Parts;
use http::{Request, Response};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tonic::body::Body;
use tonic::codegen::Service;

use super::forward::{Forwarder, OnTerm};
use super::present::Present;
use super::way::Way;
use crate::journal::Term;
use crate::limits::{ELECTION_WAIT, LEADER_WAIT};
use crate::service::unavailable_answer;

/// What every member answers itself, in every role: it is about this process.
const INFO: &str = "/aftercall.workflow.v1.OperationsService/GetServerInfo";
/// The same: it shows only what is durable.
const FEED: &str = "/aftercall.feed.v1.ChangeFeedService/";
/// What a leader answers although its term has ended meanwhile.
const STEP_DOWN: &str = "/aftercall.workflow.v1.OperationsService/StepDown";

const BEGINS: &str =
    "this member of the cluster has not read the store yet: try again, or another member";
const LEADS_NOT: &str = "this member of the cluster does not lead any more: send the request again with the same request id";
const NO_LEADER: &str =
    "no member of the cluster leads at present: send the request again with the same request id";

/// The services of a member. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Switch(Arc<Inner>);

struct Inner {
    present: watch::Sender<Option<Arc<Present>>>,
    forwarder: Forwarder,
}

/// Where a request is answered.
enum Place {
    Here(Arc<Present>),
    Leader(Arc<Way>),
}

impl Switch {
    pub(crate) fn new(forwarder: Forwarder) -> Self {
        Self(Arc::new(Inner {
            present: watch::Sender::new(None),
            forwarder,
        }))
    }

    /// Uses the services of this role.
    pub(super) fn set(&self, present: Option<Arc<Present>>) {
        self.0.present.send_replace(present);
    }

    /// Watches the leader. Runs until the future is dropped.
    pub(crate) async fn watch(&self) {
        self.0.forwarder.watch().await;
    }

    fn answer(&self, request: Request<Body>) -> ServiceFuture {
        let Some(present) = self.0.present.borrow().clone() else {
            return Box::pin(async { Ok(unavailable_answer(BEGINS)) });
        };
        let path = request.uri().path();
        if path == INFO || path.starts_with(FEED) || is_of_leader(&present, path) {
            return present.routes.call(request);
        }
        if let Some(leads) = &present.leads
            && leads.accepts()
        {
            return leads.answer(&present.routes, request);
        }
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Ok(inner.answer_soon(request).await) })
    }
}

/// Whether this is a request to step down, and this process leads or finishes its work as the leader.
fn is_of_leader(present: &Present, path: &str) -> bool {
    path == STEP_DOWN && present.leads.is_some()
}

impl Inner {
    /// Answers a request that no leader here accepts now.
    async fn answer_soon(&self, request: Request<Body>) -> Response<Body> {
        let is_passed_on = is_passed_on();
        let is_step_down = request.uri().path() == STEP_DOWN;
        if is_passed_on && is_step_down {
            // It names the leader.
            let present = self.present.borrow().clone();
            return match present {
                Some(present) => call(&present, request).await,
                None => unavailable_answer(BEGINS),
            };
        }
        let (head, body) = request.into_parts();
        let sending = Sending {
            until: client_timeout(&head.headers).map(|timeout| Instant::now() + share_of(timeout)),
            replay: Replay::new(body),
            head,
            is_passed_on,
            is_step_down,
        };
        let answered = self.answer_or_repeat(&sending).await;
        sending.replay.settle();
        answered
    }

    /// Answers a request here or at the leader. If a leader is lost before its answer, sends a
    /// request that has no second effect to the next one.
    async fn answer_or_repeat(&self, sending: &Sending) -> Response<Body> {
        let mut lost: Option<LostAt> = None;
        loop {
            let until = Instant::now() + ELECTION_WAIT;
            let until = [sending.until, lost.map(|lost| lost.until)]
                .into_iter()
                .flatten()
                .fold(until, Instant::min);
            let lost_in = lost.map(|lost| lost.term);
            match self.place(until, sending.is_passed_on, lost_in).await {
                Some(Place::Here(present)) => return sending.answer_here(&present).await,
                Some(Place::Leader(way)) => {
                    let answered =
                        (self.forwarder).answer(&way, sending.request(), sending.on_term());
                    let refusal = match answered.await {
                        Ok(response) => return response,
                        Err(refusal) => refusal,
                    };
                    if !sending.is_repeatable() {
                        return unavailable_answer(refusal);
                    }
                    let first =
                        lost.map_or_else(|| Instant::now() + ELECTION_WAIT, |lost| lost.until);
                    lost = Some(LostAt {
                        term: way.term,
                        until: first,
                        refusal,
                    });
                }
                None => {
                    return unavailable_answer(match lost {
                        Some(lost) => lost.refusal,
                        None if sending.is_passed_on => LEADS_NOT,
                        None => NO_LEADER,
                    });
                }
            }
        }
    }

    /// Waits for a place. `None` if there is none in time. A leader that was lost in the term `lost`
    /// is tried again after a moment, because its connection may have failed and not the leader.
    async fn place(&self, until: Instant, is_passed_on: bool, lost: Option<Term>) -> Option<Place> {
        let standing = self.forwarder.standing();
        let (mut pictures, mut presents) = (standing.pictures(), self.present.subscribe());
        let begun = Instant::now();
        let wait = until.saturating_duration_since(begun);
        let short = wait.min(LEADER_WAIT);
        loop {
            pictures.mark_unchanged();
            let present = presents.borrow_and_update().clone();
            if let Some(present) = present.filter(|present| present.accepts()) {
                return Some(Place::Here(present));
            }
            if is_passed_on && standing.other_leader().is_some() {
                // A request is passed on once.
                return None;
            }
            let waited = begun.elapsed();
            let may_use = |way: &Arc<Way>| {
                lost != Some(way.term) || (waited >= LEADER_WAIT && standing.is_in_touch())
            };
            if !is_passed_on && let Some(way) = self.forwarder.way().filter(may_use) {
                return Some(Place::Leader(way));
            }
            if waited >= wait || (waited >= short && !standing.is_in_touch()) {
                return None;
            }
            let look = if waited < short { short } else { wait };
            let look = (begun + look).min(Instant::now() + LEADER_WAIT);
            tokio::select! {
                Ok(()) = pictures.changed() => {}
                Ok(()) = presents.changed() => {}
                () = sleep_until(look) => {}
            }
        }
    }
}

/// A request on its way to where it is answered.
struct Sending {
    head: Parts,
    replay: Replay,
    /// Until then it waits for a leader: the rest of the time of its client is for the answer.
    until: Option<Instant>,
    is_passed_on: bool,
    is_step_down: bool,
}

/// Where an answer was lost.
#[derive(Clone, Copy)]
struct LostAt {
    term: Term,
    /// Until then the request is sent again.
    until: Instant,
    /// What its client gets if nobody answers.
    refusal: &'static str,
}

impl Sending {
    fn request(&self) -> Request<Body> {
        Request::from_parts(self.head.clone(), self.replay.body())
    }

    fn on_term(&self) -> OnTerm {
        if self.is_step_down {
            OnTerm::Ends
        } else {
            OnTerm::Keeps
        }
    }

    /// Whether it can be sent again, and has no second effect. A leader that got nothing of its body
    /// has not begun it.
    fn is_repeatable(&self) -> bool {
        let sent = self.replay.sent();
        let has_no_second_effect = sent.is_empty() || is_repeatable(self.head.uri.path(), &sent);
        // Another one would end the term of the next leader.
        self.replay.is_whole() && has_no_second_effect && !self.is_step_down
    }

    async fn answer_here(&self, present: &Present) -> Response<Body> {
        match &present.leads {
            Some(leads) if !self.is_step_down => {
                let answering = leads.answer(&present.routes, self.request());
                answering.await.unwrap_or_else(|never| match never {})
            }
            _ => call(present, self.request()).await,
        }
    }
}

/// How long a request waits whose client gives up after this time: the rest is for its answer.
fn share_of(timeout: Duration) -> Duration {
    ELECTION_WAIT.min(timeout * 3 / 4)
}

async fn call(present: &Present, request: Request<Body>) -> Response<Body> {
    let answered = present.routes.call(request).await;
    answered.unwrap_or_else(|never| match never {})
}

impl Service<Request<Body>> for Switch {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ServiceFuture {
        self.answer(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_within_its_deadline() {
        for (timeout, wait) in [(800, 600), (4_000, 3_000), (60_000, 5_000)] {
            let timeout = Duration::from_millis(timeout);
            assert_eq!(share_of(timeout), Duration::from_millis(wait));
        }
    }
}
