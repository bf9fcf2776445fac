//! Sends each request to where it is answered: here, or at the leader.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use aftercall_serving::ServiceFuture;
use aftercall_serving::asker::is_passed_on;
use arc_swap::ArcSwapOption;
use http::{Request, Response};
use tonic::body::Body;
use tonic::codegen::Service;

use super::forward::Forwarder;
use super::present::Present;
use crate::service::unavailable_answer;

/// What every member answers itself, in every role: it shows only what is durable, or what is about
/// this process.
const HERE: [&str; 2] = [
    "/aftercall.workflow.v1.OperationsService/GetServerInfo",
    "/aftercall.workflow.v1.OperationsService/StepDown",
];
const FEED: &str = "/aftercall.feed.v1.ChangeFeedService/";

const BEGINS: &str =
    "this member of the cluster is reading the store: try again, or another member";
const LEADS_NOT: &str = "this member of the cluster does not lead any more: send the request again with the same request id";

/// The services of a member. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Switch(Arc<Inner>);

struct Inner {
    present: ArcSwapOption<Present>,
    forwarder: Forwarder,
}

impl Switch {
    pub(crate) fn new(forwarder: Forwarder) -> Self {
        Self(Arc::new(Inner {
            present: ArcSwapOption::empty(),
            forwarder,
        }))
    }

    /// Uses the services of this role.
    pub(super) fn set(&self, present: Option<Arc<Present>>) {
        self.0.present.store(present);
    }

    /// Watches the leader. Runs until the future is dropped.
    pub(crate) async fn watch(&self) {
        self.0.forwarder.watch().await;
    }

    fn answer(&self, request: Request<Body>) -> ServiceFuture {
        let present = self.0.present.load_full();
        let path = request.uri().path();
        if HERE.contains(&path) || path.starts_with(FEED) {
            return match present {
                Some(present) => present.routes.call(request),
                None => Box::pin(async { Ok(unavailable_answer(BEGINS)) }),
            };
        }
        if let Some(present) = &present
            && let Some(leads) = &present.leads
            && leads.accepts()
        {
            return leads.answer(&present.routes, request);
        }
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            if is_passed_on() {
                return Ok(unavailable_answer(LEADS_NOT));
            }
            Ok(inner.forwarder.answer(request).await)
        })
    }
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
