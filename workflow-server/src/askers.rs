//! How many reads each connection has waiting or running on a lane.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aftercall_serving::asker::asker;

type Counts = HashMap<SocketAddr, usize>;

/// The reads of each connection.
#[derive(Default)]
pub(crate) struct Askers(Arc<Mutex<Counts>>);

/// A read of a connection that is known; it counts until this is dropped.
pub(crate) struct Asking {
    counts: Arc<Mutex<Counts>>,
    peer: SocketAddr,
    /// Whether the connection had no other when it began.
    pub(crate) is_only_one: bool,
}

impl Askers {
    /// Counts a read of the connection whose request is being answered.
    pub(crate) fn enter(&self) -> Option<Asking> {
        let peer = asker()?;
        let mut counts = locked(&self.0);
        let count = counts.entry(peer).or_default();
        *count += 1;
        Some(Asking {
            counts: self.0.clone(),
            peer,
            is_only_one: *count == 1,
        })
    }

    /// How many a connection has.
    #[cfg(test)]
    pub(crate) fn of(&self, peer: SocketAddr) -> usize {
        locked(&self.0).get(&peer).copied().unwrap_or_default()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}

fn locked(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
