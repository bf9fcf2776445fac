//! The line to one or several servers that serve the same: one channel at a time, and the next one
//! where its server fails.
//!
//! Promise: with one address the channel connects again to that address. With several, all requests
//! that find their server gone share one search for another. Must not: repeat a request that may
//! have had an effect.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::request::Parts;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use crate::dial::{Protocol, Stream, dial};
use crate::error::Error;
use crate::plain::Plain;
use crate::pool::Shared;
use crate::repeat::is_repeatable;
use crate::replay::{Replay, is_unseen, is_unsent};
use crate::route::{Route, pause};
use crate::tls::Files;
use crate::whole::Lost;

/// How long another server is sought for a request: two take-overs of a cluster.
const SOUGHT: Duration = Duration::from_secs(10);

/// A server that says nothing for this, and then for [`ANSWERED_WITHIN`], is left for another one.
const ASKED_AFTER: Duration = Duration::from_secs(2);
/// A server that is there answers a ping within this. Together they are little more than the lease
/// of a leader: when a paused one is left, another one leads or is about to.
const ANSWERED_WITHIN: Duration = Duration::from_millis(1_500);

/// The channel to the present server.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) channel: Channel,
    /// The place of the server's address.
    place: usize,
    /// Counts the channels of a line.
    number: u64,
}

/// A line.
#[derive(Debug)]
pub(crate) struct Line {
    route: Arc<Route>,
    files: Files,
    endpoint: Endpoint,
    present: Mutex<Lane>,
    /// Held by the request that seeks another server.
    seeking: tokio::sync::Mutex<()>,
    /// Whether a stream was lost on it, so that no other one should begin there.
    is_left: AtomicBool,
}

impl Shared for Line {
    fn is_left(&self) -> bool {
        self.is_left.load(Ordering::Relaxed)
    }
}

impl Line {
    /// A line whose first connection is opened now, so that its errors have their own types.
    pub(crate) async fn open(
        route: Arc<Route>,
        files: Files,
        endpoint: Endpoint,
    ) -> Result<Self, Error> {
        let endpoint = match route.has_several() {
            true => endpoint
                .http2_keep_alive_interval(ASKED_AFTER)
                .keep_alive_timeout(ANSWERED_WITHIN)
                .keep_alive_while_idle(true),
            false => endpoint,
        };
        let first = open_lane(&route, &files, &endpoint, 0).await?;
        Ok(Self {
            route,
            files,
            endpoint,
            present: Mutex::new(first),
            seeking: tokio::sync::Mutex::default(),
            is_left: AtomicBool::new(false),
        })
    }

    /// The present lane.
    pub(crate) fn lane(&self) -> Lane {
        self.present().clone()
    }

    /// The address of the present server.
    pub(crate) fn uri(&self) -> Uri {
        self.route.uri(self.present().place).clone()
    }

    /// Whether there is more than one address.
    pub(crate) fn has_several(&self) -> bool {
        self.route.has_several()
    }

    /// Replaces a lane that was left.
    pub(crate) fn renew(&self, lane: &mut Lane) {
        let present = self.present();
        if present.number != lane.number {
            *lane = present.clone();
        }
    }

    /// Notes that no other connection should share this line.
    pub(crate) fn retire(&self) {
        self.is_left.store(true, Ordering::Relaxed);
    }

    /// Notes that the server of a lane failed.
    pub(crate) fn leave(&self, lane: &Lane) {
        self.route.note_failure(lane.place);
    }

    /// Seeks other servers for one request.
    pub(crate) fn search(&self) -> Search<'_> {
        Search {
            line: self,
            until: Instant::now() + SOUGHT,
            tries: 0,
        }
    }

    /// Another lane than one that was left: the present one, or a new one.
    async fn other_than(&self, left: &Lane) -> Result<Lane, Error> {
        let _seeking = self.seeking.lock().await;
        let present = self.lane();
        if present.number != left.number {
            return Ok(present);
        }
        let number = left.number + 1;
        let lane = open_lane(&self.route, &self.files, &self.endpoint, number).await?;
        *self.present() = lane.clone();
        Ok(lane)
    }

    fn present(&self) -> MutexGuard<'_, Lane> {
        // It is replaced whole: valid also after a panic.
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open_lane(
    route: &Arc<Route>,
    files: &Files,
    endpoint: &Endpoint,
    number: u64,
) -> Result<Lane, Error> {
    let (place, first) = route.dial(files, Protocol::Http2).await?;
    let uri = route.uri(place).clone();
    let dialer = Dialer {
        uri: uri.clone(),
        files: files.clone(),
        first: Some(first),
        is_only_one: !route.has_several(),
    };
    // Each server is named by its own address.
    let endpoint = endpoint.clone().origin(uri);
    let channel = Channel::connect(dialer, endpoint)
        .await
        .map_err(Error::Transport)?;
    Ok(Lane {
        channel,
        place,
        number,
    })
}

/// The search for a server that answers one request.
#[derive(Debug)]
pub(crate) struct Search<'l> {
    line: &'l Line,
    until: Instant,
    tries: usize,
}

impl Search<'_> {
    /// Whether a request may be sent to another server. Notes a server that failed.
    pub(crate) fn may_repeat(
        &self,
        lane: &Lane,
        head: &Parts,
        lost: &Lost,
        replay: &Replay,
    ) -> bool {
        let is_unseen = match lost {
            Lost::Failed(error) if is_unseen(error) => true,
            Lost::Failed(error) => {
                self.line.leave(lane);
                is_unsent(error)
            }
            Lost::Away(_) => {
                self.line.leave(lane);
                false
            }
        };
        replay.is_whole() && (is_unseen || is_repeatable(head.uri.path(), &replay.sent()))
    }

    /// The lane on which the request is sent again; `None` where no server was found in time.
    pub(crate) async fn next(&mut self, lane: &Lane) -> Option<Lane> {
        let count = self.line.route.uris().len();
        let mut left = lane.clone();
        self.tries += 1;
        while Instant::now() < self.until {
            // At once while there is an address that this request has not tried.
            if let Some(round) = (self.tries / count).checked_sub(1) {
                pause(round as u32).await;
            }
            match self.line.other_than(&left).await {
                Ok(next) => return Some(next),
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "no server answers yet");
                    self.tries += count;
                    self.line.renew(&mut left);
                }
                Err(_) => return None,
            }
        }
        None
    }
}

/// Opens the connections of a channel. The first one is open already.
struct Dialer {
    uri: Uri,
    files: Files,
    first: Option<Stream>,
    /// Whether it connects to this address again. Otherwise the line chooses the next address.
    is_only_one: bool,
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
        if !self.is_only_one {
            let lost = std::io::Error::other("the connection is lost");
            return Box::pin(std::future::ready(Err(Error::Unreachable(lost))));
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
