//! Streams of one connector share connections, and none of them holds another one up.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercall_client::proto::alert::v1::alert_service_server::{AlertService, AlertServiceServer};
use aftercall_client::proto::alert::v1::subscribe_response::Frame;
use aftercall_client::proto::alert::v1::{
    GetWallboardRequest, GetWallboardResponse, StageChange, SubscribeRequest, SubscribeResponse,
    WatchWallboardRequest, WatchWallboardResponse,
};
use aftercall_client::proto::workflow::v1::FollowUp;
use aftercall_client::{Connector, Event, Subscription, Token};
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::several::{Relay, connector};

const PATIENCE: Duration = Duration::from_secs(60);

/// Streams that have one connection together.
const TOGETHER: usize = 8;

type Frames<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// An alerter-server that sends large numbered changes without end.
#[derive(Clone, Default)]
struct Endless {
    tokens: Arc<Mutex<Vec<String>>>,
}

impl Endless {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let served = tonic::transport::Server::builder()
            .add_service(AlertServiceServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(served);
        address
    }
}

#[tonic::async_trait]
impl AlertService for Endless {
    type SubscribeStream = Frames<SubscribeResponse>;
    type WatchWallboardStream = Frames<WatchWallboardResponse>;

    async fn subscribe(
        &self,
        asked: Request<SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let token = asked.metadata().get("authorization");
        let token = token.map(|token| token.to_str().expect("text").to_owned());
        let mut tokens = self.tokens.lock().expect("the tokens");
        tokens.push(token.unwrap_or_default());
        let known: u64 = asked.get_ref().resume_token.parse().unwrap_or(0);
        let follow_up = FollowUp {
            instance_id: "long ".repeat(4_000),
            ..FollowUp::default()
        };
        let change = StageChange {
            follow_up: Some(follow_up),
            ..StageChange::default()
        };
        let frames = (known + 1..).map(move |number| {
            Ok(SubscribeResponse {
                token: number.to_string(),
                frame: Some(Frame::StageChange(change.clone())),
                ..SubscribeResponse::default()
            })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(frames))))
    }

    async fn get_wallboard(
        &self,
        _: Request<GetWallboardRequest>,
    ) -> Result<Response<GetWallboardResponse>, Status> {
        Err(Status::unimplemented("not of these tests"))
    }

    async fn watch_wallboard(
        &self,
        _: Request<WatchWallboardRequest>,
    ) -> Result<Response<Self::WatchWallboardStream>, Status> {
        Ok(Response::new(Box::pin(tokio_stream::empty())))
    }
}

/// So many subscriptions, each with a token of its own, after the first change.
async fn begun(connector: &Connector, count: usize) -> Vec<Subscription> {
    let begin = |number| async move {
        let token = Token::new(&format!("t{number}")).expect("a token");
        let mut subscription = Subscription::over(connector.clone().tokens(token));
        assert_eq!(next(&mut subscription).await, 1);
        subscription
    };
    join_all((0..count).map(begin)).await
}

/// The number of the next change.
async fn next(subscription: &mut Subscription) -> u64 {
    loop {
        let event = timeout(PATIENCE, subscription.next()).await;
        let event = event.expect("it comes in time").expect("it is served");
        if let Event::Frame(response) = event {
            return response.token.parse().expect("a number");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_connector_share_connections() {
    let server = Endless::default();
    let relay = Relay::to(server.start().await).await;
    let to_it = connector(&[relay.address]);
    let _streams = begun(&to_it.clone().share(TOGETHER), 3 * TOGETHER).await;
    assert_eq!(relay.opened.load(Ordering::Relaxed), 3);
    let mut tokens = server.tokens.lock().expect("the tokens").clone();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3 * TOGETHER, "each has its own token");
    // The control: each has its own connection.
    let _streams = begun(&to_it, TOGETHER).await;
    assert_eq!(relay.opened.load(Ordering::Relaxed), 3 + TOGETHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_nobody_reads_hold_up_no_other() {
    let server = Endless::default();
    let relay = Relay::to(server.start().await).await;
    let shared = connector(&[relay.address]).share(TOGETHER);
    let mut streams = begun(&shared, TOGETHER).await;
    assert_eq!(relay.opened.load(Ordering::Relaxed), 1);
    let mut read = streams.pop().expect("a stream");
    // 8 MB: more than the window of a connection usually holds.
    for number in 2..400 {
        assert_eq!(next(&mut read).await, number);
    }
    // A stream that is held up begins again on another connection.
    assert_eq!(relay.opened.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stream_continues_when_their_connection_is_lost() {
    let server = Endless::default();
    let address = server.start().await;
    let (one, other) = (Relay::to(address).await, Relay::to(address).await);
    let shared = connector(&[one.address, other.address]).share(TOGETHER);
    let streams = begun(&shared, 2 * TOGETHER).await;
    let (lost, left) = match one.opened.load(Ordering::Relaxed) {
        0 => (other, one),
        _ => (one, other),
    };
    lost.kill();
    let read = streams.into_iter().map(|mut stream| async move {
        // More than was on its way.
        for number in 2..100 {
            assert_eq!(next(&mut stream).await, number);
        }
        stream
    });
    let _streams = join_all(read).await;
    let opened = left.opened.load(Ordering::Relaxed);
    assert!((2..=4).contains(&opened), "{opened} connections");
}
