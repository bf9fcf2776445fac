//! The services of this process in its present role.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aftercall_serving::{Routes, ServiceFuture};
use http::Request;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tonic::body::Body;

use super::gate::Gate;
use super::guarded;

/// The services of one role.
pub(super) struct Present {
    pub(super) routes: Routes,
    /// `None` for a follower.
    pub(super) leads: Option<Leads>,
}

impl Present {
    /// Whether it accepts requests for the leader.
    pub(super) fn accepts(&self) -> bool {
        self.leads.as_ref().is_some_and(Leads::accepts)
    }
}

/// What a leader adds.
pub(super) struct Leads {
    pub(super) gate: Arc<Gate>,
    in_hand: TaskTracker,
    is_closed: AtomicBool,
}

impl Leads {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            in_hand: TaskTracker::new(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Whether it accepts requests.
    pub(super) fn accepts(&self) -> bool {
        !self.is_closed.load(Ordering::Acquire)
    }

    /// Accepts no further request.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    /// Accepts no further request, and waits for those in hand, for at most this time.
    pub(super) async fn drain(&self, time_max: Duration) {
        self.close();
        self.in_hand.close();
        // What is not finished then gets UNAVAILABLE when the gate is shut.
        let _ = timeout(time_max, self.in_hand.wait()).await;
    }

    pub(super) fn answer(&self, routes: &Routes, request: Request<Body>) -> ServiceFuture {
        let (gate, in_hand) = (Arc::clone(&self.gate), self.in_hand.token());
        let answering = routes.call(request);
        Box::pin(async move { Ok(guarded::answer(gate, answering, in_hand).await) })
    }
}
