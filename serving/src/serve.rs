//! Serving gRPC, gRPC-Web and the probes on one port, within limits: tonic's own defaults have none.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::{Connected, TcpConnectInfo};
use tonic_health::ServingStatus;

use crate::backlog::bounded;
use crate::{Readiness, probes};

/// What a server allows.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; more wait to be accepted. Each costs some tens of kilobytes.
    pub connections_max: usize,
    /// Streams at once on one connection; more wait at the client.
    pub streams_per_connection_max: u32,
    /// How often a quiet connection is asked whether it is still there.
    pub keepalive_interval: Duration,
    /// How long it may take to answer before it counts as gone.
    pub keepalive_timeout: Duration,
    /// Bytes of all headers of one request.
    pub header_bytes_max: u32,
    /// Streams that a client may open and reset before it is served, at once: the bound on "rapid reset".
    pub pending_resets_max: usize,
    /// Streams that this side has reset because of the client's faults before the connection is closed.
    pub faulty_resets_max: usize,
    /// How long requests in hand may take once the server is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            streams_per_connection_max: 1_024,
            keepalive_interval: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            header_bytes_max: 16 * 1024,
            pending_resets_max: 64,
            faulty_resets_max: 256,
            drain: Duration::from_secs(10),
        }
    }
}

/// Why a server cannot serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// An address in the open without leave.
    #[error(
        "{0} can be reached from other machines, and this version has neither TLS nor authentication: listen on a loopback address (127.0.0.1 or ::1), or allow plain text in the open with --allow-plaintext where the network itself is trusted"
    )]
    InTheOpen(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}; another process may have the port: choose one with --listen")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Reflection or the transport refuses its own set-up.
    #[error("the server cannot be set up: {0}")]
    SetUp(String),
    /// Serving ended by itself.
    #[error("serving ended: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Opens the port. An address in the open needs leave.
///
/// # Errors
/// [`ServeError::InTheOpen`], [`ServeError::Listen`].
pub async fn open_listener(address: SocketAddr, allow_plaintext: bool) -> Result<TcpListener, ServeError> {
    if !address.ip().is_loopback() && !allow_plaintext {
        return Err(ServeError::InTheOpen(address));
    }
    TcpListener::bind(address).await.map_err(|error| ServeError::Listen { address, error })
}

/// Health and reflection, to which a server adds its own services. Health follows the readiness.
///
/// # Errors
/// [`ServeError::SetUp`].
pub fn base_routes(services: &[&'static str], readiness: &Readiness) -> Result<Routes, ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let names: Vec<&'static str> = services.iter().copied().chain([""]).collect();
    let mut states = readiness.watch();
    tokio::spawn(async move {
        loop {
            let ready = states.borrow_and_update().is_empty();
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            for name in &names {
                reporter.set_service_status(name, status).await;
            }
            if states.changed().await.is_err() {
                return;
            }
        }
    });
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(aftercall_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| ServeError::SetUp(error.to_string()))?;
    Ok(Routes::new(health).add_service(reflection))
}

/// Serves until `shutdown`, then lets requests in hand finish, for at most the drain time.
///
/// # Errors
/// [`ServeError::Transport`] where serving ends by itself.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    limits: &Limits,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    // The layer refuses plain HTTP/1.1 requests: the probes must not be below it.
    let grpc = routes
        .prepare()
        .into_axum_router()
        .layer(tonic_web::GrpcWebLayer::new())
        .layer(axum::middleware::map_response(bounded));
    let router = grpc.merge(probes::routes(readiness.clone()));
    let stopping = shutdown.clone();
    let server = tonic::transport::Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(limits.streams_per_connection_max)
        .http2_keepalive_interval(Some(limits.keepalive_interval))
        .http2_keepalive_timeout(Some(limits.keepalive_timeout))
        .http2_max_header_list_size(limits.header_bytes_max)
        .http2_max_pending_accept_reset_streams(Some(limits.pending_resets_max))
        .http2_max_local_error_reset_streams(Some(limits.faulty_resets_max))
        .add_routes(Routes::from(router))
        .serve_with_incoming_shutdown(incoming(listener, limits.connections_max), async move {
            stopping.cancelled().await;
        });
    let drain = limits.drain;
    tokio::select! {
        ended = server => Ok(ended?),
        // The server's own future may never return while a peer is stuck: this ends it, and its connections with it.
        () = async { shutdown.cancelled().await; tokio::time::sleep(drain).await } => {
            tracing::warn!(seconds = drain.as_secs(), "connections were still open when the drain time ended: they are closed");
            Ok(())
        }
    }
}

/// Connections as they come, as long as there are places.
fn incoming(listener: TcpListener, connections_max: usize) -> impl Stream<Item = io::Result<Counted>> {
    let places = Arc::new(Semaphore::new(connections_max));
    TcpListenerStream::new(listener).then(move |accepted| {
        let places = places.clone();
        async move {
            let stream = accepted?;
            // Small frames must not wait for each other; a socket that refuses is gone already.
            let _ = stream.set_nodelay(true);
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            Ok(Counted { stream, _place: place })
        }
    })
}

/// A connection that holds its place.
struct Counted {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl Connected for Counted {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A token that the first SIGINT or SIGTERM cancels; a second one ends the process at once.
///
/// # Errors
/// Where signals cannot be listened to.
pub fn shutdown_token() -> io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        tracing::info!("stopping; a second signal ends the process at once");
        cancelled.cancel();
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        std::process::exit(130);
    });
    Ok(token)
}
