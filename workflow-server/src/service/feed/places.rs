//! The places for streams of the feed: no client can take them all from the others.
//!
//! Promise: a new stream is refused only where its connection has as many as it needs. Where all
//! places are taken, the address that has most of them loses its oldest: what hoards or leaks makes
//! room for an alerter.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::limits::{FEED_STREAMS_MAX, FEED_STREAMS_PER_CONNECTION_MAX};

/// All places.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: Mutex<Taken>,
}

/// The places that are taken, the oldest first.
#[derive(Debug, Default)]
struct Taken {
    streams: Vec<Stream>,
    next: u64,
}

#[derive(Debug)]
struct Stream {
    id: u64,
    peer: SocketAddr,
    ends: CancellationToken,
}

/// A place; free again once this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    id: u64,
    /// Cancelled where a newer stream needs the place.
    pub(super) ends: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places
            .lock()
            .streams
            .retain(|stream| stream.id != self.id);
    }
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a stream of this client; none where its connection has as many as one may have.
    pub(super) fn take(self: &Arc<Self>, peer: Option<SocketAddr>) -> Option<Place> {
        let peer = peer.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let mut taken = self.lock();
        let of_connection = taken
            .streams
            .iter()
            .filter(|stream| stream.peer == peer)
            .count();
        if of_connection >= FEED_STREAMS_PER_CONNECTION_MAX {
            return None;
        }
        if taken.streams.len() >= FEED_STREAMS_MAX
            && let Some(at) = taken.oldest_of_largest(peer.ip())
        {
            let oldest = taken.streams.remove(at);
            tracing::warn!(peer = %oldest.peer, "all places for streams of the feed are taken: the oldest of the address that has most of them is closed");
            oldest.ends.cancel();
        }
        let (id, ends) = (taken.next, CancellationToken::new());
        taken.next += 1;
        taken.streams.push(Stream {
            id,
            peer,
            ends: ends.clone(),
        });
        Some(Place {
            places: self.clone(),
            id,
            ends,
        })
    }
}

impl Taken {
    /// The oldest stream of the address that has most of them; of the address that asks, where it
    /// has as many.
    fn oldest_of_largest(&self, asking: IpAddr) -> Option<usize> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for stream in &self.streams {
            *counts.entry(stream.peer.ip()).or_default() += 1;
        }
        let (largest, _) = counts
            .into_iter()
            .max_by_key(|(address, count)| (*count, *address == asking))?;
        self.streams
            .iter()
            .position(|stream| stream.peer.ip() == largest)
    }
}

#[cfg(test)]
#[path = "places/tests.rs"]
mod tests;
