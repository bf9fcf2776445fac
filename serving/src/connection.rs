//! The shared state of one connection: its peer, its unfinished requests and its unsent answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use tokio::sync::Notify;

use crate::last_proof::LastProof;
use crate::limits::{Limits, UNREAD_BYTES_ALWAYS};
use crate::places::{Place, Use};
use crate::refusal::Refusal;
use crate::streams::Ends;
use crate::unread::is_over_all;

/// An answer of which a part is unsent.
pub(crate) trait Unsent: std::fmt::Debug + Send + Sync {
    /// Pieces that were sent.
    fn progress(&self) -> u64;

    /// Whether the transport has unsent data.
    fn is_waiting(&self) -> bool;

    /// Ends the stream; returns whether it can be ended alone.
    fn end(&self) -> bool;
}

/// A large unsent answer, and when it last made progress.
#[derive(Debug)]
struct Watched {
    answer: Weak<dyn Unsent>,
    progress: u64,
    since: Instant,
}

/// A connection; its place is freed when it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    pub(crate) is_tls: bool,
    /// The verified certificate of the client, then those between it and its CA; `None` without
    /// one.
    pub(crate) peer_certificates: Option<Arc<[CertificateDer<'static>]>>,
    pub(crate) for_use: Use,
    /// Bytes of unfinished requests.
    pub(crate) unfinished_bytes: AtomicUsize,
    /// Bytes of unsent answers.
    unread_bytes: AtomicUsize,
    unread_fell: Notify,
    /// Frames of answers that were sent.
    progress: AtomicU64,
    has_reset: AtomicBool,
    /// Whether it is closed because it has only the place of a probe.
    has_no_place: AtomicBool,
    /// Whether another member of the cluster passes requests of its clients on by it.
    is_member: AtomicBool,
    wake_ups: AtomicU64,
    /// Requests whose answers are not complete.
    open_requests: AtomicUsize,
    /// Large unsent answers.
    watched: Mutex<Vec<Watched>>,
    last_proof: Mutex<Option<LastProof>>,
    /// Whether it has reached its age.
    has_aged: AtomicBool,
    /// Whether the server does not accept the CA of its client any more.
    is_untrusted: AtomicBool,
    /// Its streams that last as long as their client reads.
    endless: Mutex<Vec<Weak<Ends>>>,
    /// Requests that may run to their end although the connection has reached its age.
    long_requests: AtomicUsize,
    long_ended: Notify,
    _place: Option<Place>,
}

/// A request whose answer is not complete.
#[derive(Debug)]
pub(crate) struct OpenRequest {
    connection: Arc<Connection>,
    is_long: bool,
}

impl OpenRequest {
    /// Notes that it may run to its end although its connection has reached its age.
    pub(crate) fn note_long(&mut self) {
        self.is_long = true;
        self.connection
            .long_requests
            .fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let connection = &self.connection;
        connection.open_requests.fetch_sub(1, Ordering::Relaxed);
        if self.is_long {
            connection.long_requests.fetch_sub(1, Ordering::Release);
            connection.long_ended.notify_waiters();
        }
    }
}

impl Connection {
    pub(crate) fn new(peer: SocketAddr, place: Place) -> Self {
        Self::with(peer, place.for_use, Some(place))
    }

    /// The same over TLS, with the certificates that the client has proved.
    pub(crate) fn with_tls(
        peer: SocketAddr,
        place: Place,
        certificates: Option<&[CertificateDer<'static>]>,
    ) -> Self {
        Self {
            is_tls: true,
            peer_certificates: certificates.map(Arc::from),
            ..Self::new(peer, place)
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self::with(SocketAddr::from(([127, 0, 0, 1], 1)), Use::Any, None)
    }

    fn with(peer: SocketAddr, for_use: Use, place: Option<Place>) -> Self {
        Self {
            peer,
            is_tls: false,
            peer_certificates: None,
            for_use,
            unfinished_bytes: AtomicUsize::new(0),
            unread_bytes: AtomicUsize::new(0),
            unread_fell: Notify::new(),
            progress: AtomicU64::new(0),
            has_reset: AtomicBool::new(false),
            has_no_place: AtomicBool::new(false),
            is_member: AtomicBool::new(false),
            wake_ups: AtomicU64::new(0),
            open_requests: AtomicUsize::new(0),
            watched: Mutex::default(),
            last_proof: Mutex::default(),
            has_aged: AtomicBool::new(false),
            is_untrusted: AtomicBool::new(false),
            endless: Mutex::default(),
            long_requests: AtomicUsize::new(0),
            long_ended: Notify::new(),
            _place: place,
        }
    }

    /// Notes that the client has reset streams.
    pub(crate) fn note_resets(&self) {
        self.has_reset.store(true, Ordering::Relaxed);
    }

    /// Whether the client has ever reset a stream.
    pub(crate) fn has_reset(&self) -> bool {
        self.has_reset.load(Ordering::Relaxed)
    }

    /// Notes that its client speaks HTTP/2, and only a place for probes was left.
    pub(crate) fn note_no_place(&self) {
        self.has_no_place.store(true, Ordering::Relaxed);
    }

    /// Whether it is closed for that.
    pub(crate) fn has_no_place(&self) -> bool {
        self.has_no_place.load(Ordering::Relaxed)
    }

    /// Notes that another member of the cluster passes on requests by it. Limits of one client do
    /// not count for it: that member has kept them.
    pub(crate) fn note_member(&self) {
        self.is_member.store(true, Ordering::Relaxed);
    }

    /// Whether another member of the cluster passes on requests by it.
    pub(crate) fn is_member(&self) -> bool {
        self.is_member.load(Ordering::Relaxed)
    }

    /// Notes that the connection's task runs.
    pub(crate) fn note_wake_up(&self) {
        self.wake_ups.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request until what is returned is dropped.
    pub(crate) fn open_request(self: &Arc<Self>) -> OpenRequest {
        self.open_requests.fetch_add(1, Ordering::Relaxed);
        OpenRequest {
            connection: Arc::clone(self),
            is_long: false,
        }
    }

    /// Whether it has reached its age.
    pub(crate) fn has_aged(&self) -> bool {
        self.has_aged.load(Ordering::Relaxed)
    }

    /// Notes that it has reached its age, which ends its endless streams.
    pub(crate) fn note_age(&self) {
        self.has_aged.store(true, Ordering::Relaxed);
        self.wake_endless();
    }

    /// Whether the server does not accept the CA of its client any more.
    pub(crate) fn is_untrusted(&self) -> bool {
        self.is_untrusted.load(Ordering::Relaxed)
    }

    /// Notes that the server does not accept the CA of its client any more, which ends its endless
    /// streams and refuses its further requests.
    pub(crate) fn note_untrusted(&self) {
        self.is_untrusted.store(true, Ordering::Relaxed);
        self.wake_endless();
    }

    /// Refuses what its client asks, if the server does not accept its CA any more.
    ///
    /// # Errors
    /// [`Refusal::CertificateUntrusted`].
    pub(crate) fn check_trust(&self) -> Result<(), Refusal> {
        if self.is_untrusted() {
            Err(Refusal::CertificateUntrusted)
        } else {
            Ok(())
        }
    }

    /// Why its endless streams end.
    pub(crate) fn ends_streams(&self) -> Option<Refusal> {
        let of_age = self.has_aged().then_some(Refusal::ConnectionAge);
        self.check_trust().err().or(of_age)
    }

    fn wake_endless(&self) {
        let endless = std::mem::take(&mut *self.endless());
        endless
            .iter()
            .filter_map(Weak::upgrade)
            .for_each(|stream| stream.wake());
    }

    /// Wakes a stream that lasts as long as its client reads once the connection must end.
    pub(crate) fn wake_at_end(&self, stream: &Arc<Ends>) {
        let mut endless = self.endless();
        endless.retain(|stream| stream.strong_count() > 0);
        endless.push(Arc::downgrade(stream));
    }

    fn endless(&self) -> MutexGuard<'_, Vec<Weak<Ends>>> {
        self.endless.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no request is left that may run to its end.
    pub(crate) async fn without_long_requests(&self) {
        loop {
            let ended = self.long_ended.notified();
            if self.long_requests.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Whether more than one request has no complete answer.
    pub(crate) fn has_further_requests(&self) -> bool {
        self.open_requests.load(Ordering::Relaxed) > 1
    }

    /// The number of the present run of the connection's task.
    pub(crate) fn wake_up(&self) -> u64 {
        self.wake_ups.load(Ordering::Relaxed)
    }

    /// Notes that frames of answers were sent.
    pub(crate) fn note_progress(&self, frames: u64) {
        self.progress.fetch_add(frames, Ordering::Relaxed);
    }

    /// Whether anything of an answer was ever sent.
    pub(crate) fn has_answered(&self) -> bool {
        self.progress.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn note_unread(&self, bytes: usize) {
        self.unread_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn forget_unread(&self, bytes: usize) {
        self.unread_bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.unread_fell.notify_waiters();
    }

    /// Bytes of unsent answers.
    #[cfg(test)]
    pub(crate) fn unread(&self) -> usize {
        self.unread_bytes.load(Ordering::Relaxed)
    }

    /// Watches a large unsent answer.
    pub(crate) fn watch(&self, answer: &Arc<impl Unsent + 'static>) {
        let (progress, since) = (answer.progress(), Instant::now());
        let answer: Weak<dyn Unsent> = Arc::downgrade(answer) as _;
        let mut watched = self.watched();
        watched.retain(|watched| watched.answer.strong_count() > 0);
        watched.push(Watched {
            answer,
            progress,
            since,
        });
    }

    /// Ends the streams without progress for so long; returns how many there were.
    pub(crate) fn end_stalled(&self, stall_max: Duration) -> usize {
        let mut ended = 0;
        self.watched().retain_mut(|watched| {
            let Some(answer) = watched.answer.upgrade() else {
                return false;
            };
            let progress = answer.progress();
            if progress != watched.progress || !answer.is_waiting() {
                (watched.progress, watched.since) = (progress, Instant::now());
            } else if watched.since.elapsed() >= stall_max && answer.end() {
                ended += 1;
                return false;
            }
            true
        });
        ended
    }

    fn watched(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The proof of the last request, and whose it is.
    pub(crate) fn last_proof(&self) -> MutexGuard<'_, Option<LastProof>> {
        self.last_proof
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The verified certificate of the client, in DER.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        let chain = self.peer_certificates.as_ref()?;
        Some(chain.first()?.as_ref())
    }

    /// The progress of the answers; `None` if all are sent.
    pub(crate) fn unread_since(&self) -> Option<u64> {
        let is_waiting = self.unread_bytes.load(Ordering::Relaxed) > 0;
        is_waiting.then(|| self.progress.load(Ordering::Relaxed))
    }

    /// Waits until the client has read enough of its earlier answers.
    ///
    /// # Errors
    /// [`Refusal::UnreadAnswers`] if too much is unsent in all and this client holds some of it.
    pub(crate) async fn unread_below(&self, limits: &Limits) -> Result<(), Refusal> {
        loop {
            let fell = self.unread_fell.notified();
            let unread = self.unread_bytes.load(Ordering::Acquire);
            if unread > UNREAD_BYTES_ALWAYS && is_over_all(limits.unread_bytes_max) {
                return Err(Refusal::UnreadAnswers);
            }
            if unread <= limits.unread_bytes_per_connection_max || self.is_member() {
                return Ok(());
            }
            fell.await;
        }
    }
}
