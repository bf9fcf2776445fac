//! A connection to a server, which shows with each request who is asking.
//!
//! Promise: a request that the server has certainly not seen, because its connection was about to
//! close, is sent again on the next one. One whose token has expired is sent again once, if there is
//! another token. Where several servers serve the same, a request that has no second effect is sent
//! to the next one if a server fails. Must not: choose the token.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Request, Response, Uri};
use tonic::body::Body;
use tonic::transport::Channel;
use tower::Service;

use crate::line::{Lane, Line};
use crate::pool::Seat;
use crate::proof::{Proof, is_expired_token};
use crate::replay::{Replay, is_unseen};
use crate::whole::{Lost, whole};

/// A connection to a server, for the generated clients: `AlertServiceClient::new(connection)`.
/// Cheap to clone.
///
/// It connects again when it is lost. A server asks its clients now and then for a new connection
/// (GOAWAY): no request fails because of that. It asks the [`TokenSource`](crate::TokenSource) for
/// another token shortly before the end of its token, if it has a known end, and when the server
/// refuses the token because it has expired. It then repeats the refused request once.
#[derive(Clone, Debug)]
pub struct Connection {
    lane: Lane,
    line: Arc<Line>,
    proof: Option<Arc<Proof>>,
    /// Its place on a line that it shares with others.
    _seat: Option<Arc<Seat>>,
}

impl Connection {
    /// Sends requests over a line, which is open.
    pub(crate) fn over(line: Arc<Line>, seat: Option<Seat>, proof: Option<Proof>) -> Self {
        Self {
            lane: line.lane(),
            line,
            proof: proof.map(Arc::new),
            _seat: seat.map(Arc::new),
        }
    }

    /// The address of the present server. It changes when the connection moves to another one.
    #[must_use]
    pub fn uri(&self) -> Uri {
        self.line.uri()
    }

    /// Notes that the server of this connection is going away or of no use at the moment. If its
    /// connector has several addresses, the next connection is to another one, if one works.
    pub fn leave(&self) {
        self.line.leave(&self.lane);
        self.retire();
    }

    /// Notes that no other connection of its connector should share what this one uses.
    pub(crate) fn retire(&self) {
        self.line.retire();
    }
}

/// How often a request is sent at most. Two connections in a row may be about to close.
const TRIES: usize = 3;

type ChannelError = <Channel as Service<Request<Body>>>::Error;

impl Service<Request<Body>> for Connection {
    type Response = Response<Body>;
    type Error = ChannelError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, ChannelError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.line.renew(&mut self.lane);
        Service::poll_ready(&mut self.lane.channel, context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready is used.
        let next = self.lane.clone();
        let lane = std::mem::replace(&mut self.lane, next);
        let (line, proof) = (Arc::clone(&self.line), self.proof.clone());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let replay = Replay::new(body);
            let answered = send(&line, lane, proof.as_deref(), &head, &replay).await;
            replay.settle();
            answered
        })
    }
}

/// Sends a request, and again to other servers as long as that is safe and may help.
async fn send(
    line: &Line,
    mut lane: Lane,
    proof: Option<&Proof>,
    head: &Parts,
    replay: &Replay,
) -> Result<Response<Body>, ChannelError> {
    let mut search = line.search();
    loop {
        let channel = &mut lane.channel;
        let answered = match proof {
            Some(proof) => send_proved(channel, proof, head.clone(), replay).await,
            None => send_unseen(channel, head, replay).await,
        };
        if !line.has_several() {
            return answered;
        }
        let answered = match answered {
            Ok(response) => whole(head.uri.path(), response).await,
            Err(error) => Err(Lost::Failed(error)),
        };
        let lost = match answered {
            Ok(response) => return Ok(response),
            Err(lost) => lost,
        };
        if !search.may_repeat(&lane, head, &lost, replay) {
            return lost.into_answer();
        }
        let Some(next) = search.next(&lane).await else {
            return lost.into_answer();
        };
        lane = next;
        if poll_fn(|context| Service::poll_ready(&mut lane.channel, context))
            .await
            .is_err()
        {
            return lost.into_answer();
        }
    }
}

/// Sends a request with a token, and again with another one if that has expired.
async fn send_proved(
    channel: &mut Channel,
    proof: &Proof,
    mut head: Parts,
    replay: &Replay,
) -> Result<Response<Body>, ChannelError> {
    let token = proof.token().await;
    head.headers
        .insert(AUTHORIZATION, token.clone().into_header());
    let response = send_unseen(channel, &head, replay).await?;
    if !replay.is_whole() || !is_expired_token(response.headers()) {
        return Ok(response);
    }
    let Some(other) = proof.refused(&token).await else {
        return Ok(response);
    };
    head.headers.insert(AUTHORIZATION, other.into_header());
    poll_fn(|context| Service::poll_ready(channel, context)).await?;
    send_unseen(channel, &head, replay).await
}

/// Sends a request, and again as long as the server has not seen it.
async fn send_unseen(
    channel: &mut Channel,
    head: &Parts,
    replay: &Replay,
) -> Result<Response<Body>, ChannelError> {
    let mut tries = 1;
    loop {
        let request = Request::from_parts(head.clone(), replay.body());
        match Service::call(channel, request).await {
            Err(error) if tries < TRIES && replay.is_whole() && is_unseen(&error) => tries += 1,
            answered => return answered,
        }
        poll_fn(|context| Service::poll_ready(channel, context)).await?;
    }
}
