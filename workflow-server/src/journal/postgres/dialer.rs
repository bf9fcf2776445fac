//! Opens connections to the first host that accepts writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::address::Address;
use super::failure::Failure;
use super::tls;
use crate::journal::{CONNECT_LIMIT, DatabaseError};

/// The connection with its stream, whose bytes must be moved.
pub(super) type Stream = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Opens connections. Begins with the host that answered last.
pub(super) struct Dialer {
    tls: MakeRustlsConnect,
    hosts: Vec<tokio_postgres::Config>,
    newest: AtomicUsize,
    runtime: Handle,
}

impl Dialer {
    /// The connections run on the current runtime.
    pub(super) fn new(address: &Address) -> Result<Self, DatabaseError> {
        Ok(Self {
            tls: tls::connector(address)?,
            hosts: address.hosts.clone(),
            newest: AtomicUsize::new(0),
            runtime: Handle::current(),
        })
    }

    /// The number of hosts.
    pub(super) fn hosts(&self) -> u32 {
        self.hosts.len() as u32
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Opens a connection. The thread that waits for it may have a runtime without sockets.
    pub(super) async fn dial(self: Arc<Self>) -> Result<(Client, Stream), Failure> {
        let runtime = self.runtime.clone();
        let dialing = AbortOnDropHandle::new(runtime.spawn(self.dial_here()));
        let dialed = dialing.await;
        dialed.unwrap_or_else(|error| Err(Failure::Unreachable(error.to_string())))
    }

    async fn dial_here(self: Arc<Self>) -> Result<(Client, Stream), Failure> {
        let first = self.newest.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        for at in 0..self.hosts.len() {
            let at = (first + at) % self.hosts.len();
            match timeout(CONNECT_LIMIT, self.hosts[at].connect(self.tls.clone())).await {
                Ok(Ok(dialed)) => {
                    self.newest.store(at, Ordering::Relaxed);
                    return Ok(dialed);
                }
                Ok(Err(error)) => failures.push(Failure::of_connection(&error)),
                Err(_) => failures.push(Failure::Unreachable(format!(
                    "no connection within {} s",
                    CONNECT_LIMIT.as_secs()
                ))),
            }
        }
        Err(all(failures))
    }
}

/// The failure of all hosts. If one of them may be reached later, it is not a refusal.
fn all(failures: Vec<Failure>) -> Failure {
    let are = |is: fn(&Failure) -> bool| failures.iter().all(is);
    let kind = if are(|one| matches!(one, Failure::Refused(_))) {
        Failure::Refused
    } else if are(|one| matches!(one, Failure::Refused(_) | Failure::UnknownHost(_))) {
        Failure::UnknownHost
    } else {
        Failure::Unreachable
    };
    let reasons: Vec<String> = failures.into_iter().map(Failure::text).collect();
    kind(reasons.join("; "))
}
