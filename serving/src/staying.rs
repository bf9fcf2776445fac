//! The answer of a stream whose sender must keep its rights.
//!
//! Promise: when the proof has expired or a right was taken away, the stream ends with a status that
//! says so. A client that does not read is ended by the rule for stalled answers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use crate::asker::admitted;
use crate::door::Stays;
use crate::refusal::Refusal;

/// Ends the answer to the present request with the rights of its sender, if it is a stream.
pub(crate) fn while_allowed(response: Response<Body>) -> Response<Body> {
    match admitted().and_then(|admitted| admitted.stays) {
        None => response,
        Some(stays) => response.map(|body| Body::new(Staying::new(body, stays))),
    }
}

struct Staying {
    /// `None` once it has ended.
    body: Option<Body>,
    ended: Pin<Box<dyn Future<Output = Refusal> + Send>>,
}

impl Staying {
    fn new(body: Body, stays: Arc<Stays>) -> Self {
        Self {
            body: Some(body),
            ended: Box::pin(async move { stays.ended().await }),
        }
    }
}

impl HttpBody for Staying {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, ended } = &mut *self;
        let Some(open) = body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(refusal) = ended.as_mut().poll(context) {
            // The service sees that its client has gone.
            *body = None;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&refusal)))));
        }
        Pin::new(open).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

fn trailers(refusal: &Refusal) -> HeaderMap {
    let (head, _) = refusal.status().into_http::<Body>().into_parts();
    let mut trailers = head.headers;
    trailers.remove(CONTENT_TYPE);
    trailers
}
