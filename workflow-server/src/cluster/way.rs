//! The connections of this member to one leader, in one of its terms.
//!
//! Promise: few streams share a connection, so that a leader's limit of streams holds nobody up.
//! Must not: know what is sent.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;

use aftercall_client::{Connection, Connector, Error};
use http::{Request, Response};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::transport::Endpoint;

use crate::journal::Term;
use crate::limits::{
    MEMBER_CONNECTIONS_MAX, MEMBER_HEADER_BYTES_MAX, MEMBER_KEEPALIVE, MEMBER_STREAM_WINDOW_BYTES,
    MEMBER_STREAMS_PER_CONNECTION, MEMBER_WINDOW_BYTES,
};

/// How a member reaches the others over TLS. Empty paths for none.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemberTls {
    /// The CAs that sign the certificates of members. Without it, those of the system.
    pub(crate) ca: PathBuf,
    /// The certificate of this member, for members that require one.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

/// The way to the leader of one term.
pub(super) struct Way {
    pub(super) term: Term,
    connector: Connector,
    lanes: Mutex<Vec<Lane>>,
    /// Cancelled once that leader is not known to lead any more.
    pub(super) ended: CancellationToken,
}

/// A connection, and a token of each request on it.
struct Lane {
    connection: Connection,
    requests: Arc<()>,
}

/// The place of a request on its connection, until it is dropped.
pub(super) struct Seat(#[allow(dead_code, reason = "it counts while it lives")] Arc<()>);

impl Way {
    /// The way to an address. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub(super) fn new(term: Term, address: &str, tls: &MemberTls) -> Result<Self, Error> {
        let mut connector = Connector::to(address)?;
        if !tls.ca.as_os_str().is_empty() {
            connector = connector.trust(&tls.ca);
        }
        if !tls.certificate.as_os_str().is_empty() {
            connector = connector.certificate(&tls.certificate, &tls.key);
        }
        Ok(Self {
            term,
            connector,
            lanes: Mutex::default(),
            ended: CancellationToken::new(),
        })
    }

    /// Sends a request. The caller keeps the seat until the answer has ended.
    ///
    /// # Errors
    /// What the connection reports, in a sentence.
    pub(super) async fn send(
        &self,
        request: Request<Body>,
    ) -> Result<(Response<Body>, Seat), String> {
        let (mut connection, seat) = self.seat().await.map_err(|error| error.to_string())?;
        poll_fn(|context| connection.poll_ready(context))
            .await
            .map_err(|error| error.to_string())?;
        match connection.call(request).await {
            Ok(answer) => Ok((answer, seat)),
            // The door of this member has the same deadline, and answers it in a moment.
            Err(error) if is_timeout(&error) => std::future::pending().await,
            Err(error) => Err(error.to_string()),
        }
    }

    /// A place on the connection that has the fewest requests.
    async fn seat(&self) -> Result<(Connection, Seat), Error> {
        let mut lanes = self.lanes.lock().await;
        let requests = |lane: &Lane| Arc::strong_count(&lane.requests) - 1;
        let emptiest = lanes.iter().min_by_key(|lane| requests(lane));
        if let Some(lane) = emptiest
            && (requests(lane) < MEMBER_STREAMS_PER_CONNECTION
                || lanes.len() >= MEMBER_CONNECTIONS_MAX)
        {
            return Ok((lane.connection.clone(), Seat(Arc::clone(&lane.requests))));
        }
        let connection = self.connector.connect_with(windows).await?;
        let lane = Lane {
            connection: connection.clone(),
            requests: Arc::default(),
        };
        let seat = Seat(Arc::clone(&lane.requests));
        lanes.push(lane);
        Ok((connection, seat))
    }
}

/// Whether the deadline of the client has passed.
fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Large windows: a client that does not read its answer holds up no other.
fn windows(endpoint: Endpoint) -> Endpoint {
    endpoint
        .initial_stream_window_size(MEMBER_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(MEMBER_WINDOW_BYTES)
        .http2_keep_alive_interval(MEMBER_KEEPALIVE)
        .keep_alive_timeout(MEMBER_KEEPALIVE)
        .http2_max_header_list_size(MEMBER_HEADER_BYTES_MAX)
}
