//! Places for connections: a limit for all, one for each address, and some places only for probes.
//!
//! Promise: a place is freed when it is dropped; a server that is full still answers its probes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::PROBE_CONNECTIONS;

/// Connections of all servers of this process: they share its file descriptors.
static OF_PROCESS: AtomicUsize = AtomicUsize::new(0);

/// The taken places of one server.
#[derive(Debug)]
pub(crate) struct Places {
    of_process_max: usize,
    max: usize,
    per_address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    regular: usize,
    probes: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Anything.
    Any,
    /// `/livez`, `/readyz` and `/metrics` only: the other places are taken.
    ProbesOnly,
}

/// A place; dropping it frees it.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    pub(crate) for_use: Use,
}

impl Places {
    pub(crate) fn new(max: usize, per_address_max: usize, of_process_max: usize) -> Self {
        Self {
            of_process_max,
            max,
            per_address_max,
            taken: Mutex::default(),
        }
    }

    /// Takes a place for a connection from this address; `None` if those of the probes are taken
    /// too.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = counted(peer);
        let mut taken = self.lock();
        let of_address = taken.by_address.get(&address).copied().unwrap_or(0);
        let address_has_room = address.is_loopback() || of_address < self.per_address_max;
        let process_has_room =
            OF_PROCESS.load(Ordering::Relaxed) + PROBE_CONNECTIONS < self.of_process_max;
        let for_use = if taken.regular < self.max && address_has_room && process_has_room {
            taken.regular += 1;
            *taken.by_address.entry(address).or_default() += 1;
            Use::Any
        } else if taken.probes < PROBE_CONNECTIONS {
            taken.probes += 1;
            Use::ProbesOnly
        } else {
            return None;
        };
        OF_PROCESS.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("aftercall_connections").increment(1.0);
        Some(Place {
            places: Arc::clone(self),
            address,
            for_use,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Only numbers, changed together: correct also after a panic.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        OF_PROCESS.fetch_sub(1, Ordering::Relaxed);
        let mut taken = self.places.lock();
        match self.for_use {
            Use::ProbesOnly => taken.probes -= 1,
            Use::Any => {
                taken.regular -= 1;
                if let Some(connections) = taken.by_address.get_mut(&self.address) {
                    *connections -= 1;
                    if *connections == 0 {
                        taken.by_address.remove(&self.address);
                    }
                }
            }
        }
        metrics::gauge!("aftercall_connections").decrement(1.0);
    }
}

/// The address that is counted. An IPv6 network belongs to one customer, who may use any address in
/// it, so it counts as one.
fn counted(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(max: usize, per_address_max: usize) -> Arc<Places> {
        Arc::new(Places::new(max, per_address_max, usize::MAX))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_full_server_keeps_places_for_probes() {
        let places = places(2, 100);
        let peer = address("127.0.0.1");
        let first = places.take(peer).expect("a place");
        let _second = places.take(peer).expect("a place");
        assert_eq!(first.for_use, Use::Any);
        let probes: Vec<_> = (0..PROBE_CONNECTIONS)
            .map(|_| places.take(peer).expect("one of the reserved"))
            .collect();
        assert!(probes.iter().all(|place| place.for_use == Use::ProbesOnly));
        assert!(places.take(peer).is_none(), "all are taken");
        drop(first);
        assert_eq!(
            places.take(peer).expect("it is free again").for_use,
            Use::Any
        );
    }

    #[test]
    fn one_address_does_not_take_the_places_of_others() {
        let places = places(100, 2);
        let leaking = ["10.1.1.1", "::ffff:10.1.1.1"]
            .map(|peer| places.take(address(peer)).expect("a place"));
        assert_eq!(
            places.take(address("10.1.1.1")).expect("reserved").for_use,
            Use::ProbesOnly
        );
        assert_eq!(
            places.take(address("10.1.1.2")).expect("a place").for_use,
            Use::Any
        );
        drop(leaking);
        assert_eq!(
            places.take(address("10.1.1.1")).expect("a place").for_use,
            Use::Any
        );
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let places = places(100, 1);
        let _first = places.take(address("2001:db8::1")).expect("a place");
        assert_eq!(
            places
                .take(address("2001:db8::2"))
                .expect("reserved")
                .for_use,
            Use::ProbesOnly
        );
        let local: Vec<_> = (0..3)
            .map(|_| places.take(address("::1")).expect("a place"))
            .collect();
        assert!(local.iter().all(|place| place.for_use == Use::Any));
    }
}
