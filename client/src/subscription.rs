//! A stream of alerts that never ends.
//!
//! Promise: after a loss it resumes after the last frame that was handled, so that nothing is
//! missed and nothing comes twice. With several alerter-servers it resumes at another one. It
//! retries for ever while all are away, gets a fresh token when the server refuses an old one, and
//! changes silently from a connection that has reached its age to a new one. If the server refuses
//! the request itself, that is an error.

use std::time::Duration;

use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::FollowUpFilter;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Endpoint;
use tonic::{Response, Status, Streaming};

use crate::connection::Connection;
use crate::connector::Connector;
use crate::error::{Error, innermost, is_connection_age};
use crate::place::Place;
use crate::renewal::Renewals;
use crate::wait::Waits;

/// A connection that died without a word (a laptop that slept) is noticed after this and the same
/// again.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A server sends a bookmark after 15 s of silence: after three of them without a frame the stream
/// is dead.
pub(crate) const SILENCE: Duration = Duration::from_secs(45);
/// Bytes that a stream of a shared connection may have unread: as many as a server holds for one.
const SHARED_WINDOW_BYTES: u32 = 64 * 1024;
/// A follow-up with long texts does not fit tonic's 4 MiB.
const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What following came to.
#[derive(Debug)]
pub enum Event {
    /// A frame.
    Frame(Box<SubscribeResponse>),
    /// The connection is lost; asking for the next event connects again after `wait`.
    Lost {
        /// Why, in the words of the server or the transport.
        reason: String,
        /// How long will be waited.
        wait: Duration,
    },
    /// A connection that was lost is there again.
    Connected,
}

/// A stream that reconnects automatically.
#[derive(Debug)]
pub struct Subscription {
    connector: Connector,
    filter: FollowUpFilter,
    silence: Duration,
    place: Place,
    /// The stream, and the connection that carries it.
    stream: Option<(Streaming<SubscribeResponse>, Connection)>,
    /// The wait before reconnecting, after a loss that was reported.
    wait: Option<Duration>,
    waits: Waits,
    renewals: Renewals,
    was_connected: bool,
    /// Whether a loss was reported and no connection since.
    is_lost: bool,
}

impl Subscription {
    /// Follows all follow-ups of the alerter-server at an address such as `127.0.0.1:7402`, or of
    /// any of several that serve the same, with commas between their addresses. Nothing is connected
    /// before the first event is requested.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn to(address: &str) -> Result<Self, Error> {
        Ok(Self::over(Connector::to(address)?))
    }

    /// Follows all follow-ups of the alerter-server that a connector leads to.
    #[must_use]
    pub fn over(connector: Connector) -> Self {
        Self {
            connector,
            filter: FollowUpFilter::default(),
            silence: SILENCE,
            place: Place::new(),
            stream: None,
            wait: None,
            waits: Waits::default(),
            renewals: Renewals::default(),
            was_connected: false,
            is_lost: false,
        }
    }

    /// Only the follow-ups that a filter selects.
    #[must_use]
    pub fn filter(mut self, filter: FollowUpFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Resumes after a token; an empty one means none.
    #[must_use]
    pub fn resume(mut self, token: impl Into<String>) -> Self {
        self.place.resume(token.into());
        self
    }

    /// Whether the stream begins with a snapshot; by default only if there is no token to resume
    /// from. After a loss the same is requested again, until a whole snapshot was handled; after
    /// that the stream resumes.
    #[must_use]
    pub fn snapshot(mut self, snapshot: SnapshotMode) -> Self {
        self.place.begin_with(snapshot);
        self
    }

    /// Waits also for a server that is not there yet. Without this the first connection must
    /// succeed, so that a wrong address is an error at once.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.was_connected = true;
        self
    }

    /// After how long without a frame the stream is taken for dead. It must be longer than the
    /// server's bookmarks are apart (15 s by default).
    #[must_use]
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// The token of the last frame that was handled; empty if there is none to resume from.
    ///
    /// A frame counts as handled once the next event has been requested.
    #[must_use]
    pub fn token(&self) -> &str {
        self.place.token()
    }

    /// The next event. May be dropped while it waits: the events that come afterwards are the same.
    ///
    /// # Errors
    /// [`Error::Refused`] where the server refuses the request, or the token also after a renewal;
    /// any other where the very first connection fails.
    pub async fn next(&mut self) -> Result<Event, Error> {
        self.place.handled();
        if let Some(wait) = self.wait {
            sleep(wait).await;
            self.wait = None;
        }
        loop {
            let Some((stream, _)) = &mut self.stream else {
                match self.open().await {
                    Ok(opened) => {
                        self.stream = Some(opened);
                        if std::mem::take(&mut self.is_lost) {
                            return Ok(Event::Connected);
                        }
                    }
                    Err(error) => return self.failed(error),
                }
                continue;
            };
            return match timeout(self.silence, stream.message()).await {
                // Nothing is lost: the stream continues on a new connection.
                Ok(Err(status)) if is_connection_age(&status) => {
                    if let Some((_, connection)) = self.stream.take() {
                        connection.retire();
                    }
                    self.place.lost();
                    continue;
                }
                Ok(Ok(Some(response))) => Ok(self.give(response)),
                Ok(Ok(None)) => Ok(self.lost("the alerter-server closed the stream")),
                Ok(Err(status)) => self.failed(Error::from(status)),
                Err(_) => Ok(self.lost(&format!("nothing came for {} s", self.silence.as_secs()))),
            };
        }
    }

    async fn open(&self) -> Result<(Streaming<SubscribeResponse>, Connection), Error> {
        let connection = lasting(&self.connector).await?;
        let (resume_token, snapshot) = self.place.request();
        let request = SubscribeRequest {
            filter: Some(self.filter.clone()),
            resume_token,
            snapshot: snapshot.into(),
        };
        let mut client = AlertServiceClient::new(connection.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let answer = timeout(self.silence, client.subscribe(request));
        let answer = answer
            .await
            .unwrap_or_else(|_| Err(Status::unavailable("the alerter-server does not answer")));
        Ok((opened(answer, &connection)?, connection))
    }

    /// A stream that could not be opened, or was ended by the server.
    fn failed(&mut self, error: Error) -> Result<Event, Error> {
        let reason = match &error {
            Error::Refused(status) if error.is_passing() => status.message().to_owned(),
            Error::Refused(status) if self.is_renewed(status) => status.message().to_owned(),
            Error::Refused(_) => return Err(error),
            _ if self.was_connected && error.is_passing() => innermost(&error),
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

    fn give(&mut self, response: SubscribeResponse) -> Event {
        self.waits.reset();
        self.renewals.reset();
        self.was_connected = true;
        self.place.give(&response);
        // Another alerter-server is there at once.
        if let Some(Frame::Drain(drain)) = &response.frame
            && !self.connector.has_several()
        {
            let wait = drain
                .reconnect_after
                .and_then(|wait| Duration::try_from(wait).ok());
            self.waits.ask(wait.unwrap_or_default());
        }
        Event::Frame(Box::new(response))
    }

    fn lost(&mut self, reason: &str) -> Event {
        if let Some((_, connection)) = self.stream.take() {
            connection.leave();
        }
        self.is_lost = true;
        self.place.lost();
        let wait = self.waits.next();
        self.wait = Some(wait);
        tracing::debug!(reason, ?wait, "the stream of alerts is lost");
        Event::Lost {
            reason: reason.to_owned(),
            wait,
        }
    }
}

/// A connection for a stream that is open for days.
///
/// Where streams share it, a stream that its reader leaves unread holds its own window, and never
/// that of the others.
pub(crate) async fn lasting(connector: &Connector) -> Result<Connection, Error> {
    let users_max = connector.users_max();
    let settings = |endpoint: Endpoint| {
        let endpoint = endpoint
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        let Some(users_max) = users_max.and_then(|count| u32::try_from(count).ok()) else {
            return endpoint;
        };
        endpoint
            .initial_stream_window_size(SHARED_WINDOW_BYTES)
            .initial_connection_window_size(SHARED_WINDOW_BYTES.saturating_mul(users_max))
    };
    connector.connect_shared(settings).await
}

/// The stream of an answer. A connection that could not carry it is shared no more.
pub(crate) fn opened<M>(
    answer: Result<Response<Streaming<M>>, Status>,
    connection: &Connection,
) -> Result<Streaming<M>, Error> {
    let answer = answer.map_err(Error::from);
    if answer.as_ref().is_err_and(Error::is_passing) {
        connection.retire();
    }
    Ok(answer?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_address_is_an_error_at_once() {
        assert!(matches!(
            Subscription::to("not an address"),
            Err(Error::Address { .. })
        ));
    }

    /// A laptop that slept, a cable that was pulled: the connection is there, and nothing ever
    /// comes.
    #[tokio::test]
    async fn a_silent_server_is_left_and_tried_again() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = format!("http://{}", silent.local_addr().expect("its address"));
        let accepting = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = silent.accept().await {
                held.push(stream);
            }
        });
        let mut subscription = Subscription::to(&address).expect("an address").patient();
        subscription = subscription.silence(Duration::from_millis(50));
        for _ in 0..3 {
            assert!(matches!(subscription.next().await, Ok(Event::Lost { .. })));
        }
        accepting.abort();
    }

    #[tokio::test]
    async fn a_failed_first_connection_is_an_error_unless_patient() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", free.local_addr().expect("its address"));
        drop(free);
        let mut hasty = Subscription::to(&address).expect("an address");
        assert!(matches!(hasty.next().await, Err(Error::Unreachable(_))));
        let mut patient = Subscription::to(&address).expect("an address").patient();
        for _ in 0..3 {
            assert!(matches!(patient.next().await, Ok(Event::Lost { .. })));
        }
    }
}
