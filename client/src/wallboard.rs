//! A stream of the wallboard that never ends.
//!
//! Promise: it reconnects until it succeeds; if the server refuses the request itself, that is an
//! error. Must not: keep counts, because each answer is whole.

use std::time::Duration;

use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::alert::v1::{Wallboard, WatchWallboardRequest, WatchWallboardResponse};
use tokio::time::{sleep, timeout};
use tonic::Streaming;
use tonic::transport::Endpoint;

use crate::address::endpoint;
use crate::error::Error;
use crate::subscription::{SILENCE, innermost, is_passing, lasting};
use crate::wait::Waits;

/// What happened on the stream.
#[derive(Debug)]
pub enum BoardEvent {
    /// The newest counts.
    Board(Box<Wallboard>),
    /// The connection is lost; the next call connects again after `wait`.
    Lost {
        /// Why, in the words of the server or the transport.
        reason: String,
        /// How long the next call waits.
        wait: Duration,
    },
    /// A lost connection is established again.
    Connected,
}

/// A stream of wallboards that reconnects automatically.
#[derive(Debug)]
pub struct Wallboards {
    endpoint: Endpoint,
    updates_per_second: u32,
    stream: Option<Streaming<WatchWallboardResponse>>,
    /// The wait before reconnecting, after a loss that was reported.
    wait: Option<Duration>,
    waits: Waits,
    was_connected: bool,
    is_lost: bool,
}

impl Wallboards {
    /// Follows the wallboard of the alerter-server at an address such as `127.0.0.1:7402`, with at
    /// most so many updates a second (0 means 1). Nothing is connected before the first event is
    /// requested.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::NoTls`].
    pub fn to(address: &str, updates_per_second: u32) -> Result<Self, Error> {
        Ok(Self {
            endpoint: lasting(endpoint(address)?.tcp_nodelay(true)),
            updates_per_second,
            stream: None,
            wait: None,
            waits: Waits::default(),
            was_connected: false,
            is_lost: false,
        })
    }

    /// The next event. May be dropped while it waits for a stream that is open; while it connects,
    /// that begins again.
    ///
    /// # Errors
    /// [`Error::Refused`] where the server refuses the request; [`Error::Unreachable`] where the
    /// very first connection fails.
    pub async fn next(&mut self) -> Result<BoardEvent, Error> {
        if let Some(wait) = self.wait {
            sleep(wait).await;
            self.wait = None;
        }
        if self.stream.is_none() {
            match self.open().await {
                Ok(stream) => self.stream = Some(stream),
                Err(Error::Refused(status)) if self.was_connected && is_passing(&status) => {
                    return Ok(self.lost(status.message()));
                }
                Err(Error::Unreachable(error)) if self.was_connected => {
                    return Ok(self.lost(&innermost(&error)));
                }
                Err(error) => return Err(error),
            }
            self.was_connected = true;
            if std::mem::take(&mut self.is_lost) {
                return Ok(BoardEvent::Connected);
            }
        }
        let Some(stream) = &mut self.stream else {
            return Ok(self.lost("the stream is gone"));
        };
        match timeout(SILENCE, stream.message()).await {
            Ok(Ok(Some(response))) => {
                self.waits.reset();
                Ok(BoardEvent::Board(Box::new(
                    response.wallboard.unwrap_or_default(),
                )))
            }
            Ok(Ok(None)) => Ok(self.lost("the alerter-server closed the stream")),
            Ok(Err(status)) if is_passing(&status) => Ok(self.lost(status.message())),
            Ok(Err(status)) => Err(Error::Refused(Box::new(status))),
            Err(_) => Ok(self.lost(&format!("nothing came for {} s", SILENCE.as_secs()))),
        }
    }

    async fn open(&self) -> Result<Streaming<WatchWallboardResponse>, Error> {
        let channel = self.endpoint.connect().await.map_err(Error::Unreachable)?;
        let request = WatchWallboardRequest {
            updates_per_second: self.updates_per_second,
        };
        let mut client = AlertServiceClient::new(channel);
        let answer = timeout(SILENCE, client.watch_wallboard(request)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(tonic::Status::unavailable(
                "the alerter-server does not answer",
            ))
        });
        Ok(answer
            .map_err(|status| Error::Refused(Box::new(status)))?
            .into_inner())
    }

    fn lost(&mut self, reason: &str) -> BoardEvent {
        self.stream = None;
        self.is_lost = true;
        let wait = self.waits.next();
        self.wait = Some(wait);
        tracing::debug!(reason, ?wait, "the stream of the wallboard is lost");
        BoardEvent::Lost {
            reason: reason.to_owned(),
            wait,
        }
    }
}
