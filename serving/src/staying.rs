//! The answer of a stream that something outside of its service may end.
//!
//! Promise: when the proof has expired, a right was taken away or the connection must end, the
//! stream ends with a status that says so. A client that does not read is ended by the rule
//! for stalled answers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use crate::asker;
use crate::connection::Connection;
use crate::door::Until;
use crate::refusal::Refusal;
use crate::streams::Ends;

/// Ends the answer to the present request with the rights of its sender, or when its connection
/// must end, if it is a stream.
pub(crate) fn while_allowed(response: Response<Body>) -> Response<Body> {
    let until = asker::until();
    if until.stays.is_none() && until.connection.is_none() {
        return response;
    }
    response.map(|body| Body::new(Staying::new(body, until)))
}

struct Staying {
    /// `None` once it has ended.
    body: Option<Body>,
    /// Ready once the rights have ended.
    ended: Option<Pin<Box<dyn Future<Output = Refusal> + Send>>>,
    /// The connection whose end ends it. It wakes this stream then.
    connection: Option<Arc<Connection>>,
}

impl Staying {
    fn new(body: Body, until: Until) -> Self {
        let Until { stays, connection } = until;
        if let Some(connection) = &connection
            && let Some(stream) = Ends::present()
        {
            connection.wake_at_end(&stream);
        }
        Self {
            body: Some(body),
            ended: stays.map(|stays| Box::pin(async move { stays.ended().await }) as _),
            connection,
        }
    }

    fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<Refusal> {
        let connection = self.connection.as_ref();
        if let Some(refusal) = connection.and_then(|connection| connection.ends_streams()) {
            return Poll::Ready(refusal);
        }
        match &mut self.ended {
            Some(ended) => ended.as_mut().poll(context),
            None => Poll::Pending,
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
        if self.body.is_none() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(refusal) = self.poll_ended(context) {
            // The service sees that its client has gone.
            self.body = None;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&refusal)))));
        }
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
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
