//! Answers of the leader, which leave only while its lease is certain.
//!
//! Promise: the gate is checked after an answer is made, and again before each of its frames
//! leaves. A request that is not answered when the lease ends gets UNAVAILABLE.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aftercall_serving::ServiceFuture;
use bytes::Bytes;
use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Status;
use tonic::body::Body;

use super::gate::Gate;
use crate::service::{unavailable_answer, unavailable_trailers};

const UNCERTAIN: &str = "this server cannot be certain that it still leads its cluster: send the request again with the same request id";

/// The answer to a request of the leader. `in_hand` counts the request until its answer has left.
pub(super) async fn answer(
    gate: Arc<Gate>,
    answering: ServiceFuture,
    in_hand: TaskTrackerToken,
) -> Response<Body> {
    let Some(period) = gate.period() else {
        return unavailable_answer(UNCERTAIN);
    };
    let answered = tokio::select! {
        biased;
        answered = answering => answered,
        () = period.cancelled() => return unavailable_answer(UNCERTAIN),
    };
    let response = match answered {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if !gate.is_open() {
        return unavailable_answer(UNCERTAIN);
    }
    response.map(|body| {
        Body::new(Guarded {
            body: Some(body),
            gate,
            period,
            ended: None,
            _in_hand: in_hand,
        })
    })
}

/// The body of an answer.
struct Guarded {
    /// `None` once it has ended.
    body: Option<Body>,
    gate: Arc<Gate>,
    period: CancellationToken,
    /// Made only if the body has to wait, as few have.
    ended: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _in_hand: TaskTrackerToken,
}

impl Guarded {
    fn end(&mut self) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.body = None;
        Poll::Ready(Some(Ok(Frame::trailers(unavailable_trailers(UNCERTAIN)))))
    }
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let Poll::Ready(frame) = Pin::new(body).poll_frame(context) else {
            let period = self.period.clone();
            let ended = self
                .ended
                .get_or_insert_with(|| Box::pin(period.cancelled_owned()));
            ready!(ended.as_mut().poll(context));
            return self.end();
        };
        if frame.is_some() && !self.gate.is_open() {
            return self.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
