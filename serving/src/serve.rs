//! Serving gRPC, gRPC-Web and the probes on one port, within limits: the libraries' own defaults
//! have none.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercall_identity::Verifier;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::accept::{accept, note_full};
use crate::answer::Answering;
use crate::audit::{AuditLog, Event};
use crate::connection::Connection;
use crate::descriptors::{connections_allowed, raise_limit};
use crate::door::keep_up;
use crate::error::ServeError;
use crate::hosts::Hosts;
use crate::limits::{
    CONNECTION_AGE_VARIES, CONNECTION_WINDOW_BYTES, HEADER_BYTES_READ, HTTP1_BUFFER_BYTES, Limits,
    PENDING_RESETS_SLACK, STALL_LOOKS, STREAM_WINDOW_BYTES, UNTRUSTED_GRACE,
};
use crate::listener::{Listener, keep_warning};
use crate::places::{Place, Places};
use crate::routes::{Routes, web};
use crate::seldom::Seldom;
use crate::streams::StreamExecutor;
use crate::tls::{Certificates, Stream, Trust, handshake};
use crate::wire::Wire;
use crate::{Readiness, probes, reflection, whoami};

static LARGE_HEADS: Seldom = Seldom::new();
static EXCESSES: Seldom = Seldom::new();
static STALLS: Seldom = Seldom::new();
static STALLED_STREAMS: Seldom = Seldom::new();
static UNTRUSTED: Seldom = Seldom::new();

/// How the transport of a connection has ended.
type Ended = Result<(), Box<dyn Error + Send + Sync>>;

/// The reason of a head of HTTP/1.1 that is too large to be read.
const HEADER_BYTES: &str = "HEADER_BYTES";

/// How long connections may take to end once they are closed.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// Health and reflection, to which a server adds its own services. Health follows the readiness.
///
/// # Errors
/// [`ServeError::SetUp`].
pub async fn base_routes(
    services: &[&'static str],
    readiness: &Readiness,
) -> Result<Routes, ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let names: Vec<&'static str> = services.iter().copied().chain([""]).collect();
    let mut states = readiness.watch();
    // Before the first request: the reporter begins with "serving". Watchers get a status when it
    // changes, so it is not set again unchanged.
    let mut shown = serving_status(states.borrow_and_update().is_empty());
    report(&reporter, &names, shown).await;
    tokio::spawn(async move {
        while states.changed().await.is_ok() {
            let status = serving_status(states.borrow_and_update().is_empty());
            if status != shown {
                report(&reporter, &names, status).await;
                shown = status;
            }
        }
    });
    let routes = whoami::add(Routes::default().add_service(health));
    reflection::add(routes, services)
}

fn serving_status(is_ready: bool) -> ServingStatus {
    if is_ready {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

async fn report(reporter: &HealthReporter, names: &[&'static str], status: ServingStatus) {
    for name in names {
        reporter.set_service_status(name, status).await;
    }
}

/// Serves until `shutdown`, then lets running requests finish, for at most the drain time.
///
/// # Errors
/// [`ServeError::SetUp`] if a setting is invalid.
pub async fn serve(
    listener: Listener,
    routes: Routes,
    limits: &Limits,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let Listener {
        tcp,
        address,
        certificates,
        door,
        audit,
        is_insecure,
    } = listener;
    audit.warn_in(&readiness);
    let hosts = Hosts::new(address, &limits.allowed_hosts, &limits.web_origins);
    let hosts = hosts.map_err(|error| ServeError::SetUp(error.to_string()))?;
    let routes = Arc::new(routes);
    let door = door.within(limits);
    let places = Arc::new(places(limits));
    let close = CancellationToken::new();
    // Closes the connections also if this future is dropped.
    let _close = close.clone().drop_guard();
    let upkeep = Upkeep::new(&close, limits);
    upkeep.of_certificates(certificates.as_ref());
    upkeep.of_proofs(door.verifier());
    if is_insecure {
        upkeep.start(keep_warning(address, certificates.is_some()));
    }
    let server = Arc::new(Server {
        answering: Answering {
            web: web(&routes, hosts.origins()),
            routes,
            probes: probes::routes(readiness),
            hosts,
            door,
            limits: limits.clone(),
            audit: audit.log().clone(),
        },
        builder: builder(limits),
        certificates,
        shutdown: shutdown.clone(),
        close: close.clone(),
    });
    let connections = TaskTracker::new();
    accept(
        (tcp, audit.log()),
        &places,
        &shutdown,
        |socket, peer, place| {
            connections.spawn(Arc::clone(&server).begin(socket, peer, place));
        },
    )
    .await;
    drain(&connections, limits.drain, &close).await;
    audit.finish().await;
    Ok(())
}

/// Waits for the connections, and closes those that are still open after the drain time.
async fn drain(connections: &TaskTracker, time_max: Duration, close: &CancellationToken) {
    connections.close();
    if tokio::time::timeout(time_max, connections.wait())
        .await
        .is_ok()
    {
        return;
    }
    let seconds = time_max.as_secs();
    tracing::warn!(
        seconds,
        "connections were still open when the drain time ended: they are closed"
    );
    close.cancel();
    // What they asked ends with them, and is in the audit log.
    let _ = tokio::time::timeout(CLOSE_MAX, connections.wait()).await;
}

/// What runs beside the connections, until they are closed.
struct Upkeep<'s> {
    close: &'s CancellationToken,
    limits: &'s Limits,
}

impl<'s> Upkeep<'s> {
    fn new(close: &'s CancellationToken, limits: &'s Limits) -> Self {
        Self { close, limits }
    }

    fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.close.clone().run_until_cancelled_owned(task));
    }

    /// Reads changed certificates.
    fn of_certificates(&self, certificates: Option<&Arc<Certificates>>) {
        if let Some(certificates) = certificates {
            let every = self.limits.certificates_read_every;
            self.start(Arc::clone(certificates).keep_up(every));
        }
    }

    /// Reads changed files of tokens and rules, and the keys of issuers.
    fn of_proofs(&self, verifier: Option<&Arc<Verifier>>) {
        if let Some(verifier) = verifier {
            let every = self.limits.access_read_every;
            self.start(keep_up(Arc::clone(verifier), every));
            let (verifier, stop) = (Arc::clone(verifier), self.close.clone());
            self.start(async move { verifier.run(stop.cancelled()).await });
        }
    }
}

/// The places for connections: as many as the settings and the process' descriptors allow.
fn places(limits: &Limits) -> Places {
    let of_process_max = connections_allowed(raise_limit());
    let connections_max = limits.connections_max.min(of_process_max);
    let per_address = limits.connections_per_address_max;
    tracing::info!(connections_max, per_address, "limit of connections");
    Places::new(connections_max, per_address, of_process_max)
}

/// What the connections of a server share.
struct Server {
    answering: Answering,
    builder: Builder<StreamExecutor>,
    certificates: Option<Arc<Certificates>>,
    shutdown: CancellationToken,
    close: CancellationToken,
}

impl Server {
    /// Begins TLS where the port has it, and serves the connection.
    ///
    /// Both steps are boxed: the task is moved when it starts, and a connection that is served keeps
    /// nothing of its handshake.
    async fn begin(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, place: Place) {
        let opened = match &self.certificates {
            Some(certificates) => Box::pin(self.open(certificates, socket, peer, place)).await,
            None => Some((Stream::Plain(socket), Connection::new(peer, place), None)),
        };
        if let Some((stream, connection, trust)) = opened {
            Box::pin(self.serve(stream, Arc::new(connection), trust)).await;
        }
    }

    /// Begins TLS. `None` where the client does not come so far.
    async fn open(
        &self,
        certificates: &Certificates,
        socket: TcpStream,
        peer: SocketAddr,
        place: Place,
    ) -> Option<(Stream, Connection, Option<Trust>)> {
        let time_max = self.answering.limits.handshake_max;
        let audit = &self.answering.audit;
        let trust = certificates.trust();
        let begun = handshake((socket, peer), certificates.config(), time_max, audit);
        // Nobody has asked anything yet: nothing is lost at a shutdown.
        let stream = self.shutdown.run_until_cancelled(begun).await??;
        let connection = Connection::with_tls(peer, place, stream.get_ref().1.peer_certificates());
        tracing::debug!(%peer, is_tls = connection.is_tls, certificates = connection.peer_certificates.as_ref().map(|chain| chain.len()), "a connection has begun");
        let trust = connection.peer_certificates.is_some().then_some(trust);
        Some((Stream::Tls(Box::new(stream)), connection, trust))
    }

    /// Serves a connection until it ends, stalls, or the server closes it.
    async fn serve(
        self: &Arc<Self>,
        stream: Stream,
        connection: Arc<Connection>,
        trust: Option<Trust>,
    ) {
        let (limits, audit) = (&self.answering.limits, &self.answering.audit);
        let io = TokioIo::new(Wire::new(stream, Arc::clone(&connection), limits));
        let (server, of_requests) = (Arc::clone(self), Arc::clone(&connection));
        let service = service_fn(move |request| {
            let (server, connection) = (Arc::clone(&server), Arc::clone(&of_requests));
            // Boxed: the transport moves it twice.
            Box::pin(async move {
                Ok::<_, Infallible>(server.answering.answer(connection, request).await)
            })
        });
        let mut transport = pin!(self.builder.serve_connection(io, service));
        let mut stalled = pin!(stalled(&connection, limits.stall_max));
        let mut distrusted = pin!(self.distrusted(trust, &connection));
        tokio::select! {
            ended = counted(&connection, transport.as_mut()) => return note_end(&connection, ended, audit),
            () = self.close.cancelled() => return,
            () = stalled.as_mut() => return,
            () = self.shutdown.cancelled() => {}
            () = aged(limits.connection_age_max, &connection) => connection.note_age(),
            () = distrusted.as_mut() => {}
        }
        transport.as_mut().graceful_shutdown();
        tokio::select! {
            ended = counted(&connection, transport) => note_end(&connection, ended, audit),
            () = self.close.cancelled() => {}
            () = stalled => {}
            () = distrusted, if !connection.is_untrusted() => {}
            () = grace(&connection, limits.connection_grace) => {}
        }
    }

    /// Waits until the server does not accept the CA of a client any more. The connection notes it
    /// then.
    async fn distrusted(&self, trust: Option<Trust>, connection: &Connection) {
        let (Some(trust), Some(chain)) = (trust, &connection.peer_certificates) else {
            return std::future::pending().await;
        };
        trust.lost(chain).await;
        connection.note_untrusted();
        metrics::counter!("aftercall_connections_closed_total", "reason" => "untrusted")
            .increment(1);
        let (peer, reason) = (connection.peer, "CERTIFICATE_UNTRUSTED");
        let count = 1;
        self.answering.audit.write(Event::Connection {
            peer,
            reason,
            count,
        });
        if let Some(count) = UNTRUSTED.is_due() {
            tracing::warn!(%peer, count, "the CA of a client's certificate was removed from tls_client_ca: its connection is closed");
        }
    }
}

/// Waits until a connection has reached its age. One of another member has none: its clients have
/// their own.
async fn aged(age_max: Option<Duration>, connection: &Connection) {
    let Some(age_max) = age_max else {
        return std::future::pending().await;
    };
    let varied = 1.0 + CONNECTION_AGE_VARIES * (2.0 * rand::random::<f64>() - 1.0);
    tokio::time::sleep(age_max.mul_f64(varied)).await;
    if connection.is_member() {
        return std::future::pending().await;
    }
    metrics::counter!("aftercall_connections_closed_total", "reason" => "age").increment(1);
}

/// Waits until a connection that has reached its age, or whose client is not trusted any more, must
/// end. At a shutdown the drain time counts.
async fn grace(connection: &Connection, grace: Duration) {
    if connection.is_untrusted() {
        return tokio::time::sleep(UNTRUSTED_GRACE).await;
    }
    if !connection.has_aged() {
        return std::future::pending().await;
    }
    tokio::time::sleep(grace).await;
    connection.without_long_requests().await;
}

/// Counts how often the transport runs: what it writes in one run leaves in the next.
async fn counted<T: Future>(connection: &Connection, mut transport: Pin<&mut T>) -> T::Output {
    poll_fn(|context| {
        connection.note_wake_up();
        transport.as_mut().poll(context)
    })
    .await
}

/// Counts a connection that the transport has closed because its client is silent, or does what no
/// client needs: headers or messages in too many pieces, too large a head, or too many requests with
/// errors. Other errors are of clients that have gone, or were counted where they were found.
fn note_end(connection: &Connection, ended: Ended, audit: &AuditLog) {
    let Err(error) = ended else { return };
    if connection.has_no_place() {
        note_full(connection.peer, audit);
        return;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if let Some(of_server) = error.downcast_ref::<hyper::Error>() {
            if of_server.is_timeout() {
                let reason = timed_out(connection, of_server);
                metrics::counter!("aftercall_connections_closed_total", "reason" => reason)
                    .increment(1);
                return;
            }
            if of_server.is_parse_too_large() {
                return note_large_head(connection.peer, audit);
            }
        }
        let of_transport = error.downcast_ref::<h2::Error>();
        if of_transport.is_some_and(|error| {
            error.is_library() && error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM)
        }) {
            metrics::counter!("aftercall_connections_closed_total", "reason" => "excess")
                .increment(1);
            if let Some(count) = EXCESSES.is_due() {
                let peer = connection.peer;
                tracing::warn!(%peer, count, %error, "a client sends headers or messages in too many pieces, or too many requests with errors: its connection is closed");
            }
            return;
        }
        cause = error.source();
    }
}

/// Counts the head of a request of HTTP/1.1 that is too large to be read. Over HTTP/2 the library
/// answers that itself, and reports it nowhere.
fn note_large_head(peer: SocketAddr, audit: &AuditLog) {
    metrics::counter!("aftercall_requests_refused_total", "reason" => HEADER_BYTES).increment(1);
    if let Some(count) = LARGE_HEADS.is_due() {
        audit.write(Event::Connection {
            peer,
            reason: HEADER_BYTES,
            count,
        });
    }
}

/// Why a connection has ended by a timeout of the transport. Over HTTP/1.1 the head of a request was
/// not complete in time: of the first one it is the greeting. That error has no cause.
fn timed_out(connection: &Connection, error: &hyper::Error) -> &'static str {
    if error.source().is_none() && !connection.has_answered() {
        "greeting"
    } else {
        "silent"
    }
}

/// Ends when the answers of a connection have made no progress for `stall_max`. A single stream
/// without progress is reset earlier, if much of its answer waits. A small answer is already in the
/// transport and cannot be taken back.
async fn stalled(connection: &Connection, stall_max: Option<Duration>) {
    let Some(stall_max) = stall_max else {
        return std::future::pending().await;
    };
    let mut last = (None, Instant::now());
    loop {
        tokio::time::sleep(stall_max / STALL_LOOKS).await;
        let ended = connection.end_stalled(stall_max);
        if ended > 0 {
            metrics::counter!("aftercall_streams_ended_total", "reason" => "stalled")
                .increment(ended as u64);
            if let Some(count) = STALLED_STREAMS.is_due() {
                let peer = connection.peer;
                tracing::warn!(%peer, count, "a client does not read an answer: its stream is reset, and the connection stays open");
            }
            // The ended streams have freed their bytes: the wait of the others starts again.
            last = (None, Instant::now());
            continue;
        }
        let now = connection.unread_since();
        if now.is_none() || now != last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() >= stall_max {
            metrics::counter!("aftercall_connections_closed_total", "reason" => "stalled")
                .increment(1);
            if let Some(count) = STALLS.is_due() {
                let peer = connection.peer;
                tracing::warn!(%peer, count, "a client does not read its answers: its connection is closed");
            }
            return;
        }
    }
}

fn builder(limits: &Limits) -> Builder<StreamExecutor> {
    let mut builder = Builder::new(StreamExecutor);
    let header_bytes_read = limits.header_bytes_max.saturating_mul(HEADER_BYTES_READ);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(limits.streams_per_connection_max)
        .keep_alive_interval(Some(limits.keepalive))
        .keep_alive_timeout(limits.keepalive)
        .max_header_list_size(header_bytes_read)
        .max_pending_accept_reset_streams(Some(limits.resets_burst as usize + PENDING_RESETS_SLACK))
        .max_local_error_reset_streams(Some(limits.faulty_resets_max));
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(header_bytes_read.max(HTTP1_BUFFER_BYTES) as usize)
        .header_read_timeout(limits.greeting_max);
    builder
}
