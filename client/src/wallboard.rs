//! A stream of the wallboard that never ends.
//!
//! Promise: it reconnects until it succeeds, to another alerter-server if there are several, and
//! with a fresh token when the server refuses an old one.
//! If the server refuses the request itself, that is an error. Must not: keep counts, because each answer is whole.

use std::time::Duration;

use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::alert::v1::{Wallboard, WatchWallboardRequest, WatchWallboardResponse};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, Streaming};

use crate::connection::Connection;
use crate::connector::Connector;
use crate::error::{Error, innermost, is_connection_age};
use crate::renewal::Renewals;
use crate::subscription::{SILENCE, lasting, opened};
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
    connector: Connector,
    updates_per_second: u32,
    /// The stream, and the connection that carries it.
    stream: Option<(Streaming<WatchWallboardResponse>, Connection)>,
    /// The wait before reconnecting, after a loss that was reported.
    wait: Option<Duration>,
    waits: Waits,
    renewals: Renewals,
    was_connected: bool,
    is_lost: bool,
}

impl Wallboards {
    /// Follows the wallboard of the alerter-server at an address such as `127.0.0.1:7402`, or of any
    /// of several with commas between their addresses, with at most so many updates a second (0 means
    /// 1). Nothing is connected before the first event is requested.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn to(address: &str, updates_per_second: u32) -> Result<Self, Error> {
        Ok(Self::over(Connector::to(address)?, updates_per_second))
    }

    /// Follows the wallboard of the alerter-server that a connector leads to.
    #[must_use]
    pub fn over(connector: Connector, updates_per_second: u32) -> Self {
        Self {
            connector,
            updates_per_second,
            stream: None,
            wait: None,
            waits: Waits::default(),
            renewals: Renewals::default(),
            was_connected: false,
            is_lost: false,
        }
    }

    /// The next event. May be dropped while it waits for a stream that is open; while it connects,
    /// that begins again.
    ///
    /// # Errors
    /// [`Error::Refused`] where the server refuses the request, or the token also after a renewal;
    /// any other where the very first connection fails.
    pub async fn next(&mut self) -> Result<BoardEvent, Error> {
        if let Some(wait) = self.wait {
            sleep(wait).await;
            self.wait = None;
        }
        loop {
            let Some((stream, _)) = &mut self.stream else {
                match self.open().await {
                    Ok(opened) => self.stream = Some(opened),
                    Err(error) => return self.failed(error),
                }
                self.was_connected = true;
                if std::mem::take(&mut self.is_lost) {
                    return Ok(BoardEvent::Connected);
                }
                continue;
            };
            let message = timeout(SILENCE, stream.message()).await;
            // Nothing is lost: the stream continues on a new connection.
            if matches!(&message, Ok(Err(status)) if is_connection_age(status)) {
                if let Some((_, connection)) = self.stream.take() {
                    connection.retire();
                }
                continue;
            }
            return self.taken(message);
        }
    }

    fn taken(
        &mut self,
        message: Result<Result<Option<WatchWallboardResponse>, Status>, Elapsed>,
    ) -> Result<BoardEvent, Error> {
        match message {
            Ok(Ok(Some(response))) => {
                self.waits.reset();
                self.renewals.reset();
                Ok(BoardEvent::Board(Box::new(
                    response.wallboard.unwrap_or_default(),
                )))
            }
            Ok(Ok(None)) => Ok(self.lost("the alerter-server closed the stream")),
            Ok(Err(status)) => self.failed(Error::from(status)),
            Err(_) => Ok(self.lost(&format!("nothing came for {} s", SILENCE.as_secs()))),
        }
    }

    async fn open(&self) -> Result<(Streaming<WatchWallboardResponse>, Connection), Error> {
        let connection = lasting(&self.connector).await?;
        let request = WatchWallboardRequest {
            updates_per_second: self.updates_per_second,
        };
        let mut client = AlertServiceClient::new(connection.clone());
        let answer = timeout(SILENCE, client.watch_wallboard(request)).await;
        let answer = answer
            .unwrap_or_else(|_| Err(Status::unavailable("the alerter-server does not answer")));
        Ok((opened(answer, &connection)?, connection))
    }

    /// A stream that could not be opened, or was ended by the server.
    fn failed(&mut self, error: Error) -> Result<BoardEvent, Error> {
        let reason = match &error {
            _ if !self.was_connected => return Err(error),
            Error::Refused(status) if error.is_passing() => status.message().to_owned(),
            Error::Refused(status) if self.is_renewed(status) => status.message().to_owned(),
            Error::Refused(_) => return Err(error),
            _ if error.is_passing() => innermost(&error),
            _ => return Err(error),
        };
        Ok(self.lost(&reason))
    }

    /// Whether the refused token was given up for a fresh one.
    fn is_renewed(&mut self, status: &Status) -> bool {
        let is_worth_a_retry =
            self.renewals
                .is_worth_a_retry(status, self.was_connected, Instant::now());
        is_worth_a_retry && self.connector.invalidate_token()
    }

    fn lost(&mut self, reason: &str) -> BoardEvent {
        if let Some((_, connection)) = self.stream.take() {
            connection.leave();
        }
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
