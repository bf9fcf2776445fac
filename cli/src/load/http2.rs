//! A lean gRPC client: HTTP/2 frames and ready bytes, without tonic's layers.
//!
//! The client shares the machine with the server that it measures. All connections of a client run
//! on the runtime that opened them, which for a measurement is one thread.
//!
//! Must not: know what a message means.

use aftercall_client::{Connector, Protocol, Stream};
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Uri, Version};
use prost::bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::{Code, Status};

use crate::connect::{WORKFLOW_SERVER, failure};
use crate::errors::Failure;
use crate::load::mix::Kind;

/// What precedes each gRPC message: whether it is compressed, and its length.
pub(super) const PREFIX_BYTES: usize = 5;
/// No answer waits for a window: a page of a list has some 60 KB.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// The end of a call that was answered well.
const GRPC_STATUS: &str = "grpc-status";

/// Connections to one server.
pub(super) struct Client {
    senders: Vec<SendRequest<Bytes>>,
    base: Uri,
    headers: HeaderMap,
}

/// An answer.
pub(super) struct Answer {
    /// Its message; empty where the kind's answers are not read.
    pub(super) message: Bytes,
    /// How many bytes the message has.
    pub(super) bytes: usize,
}

impl Client {
    /// Opens so many connections. Their requests have the token that the server's way has now.
    pub(super) async fn connect(to: &Connector, connections: u32) -> Result<Self, Failure> {
        let [base] = to.uris() else {
            return Err(Failure::usage(
                "--server: a measurement is of one server. Give one address.",
            ));
        };
        let base = base.clone();
        let refused = |error| failure(&error, &base.to_string(), WORKFLOW_SERVER);
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        if let Some(token) = to.authorization().await.map_err(refused)? {
            headers.insert(AUTHORIZATION, token);
        }
        let mut senders = Vec::new();
        for _ in 0..connections {
            let (_, stream) = to.dial(Protocol::Http2).await.map_err(refused)?;
            let opened = match stream {
                Stream::Left(plain) => open(plain).await,
                Stream::Right(tls) => open(tls).await,
            };
            senders.push(opened.map_err(|why| {
                Failure::unavailable(format!("No workflow-server answers at {base} ({why})."))
            })?);
        }
        Ok(Self {
            senders,
            base,
            headers,
        })
    }

    /// The address of an RPC at this server.
    pub(super) fn uri(&self, kind: Kind) -> Result<Uri, Failure> {
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(kind.path()));
        Uri::from_parts(parts).map_err(|error| Failure::usage(format!("--server: {error}.")))
    }

    /// Sends one framed message over one of the connections, and waits for its answer.
    pub(super) async fn call(
        &self,
        connection: usize,
        uri: &Uri,
        frame: Bytes,
        is_read: bool,
    ) -> Result<Answer, Status> {
        let sender = self.senders[connection % self.senders.len()].clone();
        let mut sender = sender.ready().await.map_err(broken)?;
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = self.headers.clone();
        let (answer, mut stream) = sender.send_request(request, false).map_err(broken)?;
        stream.send_data(frame, true).map_err(broken)?;
        read(answer, is_read).await
    }
}

async fn open<S>(stream: S) -> Result<SendRequest<Bytes>, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .enable_push(false)
        .handshake(stream)
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        // Each request on it has the error too.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn read(answer: ResponseFuture, is_read: bool) -> Result<Answer, Status> {
    let answer = answer.await.map_err(broken)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(Status::unavailable(format!(
            "the server answers HTTP {status}"
        )));
    }
    let (head, mut body) = answer.into_parts();
    let (mut first, mut more, mut bytes) = (Bytes::new(), BytesMut::new(), 0);
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(broken)?;
        body.flow_control()
            .release_capacity(chunk.len())
            .map_err(broken)?;
        if is_read && bytes > 0 {
            more.extend_from_slice(&chunk);
        } else if is_read {
            first = chunk.clone();
        }
        bytes += chunk.len();
    }
    ended(&head.headers, &mut body).await?;
    if !more.is_empty() {
        first = [&*first, &*more].concat().into();
    }
    if bytes < PREFIX_BYTES {
        return Err(Status::internal("the answer has no message"));
    }
    let message = match is_read {
        true => first.slice(PREFIX_BYTES..),
        false => first,
    };
    Ok(Answer {
        message,
        bytes: bytes - PREFIX_BYTES,
    })
}

/// An error if the status of the call is one. It is in the trailers, or in the head of an answer
/// that has nothing else.
async fn ended(head: &HeaderMap, body: &mut RecvStream) -> Result<(), Status> {
    let trailers = body.trailers().await.map_err(broken)?;
    let last = trailers.as_ref().unwrap_or(head);
    if last.get(GRPC_STATUS).is_some_and(|status| status == "0") {
        return Ok(());
    }
    match Status::from_header_map(last) {
        Some(status) if status.code() != Code::Ok => Err(status),
        Some(_) => Ok(()),
        None => Err(Status::internal("the answer has no gRPC status")),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn broken(error: h2::Error) -> Status {
    let what = match error.reason() {
        Some(Reason::REFUSED_STREAM) => "the server refused the stream",
        _ => "the connection failed",
    };
    Status::unavailable(format!("{what}: {error}"))
}
