//! An alerter-server that knows some tokens and sends numbered changes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aftercall_client::proto::alert::v1::alert_service_server::{AlertService, AlertServiceServer};
use aftercall_client::proto::alert::v1::subscribe_response::Frame;
use aftercall_client::proto::alert::v1::{
    GetWallboardRequest, GetWallboardResponse, StageChange, SubscribeRequest, SubscribeResponse,
    Wallboard, WatchWallboardRequest, WatchWallboardResponse,
};
use aftercall_client::proto::workflow::v1::FollowUp;
use rustls::ServerConfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// All changes have been sent after this one.
pub(crate) const LAST: u64 = 6;

/// What a token is worth.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Worth {
    /// It is accepted for so many frames of a stream, and has expired after them.
    Frames(usize),
    /// It is accepted for so many requests, and has expired after them.
    Requests(usize),
    /// It is revoked.
    Revoked,
}

/// What a request showed: its token, and where its stream resumes.
pub(crate) type Seen = (String, String);

#[derive(Clone, Default)]
pub(crate) struct Server {
    /// Tokens that are known; without any, everybody may ask.
    tokens: HashMap<String, Worth>,
    seen: Arc<Mutex<Vec<Seen>>>,
    is_away: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn knowing(tokens: &[(&str, Worth)]) -> Self {
        let named = tokens
            .iter()
            .map(|(token, worth)| ((*token).to_owned(), *worth));
        Self {
            tokens: named.collect(),
            ..Self::default()
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("the requests").clone()
    }

    /// Refuses every request from now on, because it is going away.
    pub(crate) fn go_away(&self) {
        self.is_away.store(true, Ordering::Relaxed);
    }

    /// Serves plain text on a free port, until the test ends.
    pub(crate) async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let served = tonic::transport::Server::builder()
            .add_service(AlertServiceServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(served);
        address
    }

    /// Serves TLS on a free port, until the test ends.
    pub(crate) async fn start_tls(&self, config: ServerConfig) -> SocketAddr {
        let inner = self.start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut outer = acceptor.accept(stream).await?;
                    let mut inner = TcpStream::connect(inner).await?;
                    copy_bidirectional(&mut outer, &mut inner).await
                });
            }
        });
        address
    }

    /// How many frames the token of a request is worth.
    fn worth(&self, metadata: &MetadataMap, resume_token: &str) -> Result<usize, Status> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(Status::unavailable("the server is going away"));
        }
        let token = metadata.get("authorization");
        let token = token.map(|token| token.to_str().expect("text").to_owned());
        let token = token.unwrap_or_default();
        let mut seen = self.seen.lock().expect("the requests");
        seen.push((token.clone(), resume_token.to_owned()));
        if self.tokens.is_empty() {
            return Ok(usize::MAX);
        }
        let secret = token.strip_prefix("Bearer ").unwrap_or_default();
        match self.tokens.get(secret) {
            None => Err(refusal("PROOF_REQUIRED")),
            Some(Worth::Revoked) => Err(refusal("TOKEN_REVOKED")),
            Some(Worth::Frames(0)) => Err(refusal("TOKEN_EXPIRED")),
            Some(Worth::Frames(frames)) => Ok(*frames),
            Some(Worth::Requests(requests)) => {
                let asked = seen.iter().filter(|(seen, _)| *seen == token);
                match asked.count() <= *requests {
                    true => Ok(usize::MAX),
                    false => Err(refusal("TOKEN_EXPIRED")),
                }
            }
        }
    }
}

fn refusal(reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "aftercall", HashMap::new());
    Status::with_error_details(Code::Unauthenticated, reason, details)
}

fn change(number: u64) -> SubscribeResponse {
    let follow_up = FollowUp {
        instance_id: format!("i{number}"),
        revision: number,
        ..FollowUp::default()
    };
    SubscribeResponse {
        token: number.to_string(),
        frame: Some(Frame::StageChange(StageChange {
            follow_up: Some(follow_up),
            ..StageChange::default()
        })),
        ..SubscribeResponse::default()
    }
}

type Frames<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// So many messages, and the refusal of an expired token if there would be more.
fn frames<M: Send + 'static>(worth: usize, messages: Vec<M>) -> Response<Frames<M>> {
    let is_cut = messages.len() > worth;
    let mut results: Vec<Result<M, Status>> = messages.into_iter().take(worth).map(Ok).collect();
    if is_cut {
        results.push(Err(refusal("TOKEN_EXPIRED")));
    }
    Response::new(Box::pin(tokio_stream::iter(results)))
}

#[tonic::async_trait]
impl AlertService for Server {
    type SubscribeStream = Frames<SubscribeResponse>;
    type WatchWallboardStream = Frames<WatchWallboardResponse>;

    async fn subscribe(
        &self,
        asked: Request<SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let resume_token = asked.get_ref().resume_token.clone();
        let worth = self.worth(asked.metadata(), &resume_token)?;
        let known = resume_token.parse().unwrap_or(0_u64);
        Ok(frames(worth, (known + 1..=LAST).map(change).collect()))
    }

    async fn get_wallboard(
        &self,
        asked: Request<GetWallboardRequest>,
    ) -> Result<Response<GetWallboardResponse>, Status> {
        self.worth(asked.metadata(), "")?;
        Ok(Response::new(GetWallboardResponse::default()))
    }

    async fn watch_wallboard(
        &self,
        asked: Request<WatchWallboardRequest>,
    ) -> Result<Response<Self::WatchWallboardStream>, Status> {
        let worth = self.worth(asked.metadata(), "")?;
        let board = WatchWallboardResponse {
            wallboard: Some(Wallboard::default()),
        };
        Ok(frames(worth, vec![board; 3]))
    }
}
