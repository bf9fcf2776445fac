//! Alerters under test, and their clients. Each wait is for a condition, and has a limit.

use std::time::Duration;

use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::FollowUpFilter;
use alerter_server::Server;
use alerter_server::config::AlerterServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::feed::Feed;
use crate::model::Selects;
use crate::picture::Picture;

/// Nothing in these tests takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// An alerter-server.
pub struct Alerter {
    pub address: std::net::SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

/// A client's stream with the picture that it makes.
pub struct Client {
    responses: Streaming<SubscribeResponse>,
    pub picture: Picture,
    pub selects: Selects,
}

/// Waits for something that must happen.
pub async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    timeout(PATIENCE, happens)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen"))
}

impl Alerter {
    /// An alerter of the feed, with settings changed; not waited for.
    pub async fn start(feed: &Feed, change: impl FnOnce(&mut AlerterServerConfig)) -> Self {
        Self::following(feed.url(), change).await
    }

    /// An alerter of the feed at an address.
    pub async fn following(
        workflow_server: String,
        change: impl FnOnce(&mut AlerterServerConfig),
    ) -> Self {
        let mut config = AlerterServerConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            workflow_server,
            drain_seconds: 5,
            ..AlerterServerConfig::default()
        };
        change(&mut config);
        let server = Server::bind(config).await.unwrap();
        let address = server.local_addr();
        let shutdown = CancellationToken::new();
        let until = shutdown.clone();
        let serving = tokio::spawn(async move { server.serve(until).await.unwrap() });
        Self {
            address,
            shutdown,
            serving,
        }
    }

    /// An alerter that is ready.
    pub async fn ready(feed: &Feed, change: impl FnOnce(&mut AlerterServerConfig)) -> Self {
        let alerter = Self::start(feed, change).await;
        alerter.wait_for_health(ServingStatus::Serving).await;
        alerter
    }

    /// Waits for a state of health.
    pub async fn wait_for_health(&self, wanted: ServingStatus) {
        let mut health = HealthClient::new(self.channel().await);
        let request = HealthCheckRequest {
            service: "aftercall.alert.v1.AlertService".into(),
        };
        soon("the state of health", async {
            let mut states = health.watch(request).await.unwrap().into_inner();
            while states.message().await.unwrap().unwrap().status() != wanted {}
        })
        .await;
    }

    /// The answer of `/readyz`.
    pub async fn unready_because(&self) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        soon("the answer", stream.read_to_string(&mut answer))
            .await
            .unwrap();
        answer
    }

    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address))
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    /// Opens a stream, on a connection of its own.
    pub async fn subscribe(
        &self,
        filter: FollowUpFilter,
        token: &str,
        mode: SnapshotMode,
    ) -> Result<Streaming<SubscribeResponse>, Status> {
        subscribe(self.channel().await, filter, token, mode).await
    }

    /// A client that begins with a snapshot.
    pub async fn client(&self, filter: FollowUpFilter, selects: Selects) -> Client {
        self.resume(filter, selects, Picture::default(), SnapshotMode::Auto)
            .await
    }

    /// A client that resumes from a picture.
    pub async fn resume(
        &self,
        filter: FollowUpFilter,
        selects: Selects,
        picture: Picture,
        mode: SnapshotMode,
    ) -> Client {
        let responses = self.subscribe(filter, &picture.token, mode).await.unwrap();
        Client::of(responses, picture, selects)
    }

    /// Makes it stop.
    pub fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Waits until it has stopped.
    pub async fn stopped(self) {
        soon("the alerter's end", self.serving).await.unwrap();
    }
}

/// Opens a stream.
pub async fn subscribe(
    channel: Channel,
    filter: FollowUpFilter,
    token: &str,
    mode: SnapshotMode,
) -> Result<Streaming<SubscribeResponse>, Status> {
    let request = SubscribeRequest {
        filter: Some(filter),
        resume_token: token.into(),
        snapshot: mode.into(),
    };
    let mut client = AlertServiceClient::new(channel);
    soon("the answer", client.subscribe(request))
        .await
        .map(tonic::Response::into_inner)
}

impl Client {
    /// A client that resumes from a picture.
    pub fn of(responses: Streaming<SubscribeResponse>, picture: Picture, selects: Selects) -> Self {
        Self {
            responses,
            picture,
            selects,
        }
    }

    /// The token of the next frame, which the client does not look at.
    pub async fn forget(&mut self) -> Result<String, Status> {
        let response = soon("the next frame", self.responses.message()).await?;
        Ok(response.map(|response| response.token).unwrap_or_default())
    }

    /// The next frame, checked against the model; none at the stream's end.
    pub async fn try_next(&mut self, feed: &Feed) -> Result<Option<Frame>, Status> {
        let Some(response) = soon("the next frame", self.responses.message()).await? else {
            return Ok(None);
        };
        // The model is read after the frame came: the change in the frame was written before.
        let taken = feed.look(|model| self.picture.take(&response, model, self.selects));
        taken.unwrap_or_else(|broken| panic!("{broken}"));
        Ok(response.frame)
    }

    pub async fn next(&mut self, feed: &Feed) -> Frame {
        self.try_next(feed)
            .await
            .unwrap()
            .expect("the stream continues")
    }

    /// Reads until a frame fits.
    pub async fn until(&mut self, feed: &Feed, fits: impl Fn(&Frame) -> bool) -> Frame {
        soon("the frame", async {
            loop {
                let frame = self.next(feed).await;
                if fits(&frame) {
                    return frame;
                }
            }
        })
        .await
    }

    /// Reads until the picture is exact at a sequence or later.
    pub async fn caught_up(&mut self, feed: &Feed, sequence: u64) {
        let at_least = |frame: &Frame| matches!(frame, Frame::CaughtUp(caught_up) if caught_up.sequence >= sequence);
        self.until(feed, at_least).await;
    }

    /// Reads until everything up to a sequence has been sent; a bookmark counts too.
    pub async fn heard_of(&mut self, feed: &Feed, sequence: u64) {
        let at_least = |frame: &Frame| match frame {
            Frame::CaughtUp(caught_up) => caught_up.sequence >= sequence,
            Frame::Bookmark(bookmark) => bookmark.sequence >= sequence,
            _ => false,
        };
        self.until(feed, at_least).await;
    }
}
