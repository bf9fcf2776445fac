//! A connection to a server, which shows with each request who is asking.
//!
//! Promise: a request that the server has certainly not seen, because its connection was about to
//! close, is sent again on the next one. One whose token has expired is sent again once, if there is
//! another token. Must not: choose the token.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use crate::dial::{Protocol, Stream, dial};
use crate::error::Error;
use crate::plain::Plain;
use crate::proof::{Proof, is_expired_token};
use crate::replay::{Replay, is_unseen};
use crate::tls::Files;

/// A connection to a server, for the generated clients: `AlertServiceClient::new(connection)`.
/// Cheap to clone.
///
/// It connects again when it is lost. A server asks its clients now and then for a new connection
/// (GOAWAY): no request fails because of that. It asks the [`TokenSource`](crate::TokenSource) for
/// another token shortly before the end of its token, if it has a known end, and when the server
/// refuses the token because it has expired. It then repeats the refused request once.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
    proof: Option<Arc<Proof>>,
}

impl Connection {
    /// Sends requests over an endpoint whose first connection is open already.
    pub(crate) async fn over(
        endpoint: Endpoint,
        files: Files,
        first: Stream,
        proof: Option<Proof>,
    ) -> Result<Self, Error> {
        let dialer = Dialer {
            uri: endpoint.uri().clone(),
            files,
            first: Some(first),
        };
        let channel = Channel::connect(dialer, endpoint)
            .await
            .map_err(Error::Transport)?;
        Ok(Self {
            channel,
            proof: proof.map(Arc::new),
        })
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
        Service::poll_ready(&mut self.channel, context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready is used.
        let next = self.channel.clone();
        let channel = std::mem::replace(&mut self.channel, next);
        Box::pin(send(channel, self.proof.clone(), request))
    }
}

async fn send(
    mut channel: Channel,
    proof: Option<Arc<Proof>>,
    request: Request<Body>,
) -> Result<Response<Body>, ChannelError> {
    let (head, body) = request.into_parts();
    let replay = Replay::new(body);
    let answered = match proof {
        Some(proof) => send_proved(&mut channel, &proof, head, &replay).await,
        None => send_unseen(&mut channel, &head, &replay).await,
    };
    replay.settle();
    answered
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

/// Opens the connections of a channel. The first one is open already, so that its errors have
/// their own types.
struct Dialer {
    uri: Uri,
    files: Files,
    first: Option<Stream>,
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<Checked>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        if let Some(first) = self.first.take() {
            return Box::pin(std::future::ready(Ok(checked(first))));
        }
        let (uri, files) = (self.uri.clone(), self.files.clone());
        Box::pin(async move { Ok(checked(dial(&uri, &files, Protocol::Http2).await?)) })
    }
}

/// A stream whose errors say if the server speaks TLS instead of plain text.
type Checked = Either<Plain, Box<TlsStream<TcpStream>>>;

fn checked(stream: Stream) -> TokioIo<Checked> {
    TokioIo::new(match stream {
        Either::Left(plain) => Either::Left(Plain::new(plain)),
        Either::Right(tls) => Either::Right(tls),
    })
}
