//! Answers of a leader at the end of its lease.

use std::sync::Arc;
use std::time::Duration;

use aftercall_serving::ServiceFuture;
use bytes::Bytes;
use futures::stream;
use http::Response;
use http_body::{Body as _, Frame};
use tokio::time::Instant;
use tokio_stream::StreamExt as _;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::TestClock;
use crate::cluster::gate::Gate;
use crate::cluster::guarded::answer;
use crate::ledger::Clock as _;
use crate::limits::LEASE;

/// A body with one frame now, and one after this time.
struct Frames(Vec<Frame<Bytes>>);

impl Frames {
    fn body(self, each_after: Duration) -> Body {
        let frames = stream::iter(self.0).throttle(each_after);
        let frames = frames.map(Ok::<_, Status>);
        Body::new(http_body_util::StreamBody::new(frames))
    }
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

fn service(body: Body, after: Duration) -> ServiceFuture {
    Box::pin(async move {
        tokio::time::sleep_until(Instant::now() + after).await;
        Ok(Response::new(body))
    })
}

fn open_gate() -> (Arc<TestClock>, Arc<Gate>) {
    let clock = TestClock::new();
    let gate = Arc::new(Gate::new(clock.clone()));
    gate.extend(clock.monotonic(), LEASE);
    let watching = Arc::clone(&gate);
    tokio::spawn(async move { watching.watch().await });
    (clock, gate)
}

async fn answered(gate: &Arc<Gate>, body: Body, after: Duration) -> Response<Body> {
    let tracker = TaskTracker::new();
    answer(Arc::clone(gate), service(body, after), tracker.token()).await
}

/// Checks that an answer is UNAVAILABLE, and says when to try again.
fn check_refused(headers: &http::HeaderMap) {
    let status = Status::from_header_map(headers).expect("a status");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().is_some());
}

/// All frames of a body, the data as text.
async fn frames(response: Response<Body>) -> (Vec<String>, Option<http::HeaderMap>) {
    let (mut seen, mut trailers) = (Vec::new(), None);
    let mut body = Box::pin(response.into_body());
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        match frame.expect("no error").into_data() {
            Ok(data) => seen.push(String::from_utf8_lossy(&data).into_owned()),
            Err(other) => trailers = other.into_trailers().ok(),
        }
    }
    (seen, trailers)
}

#[tokio::test(start_paused = true)]
async fn an_answer_leaves_while_the_lease_is_certain() {
    let (_clock, gate) = open_gate();
    let body = Frames(vec![data("a"), data("b")]).body(Duration::from_millis(10));
    let (seen, trailers) = frames(answered(&gate, body, Duration::from_secs(1)).await).await;
    assert_eq!(
        (seen, trailers),
        (vec!["a".to_owned(), "b".to_owned()], None)
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_made_before_a_pause_does_not_leave() {
    let (clock, gate) = open_gate();
    let body = Frames(vec![data("a")]).body(Duration::ZERO);
    let jumping = Arc::clone(&clock);
    let service: ServiceFuture = Box::pin(async move {
        // The process is paused after the answer was made.
        jumping.jump(LEASE);
        Ok(Response::new(body))
    });
    let response = answer(Arc::clone(&gate), service, TaskTracker::new().token()).await;
    check_refused(response.headers());
    // A pause after the head of the answer is found out before the message.
    let (clock, gate) = open_gate();
    let body = Frames(vec![data("a")]).body(Duration::ZERO);
    let response = answered(&gate, body, Duration::ZERO).await;
    assert!(response.headers().get("grpc-status").is_none());
    clock.jump(LEASE);
    let (seen, trailers) = frames(response).await;
    assert!(seen.is_empty());
    check_refused(&trailers.expect("trailers"));
}

#[tokio::test(start_paused = true)]
async fn a_request_in_hand_ends_with_the_lease() {
    let (clock, gate) = open_gate();
    let hour = Duration::from_secs(3_600);
    let response = answered(&gate, Body::default(), hour).await;
    check_refused(response.headers());
    assert!(clock.monotonic() < LEASE);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_lease() {
    let (clock, gate) = open_gate();
    let body = Frames(vec![data("a"), data("b")]).body(Duration::from_secs(3_600));
    let (seen, trailers) = frames(answered(&gate, body, Duration::ZERO).await).await;
    assert_eq!(seen, ["a"]);
    check_refused(&trailers.expect("trailers"));
    assert!(clock.monotonic() < LEASE);
}
