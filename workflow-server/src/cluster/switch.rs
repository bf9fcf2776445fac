//! Sends each request to where it is answered: here, or at the leader.
//!
//! Promise: during an election a request waits for the next leader, within its deadline. Must not:
//! wait while this member has lost the store, because another member may be better off.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aftercall_serving::ServiceFuture;
use aftercall_serving::asker::is_passed_on;
use aftercall_serving::client_timeout;
use http::{Request, Response};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tonic::body::Body;
use tonic::codegen::Service;

use super::forward::{Forwarder, OnTerm};
use super::present::Present;
use super::way::Way;
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
        let wait = client_timeout(request.headers()).map_or(ELECTION_WAIT, share_of);
        match self.place(wait, is_passed_on).await {
            Some(Place::Here(present)) => match &present.leads {
                Some(leads) if !is_step_down => {
                    let answering = leads.answer(&present.routes, request);
                    answering.await.unwrap_or_else(|never| match never {})
                }
                _ => call(&present, request).await,
            },
            Some(Place::Leader(way)) => {
                let on_term = match is_step_down {
                    true => OnTerm::Ends,
                    false => OnTerm::Keeps,
                };
                self.forwarder.answer(&way, request, on_term).await
            }
            None if is_passed_on => unavailable_answer(LEADS_NOT),
            None => unavailable_answer(NO_LEADER),
        }
    }

    /// Waits for a place. `None` if there is none in time.
    async fn place(&self, wait: Duration, is_passed_on: bool) -> Option<Place> {
        let standing = self.forwarder.standing();
        let (mut sights, mut presents) = (standing.sights(), self.present.subscribe());
        let begun = Instant::now();
        let short = wait.min(LEADER_WAIT);
        loop {
            sights.mark_unchanged();
            let present = presents.borrow_and_update().clone();
            if let Some(present) = present.filter(|present| present.accepts()) {
                return Some(Place::Here(present));
            }
            if is_passed_on && standing.other_leader().is_some() {
                // A request is passed on once.
                return None;
            }
            if !is_passed_on && let Some(way) = self.forwarder.way() {
                return Some(Place::Leader(way));
            }
            let waited = begun.elapsed();
            if waited >= wait || (waited >= short && !standing.is_in_touch()) {
                return None;
            }
            let look = if waited < short { short } else { wait };
            let look = (begun + look).min(Instant::now() + LEADER_WAIT);
            tokio::select! {
                Ok(()) = sights.changed() => {}
                Ok(()) = presents.changed() => {}
                () = sleep_until(look) => {}
            }
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
