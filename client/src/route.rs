//! The addresses of servers that serve the same, and which of them is tried next.
//!
//! Promise: the address that worked last comes first, the others in random order, and those that
//! failed a moment ago last. A dial takes a bounded time, and an address that is silent delays the
//! next one by [`STAGGER`] only.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use rand::seq::SliceRandom as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::dial::{Protocol, Stream, dial};
use crate::error::{Error, innermost};
use crate::tls::Files;

/// How long an address may be silent before the next one is tried beside it.
const STAGGER: Duration = Duration::from_millis(300);

/// How long an address that failed comes after the others.
const AVOIDED: Duration = Duration::from_secs(10);

/// The addresses. Clones of a connector share what they know of them.
#[derive(Debug)]
pub(crate) struct Route {
    uris: Vec<Uri>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// The address that worked last.
    last_good: Option<usize>,
    /// When each address failed last.
    failed_at: Vec<Option<Instant>>,
}

impl Route {
    /// A route to these addresses; at least one.
    pub(crate) fn new(uris: Vec<Uri>) -> Self {
        let known = Known {
            last_good: None,
            failed_at: vec![None; uris.len()],
        };
        Self {
            uris,
            known: Mutex::new(known),
        }
    }

    pub(crate) fn uris(&self) -> &[Uri] {
        &self.uris
    }

    pub(crate) fn uri(&self, place: usize) -> &Uri {
        &self.uris[place]
    }

    /// Whether there is more than one address.
    pub(crate) fn has_several(&self) -> bool {
        self.uris.len() > 1
    }

    /// Notes that the server at an address failed: the others come before it.
    pub(crate) fn note_failure(&self, place: usize) {
        let mut known = self.known();
        known.failed_at[place] = Some(Instant::now());
        known.last_good.take_if(|last| *last == place);
    }

    /// The places of the addresses in the order in which they are tried.
    fn order(&self) -> Vec<usize> {
        let known = self.known();
        let mut order: Vec<usize> = (0..self.uris.len()).collect();
        order.shuffle(&mut rand::rng());
        let failed = |place: &usize| known.failed_at[*place].filter(|at| at.elapsed() < AVOIDED);
        order.sort_by_key(|place| (failed(place), known.last_good != Some(*place)));
        order
    }

    /// Opens a connection to one of the addresses; returns its place too.
    pub(crate) async fn dial(
        self: &Arc<Self>,
        files: &Files,
        protocol: Protocol,
    ) -> Result<(usize, Stream), Error> {
        if let [uri] = &*self.uris {
            return Ok((0, dial(uri, files, protocol).await?));
        }
        let mut rest = self.order().into_iter();
        let mut dials = JoinSet::new();
        let mut errors = Vec::new();
        loop {
            match rest.next() {
                Some(place) => {
                    let (route, files) = (Arc::clone(self), files.clone());
                    dials.spawn(
                        async move { (place, dial(route.uri(place), &files, protocol).await) },
                    );
                }
                None if dials.is_empty() => return Err(self.summary(errors)),
                None => {}
            }
            let patience = if rest.len() == 0 {
                Duration::MAX
            } else {
                STAGGER
            };
            match timeout(patience, dials.join_next()).await {
                Ok(Some(Ok((place, Ok(stream))))) => {
                    self.known().last_good = Some(place);
                    return Ok((place, stream));
                }
                Ok(Some(Ok((place, Err(error))))) => {
                    self.note_failure(place);
                    errors.push((place, error));
                }
                // A dial that panicked has no answer, and the next address is tried.
                Ok(Some(Err(_)) | None) | Err(_) => {}
            }
        }
    }

    /// One error for all addresses: one that a person can correct, else what each one answered.
    fn summary(&self, errors: Vec<(usize, Error)>) -> Error {
        let mut sentences = Vec::new();
        for (place, error) in errors {
            if !matches!(error, Error::Unreachable(_)) {
                return error;
            }
            sentences.push(format!("{}: {}", self.uri(place), innermost(&error)));
        }
        Error::Unreachable(io::Error::other(sentences.join(", ")))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is one assignment: valid also after a panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait between tries at all addresses: a random part of a bound that doubles.
pub(crate) async fn pause(round: u32) {
    let bound = Duration::from_millis(100).saturating_mul(1 << round.min(3));
    sleep(bound.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route() -> Arc<Route> {
        let uris = ["http://a:1", "http://b:1", "http://c:1", "http://d:1"];
        let uris = uris.into_iter().map(|uri| uri.parse().expect("a URI"));
        Arc::new(Route::new(uris.collect()))
    }

    #[test]
    fn the_last_good_address_comes_first() {
        let route = route();
        route.known().last_good = Some(2);
        let orders: Vec<_> = (0..100).map(|_| route.order()).collect();
        assert!(orders.iter().all(|order| order[0] == 2));
        assert!(
            orders.iter().any(|order| order != &orders[0]),
            "the others are in random order"
        );
    }

    #[test]
    fn an_address_that_failed_comes_last() {
        let route = route();
        route.known().last_good = Some(2);
        route.note_failure(2);
        route.note_failure(0);
        for _ in 0..100 {
            assert_eq!(route.order()[2..], [2, 0], "the latest failure is last");
        }
    }

    #[tokio::test]
    async fn a_silent_address_delays_the_next_one_little() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let working = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let uri =
            |address: std::net::SocketAddr| format!("http://{address}").parse().expect("a URI");
        let refusing = uri(free.local_addr().expect("its address"));
        drop(free);
        // TLS waits for an answer, which never comes.
        let silent_uri = format!("https://{}", silent.local_addr().expect("its address"));
        let uris = vec![
            silent_uri.parse().expect("a URI"),
            refusing,
            uri(working.local_addr().expect("its address")),
        ];
        let route = Arc::new(Route::new(uris));
        for _ in 0..5 {
            let begun = Instant::now();
            let (place, _) = route
                .dial(&Files::default(), Protocol::Http2)
                .await
                .expect("one works");
            assert_eq!(place, 2);
            assert!(begun.elapsed() < 4 * STAGGER, "{:?}", begun.elapsed());
            route.known().last_good = None;
        }
    }
}
