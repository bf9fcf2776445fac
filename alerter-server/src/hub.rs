//! The hub: the one place where the tail and the clients' streams meet.
//!
//! Promise: the tail never waits for a client. It replaces the view and wakes; each stream reads on from its own place
//! in its own time. A lost wake-up would cost time, never a change.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;

/// How the alerter stands with the workflow-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Whether it is connected.
    pub(crate) connected: bool,
    /// The time to which the alerter's knowledge reaches.
    pub(crate) as_of: SystemTime,
}

/// Where the tail puts what it knows, and the streams find it.
#[derive(Debug)]
pub(crate) struct Hub {
    views: watch::Sender<Option<Arc<Cache>>>,
    link: watch::Sender<Link>,
    streams: Arc<Semaphore>,
    streams_max: usize,
    drain: CancellationToken,
}

impl Hub {
    /// A hub without a view yet; it admits at most `streams_max` streams and drains when `drain` is cancelled.
    pub(crate) fn new(streams_max: usize, drain: CancellationToken) -> Self {
        let streams_max = streams_max.min(Semaphore::MAX_PERMITS);
        Self {
            views: watch::Sender::new(None),
            link: watch::Sender::new(Link { connected: false, as_of: SystemTime::UNIX_EPOCH }),
            streams: Arc::new(Semaphore::new(streams_max)),
            streams_max,
            drain,
        }
    }

    /// Shows the streams a newer view.
    pub(crate) fn publish(&self, cache: &Cache) {
        let (entries, bytes) = cache.ring_size();
        metrics::gauge!("aftercall_alerter_ring_entries").set(entries as f64);
        metrics::gauge!("aftercall_alerter_ring_bytes").set(bytes as f64);
        metrics::gauge!("aftercall_alerter_head_sequence").set(cache.head().sequence as f64);
        self.views.send_replace(Some(Arc::new(cache.clone())));
    }

    /// Notes that the workflow-server has been heard. Streams are woken only if it had been lost.
    pub(crate) fn heard(&self, as_of: SystemTime) {
        self.link.send_if_modified(|link| !std::mem::replace(link, Link { connected: true, as_of }).connected);
    }

    /// Notes that the workflow-server has been lost.
    pub(crate) fn lost(&self) {
        self.link.send_if_modified(|link| std::mem::replace(&mut link.connected, false));
    }

    /// The newest view, and its successors; none until the first snapshot is whole.
    pub(crate) fn views(&self) -> watch::Receiver<Option<Arc<Cache>>> {
        self.views.subscribe()
    }

    /// How the workflow-server stands, and when that changes.
    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// Admits one more stream, if the limit allows.
    pub(crate) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }

    /// How many streams are admitted at most.
    pub(crate) fn streams_max(&self) -> usize {
        self.streams_max
    }

    /// Cancelled once the server drains.
    pub(crate) fn drain(&self) -> &CancellationToken {
        &self.drain
    }
}
