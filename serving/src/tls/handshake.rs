//! The TLS handshake with a client, in the task of its connection and within a time limit. The
//! time in which it waits for other handshakes does not count.
//!
//! Promise: a handshake that fails is counted by its reason and logged, at most once a minute. The
//! audit log has each one that failed for the certificate of the client.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::thread::available_parallelism;
use std::time::Duration;

use rustls::{Error as RustlsError, ServerConfig};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::audit::{AuditLog, Event};
use crate::limits::TLS_UNSENT_BYTES_MAX;
use crate::seldom::Seldom;
use crate::tls::explain::{explain, is_tls};

static SLOW: Seldom = Seldom::new();
static PLAIN: Seldom = Seldom::new();
static CERTIFICATES: Seldom = Seldom::new();
static REFUSED: Seldom = Seldom::new();
static PROTOCOL: Seldom = Seldom::new();

/// Why a handshake failed.
#[derive(Debug)]
enum Failure {
    /// It took too long.
    Slow,
    /// The client closed the connection: a check of a load balancer does so.
    Closed,
    /// The client does not use TLS.
    PlainText,
    /// The client has no certificate, or none that is accepted.
    Certificate(RustlsError),
    /// The client refused, mostly the certificate of the server.
    Refused(RustlsError),
    /// Anything else: no common version, or bytes that are not TLS.
    Protocol(RustlsError),
}

/// Begins TLS on a connection; `None` if that failed.
pub(crate) async fn handshake(
    (socket, peer): (TcpStream, SocketAddr),
    config: Arc<ServerConfig>,
    time_max: Duration,
    audit: &AuditLog,
) -> Option<TlsStream<TcpStream>> {
    match begin(socket, config, time_max).await {
        Ok(stream) => Some(stream),
        Err(failure) => {
            note(&failure, peer);
            if let Failure::Certificate(_) = failure {
                audit.write(Event::Connection {
                    peer,
                    reason: "CLIENT_CERTIFICATE_REFUSED",
                    count: 1,
                });
            }
            None
        }
    }
}

async fn begin(
    socket: TcpStream,
    config: Arc<ServerConfig>,
    time_max: Duration,
) -> Result<TlsStream<TcpStream>, Failure> {
    let mut time = Time(time_max);
    if !time.of(is_tls(&socket)).await??.ok_or(Failure::Closed)? {
        // What the client does with the answer changes nothing.
        let _ = time.of(explain(socket)).await?;
        return Err(Failure::PlainText);
    }
    let accepting = TlsAcceptor::from(config).accept_with(socket, |session| {
        session.set_buffer_limit(Some(TLS_UNSENT_BYTES_MAX));
    });
    Ok(in_turns(accepting, time).await??)
}

/// How long the client may still take.
struct Time(Duration);

impl Time {
    /// Waits for the client.
    async fn of<T>(&mut self, client: impl Future<Output = T>) -> Result<T, Failure> {
        let begun = Instant::now();
        let done = timeout(self.0, client).await;
        self.0 = self.0.saturating_sub(begun.elapsed());
        // The end of the time wakes the client's future too, which may take that for the client.
        if self.0.is_zero() {
            return Err(Failure::Slow);
        }
        done.map_err(|_| Failure::Slow)
    }
}

/// How many handshakes run at a time: half of the processors, so that the others serve. With one
/// processor a handshake is one task among many.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZero::get);
    Semaphore::new((processors / 2).max(1))
});

/// Runs a handshake with a turn for each step of it. Signatures take long: if a thousand clients
/// connect at once, a request of another connection waits for a step or two, and not for a thousand.
/// A client that sends nothing has no turn, and its time is over sometime. One that waits for its
/// turn is not to blame for that.
async fn in_turns<H: Future>(handshake: H, mut time: Time) -> Result<H::Output, Failure> {
    let mut handshake = pin!(handshake);
    loop {
        // It is never closed.
        let turn = TURNS.acquire().await;
        // Behind all that is ready.
        yield_now().await;
        let step = poll_fn(|context| Poll::Ready(handshake.as_mut().poll(context))).await;
        drop(turn);
        if let Poll::Ready(done) = step {
            return Ok(done);
        }
        time.of(woken()).await?;
    }
}

/// Waits until something wakes this task.
async fn woken() {
    let mut has_waited = false;
    poll_fn(|_| {
        if std::mem::replace(&mut has_waited, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let inner = error.into_inner();
        let tls = inner.and_then(|inner| inner.downcast::<RustlsError>().ok());
        match tls.map(|error| *error) {
            None => Self::Closed,
            Some(
                error @ (RustlsError::NoCertificatesPresented | RustlsError::InvalidCertificate(_)),
            ) => Self::Certificate(error),
            Some(error @ RustlsError::AlertReceived(_)) => Self::Refused(error),
            Some(error) => Self::Protocol(error),
        }
    }
}

/// The names of the reasons in the metrics.
pub(crate) const REASONS: &[&str] = &[
    "client_certificate",
    "closed",
    "plain_text",
    "protocol",
    "refused_by_client",
    "slow",
];

fn note(failure: &Failure, peer: SocketAddr) {
    let (reason, seldom) = match failure {
        Failure::Slow => ("slow", Some(&SLOW)),
        Failure::Closed => ("closed", None),
        Failure::PlainText => ("plain_text", Some(&PLAIN)),
        Failure::Certificate(_) => ("client_certificate", Some(&CERTIFICATES)),
        Failure::Refused(_) => ("refused_by_client", Some(&REFUSED)),
        Failure::Protocol(_) => ("protocol", Some(&PROTOCOL)),
    };
    metrics::counter!("aftercall_tls_handshakes_failed_total", "reason" => reason).increment(1);
    let Some(count) = seldom.and_then(Seldom::is_due) else {
        return;
    };
    match failure {
        Failure::Closed => {}
        Failure::Slow => {
            tracing::warn!(%peer, count, "a client did not finish the TLS handshake in time: its connection is closed");
        }
        Failure::PlainText => {
            tracing::warn!(%peer, count, "a client sent plain text to a port with TLS: its connection is closed; give the client an https:// address");
        }
        Failure::Certificate(error) => {
            tracing::warn!(%peer, count, %error, "the certificate of a client is missing or not accepted: its connection is closed; see tls_client_ca");
        }
        Failure::Refused(error) => {
            tracing::warn!(%peer, count, %error, "a client refused the TLS handshake: its CA, or the name by which it calls the server, does not fit the certificate");
        }
        Failure::Protocol(error) => {
            tracing::warn!(%peer, count, %error, "the TLS handshake with a client failed: its connection is closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;

    use super::*;

    /// How many steps of a thousand handshakes another task waits for at most.
    async fn waited_for<H: Future<Output = ()> + Send + 'static>(
        handshake: impl Fn(Arc<AtomicUsize>) -> H,
    ) -> usize {
        let steps = Arc::new(AtomicUsize::new(0));
        let mut handshakes: JoinSet<()> =
            (0..1_000).map(|_| handshake(Arc::clone(&steps))).collect();
        let seen = Arc::clone(&steps);
        let other = tokio::spawn(async move {
            let mut most = 0;
            while seen.load(Ordering::Relaxed) < 3_000 {
                let before = seen.load(Ordering::Relaxed);
                yield_now().await;
                most = most.max(seen.load(Ordering::Relaxed) - before);
            }
            most
        });
        while handshakes.join_next().await.is_some() {}
        other.await.expect("no panic")
    }

    async fn three_steps(steps: Arc<AtomicUsize>) {
        for _ in 0..3 {
            steps.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn others_wait_for_a_few_handshakes_at_most() {
        let with_turns = waited_for(|steps| async {
            let done = in_turns(three_steps(steps), Time(Duration::from_secs(60))).await;
            done.expect("in time");
        })
        .await;
        let turns = TURNS.available_permits();
        assert!(with_turns <= 4 * turns, "{with_turns} steps, {turns} turns");
        let without = waited_for(three_steps).await;
        assert!(without > 500, "the control: {without} steps");
    }

    #[tokio::test]
    async fn a_silent_client_is_left_when_its_time_is_over() {
        let silent = in_turns(
            std::future::pending::<()>(),
            Time(Duration::from_millis(20)),
        );
        let ended = timeout(Duration::from_secs(60), silent).await;
        assert!(matches!(ended.expect("it ends"), Err(Failure::Slow)));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_time_of_the_client_counts() {
        let taken = TURNS.acquire_many(TURNS.available_permits() as u32);
        let taken = taken.await.expect("open");
        let quick = tokio::spawn(in_turns(
            three_steps(Arc::default()),
            Time(Duration::from_secs(1)),
        ));
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(taken);
        quick.await.expect("no panic").expect("it has waited");
        let silent = in_turns(std::future::pending::<()>(), Time(Duration::from_secs(1)));
        let begun = Instant::now();
        assert!(matches!(silent.await, Err(Failure::Slow)));
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
    }
}
