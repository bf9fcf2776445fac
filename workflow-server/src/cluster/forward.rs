//! Passes requests on to the leader as they are: no message is decoded.
//!
//! Promise: the leader gets the identity that this member has verified, and the client's deadline
//! and metadata. Its answer comes back with its trailers. A request is passed on by one member only:
//! the one that gets it refuses it if it does not lead.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use aftercall_identity::PassedOn;
use aftercall_serving::asker::{asker, caller};
use aftercall_serving::log_context::LogContext;
use aftercall_serving::{MEMBER_HEADER, MemberKeys, Seldom};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, Response, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

use super::standing::Standing;
use super::way::{MemberTls, Seat, Way};
use crate::limits::LEADER_WAIT;
use crate::service::unavailable_trailers;

const NO_SECRET: &str = "this member does not know the secret of the cluster yet: send the request again with the same request id";
const LOST: &str = "the connection to the leader of the cluster was lost: send the request again with the same request id";

// A leader that is gone fails many requests at once. Each is in the metrics.
static NOT_PASSED_ON: Seldom = Seldom::new();
static NO_WAY: Seldom = Seldom::new();
static BROKEN_OFF: Seldom = Seldom::new();

/// What a request does to the term of the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnTerm {
    /// It keeps it. The answer is given up when the term ends, because it may never come.
    Keeps,
    /// It ends it. The answer comes afterwards.
    Ends,
}

/// Passes requests on.
pub(crate) struct Forwarder {
    standing: Arc<Standing>,
    keys: MemberKeys,
    tls: MemberTls,
    way: Mutex<Option<Arc<Way>>>,
    name: Arc<str>,
}

impl Forwarder {
    pub(crate) fn new(standing: Arc<Standing>, keys: MemberKeys, tls: MemberTls) -> Self {
        Self {
            name: standing.member.name.as_str().into(),
            standing,
            keys,
            tls,
            way: Mutex::default(),
        }
    }

    /// Ends the way to a leader when it is not known to lead any more, so that its requests do not
    /// hang. Runs until the future is dropped.
    pub(crate) async fn watch(&self) {
        let mut pictures = self.standing.pictures();
        while pictures.changed().await.is_ok() {
            let leader = self.standing.other_leader();
            let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
            let is_over =
                |way: &mut Arc<Way>| leader.as_ref().is_none_or(|leader| leader.term != way.term);
            if let Some(over) = way.take_if(is_over) {
                over.ended.cancel();
            }
        }
    }

    /// What is known of the cluster.
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The answer of the leader.
    ///
    /// # Errors
    /// A sentence for the client, if the leader was lost or the request not sent.
    pub(super) async fn answer(
        &self,
        way: &Arc<Way>,
        request: Request<Body>,
        on_term: OnTerm,
    ) -> Result<Response<Body>, &'static str> {
        let outcome = self.send(way, request, on_term).await;
        let label = if outcome.is_ok() {
            "answered"
        } else {
            "failed"
        };
        metrics::counter!("aftercall_forwarded_requests_total", "outcome" => label).increment(1);
        outcome
    }

    async fn send(
        &self,
        way: &Arc<Way>,
        request: Request<Body>,
        on_term: OnTerm,
    ) -> Result<Response<Body>, &'static str> {
        LogContext::note_passing_on();
        let request = self.signed(request).await.ok_or(NO_SECRET)?;
        let ended = match on_term {
            OnTerm::Keeps => way.ended.clone(),
            OnTerm::Ends => CancellationToken::new(),
        };
        let sent = tokio::select! {
            sent = way.send(request) => sent,
            () = ended.cancelled() => return Err(LOST),
        };
        let (response, seat) = sent.map_err(|error| {
            if let Some(count) = NOT_PASSED_ON.is_due() {
                tracing::warn!(error, term = %way.term, count, "requests could not be passed on to the leader");
            }
            LOST
        })?;
        let ended = Box::pin(ended.cancelled_owned());
        Ok(response.map(|body| {
            Body::new(Answer {
                body: Some(body),
                ended,
                _seat: seat,
            })
        }))
    }

    /// The request with the identity of its sender instead of its proof. `None` if the secret of the
    /// cluster is not known soon.
    async fn signed(&self, request: Request<Body>) -> Option<Request<Body>> {
        let passed_on = PassedOn {
            identity: Arc::new(caller()?.identity().clone()),
            peer: asker()?,
            member: Arc::clone(&self.name),
        };
        let key = match self.keys.get() {
            Some(key) => key,
            None => timeout(LEADER_WAIT, self.keys.known()).await.ok()??,
        };
        let token = key.sign(&passed_on, SystemTime::now())?;
        let (head, body) = request.into_parts();
        let mut passed = Request::new(body);
        *passed.method_mut() = head.method;
        *passed.uri_mut() = head.uri.path().parse().ok()?;
        *passed.version_mut() = Version::HTTP_2;
        let mut headers = head.headers;
        headers.remove(AUTHORIZATION);
        headers.remove(HOST);
        headers.insert(MEMBER_HEADER, HeaderValue::try_from(token).ok()?);
        *passed.headers_mut() = headers;
        Some(passed)
    }

    /// The way to the leader. `None` if none is known.
    pub(super) fn way(&self) -> Option<Arc<Way>> {
        let leader = self.standing.other_leader()?;
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = way.as_ref().filter(|way| way.term == leader.term) {
            return Some(Arc::clone(known));
        }
        let made = Way::new(leader.term, &leader.leader.address, &self.tls);
        let made = made.inspect_err(|error| {
            if let Some(count) = NO_WAY.is_due() {
                tracing::error!(%error, leader = leader.leader.name, count, "the address of the leader cannot be used: correct its --advertise");
            }
        });
        let made = Arc::new(made.ok()?);
        if let Some(over) = way.replace(Arc::clone(&made)) {
            over.ended.cancel();
        }
        Some(made)
    }
}

/// The body of an answer of the leader.
struct Answer {
    /// `None` once it has ended.
    body: Option<Body>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    _seat: Seat,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        match Pin::new(body).poll_frame(context) {
            Poll::Ready(Some(Err(error))) => {
                if let Some(count) = BROKEN_OFF.is_due() {
                    tracing::warn!(%error, count, "answers of the leader broke off");
                }
            }
            Poll::Ready(frame) => return Poll::Ready(frame),
            Poll::Pending => ready!(self.ended.as_mut().poll(context)),
        }
        self.body = None;
        Poll::Ready(Some(Ok(Frame::trailers(unavailable_trailers(LOST)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
