//! Accepting connections: as long as there are places, and without spinning while the system has no
//! descriptor.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::audit::{AuditLog, Event};
use crate::descriptors::is_shortage;
use crate::limits::{ACCEPT_WAIT_FIRST, ACCEPT_WAIT_MAX};
use crate::places::{Place, Places};
use crate::seldom::Seldom;

static FULL: Seldom = Seldom::new();
static SHORTAGE: Seldom = Seldom::new();

/// Accepts until `stop`. A connection that has no place is closed at once: one that waited would
/// look like a server that hangs, and its client would not try another. They are in the audit log
/// together, once a minute.
pub(crate) async fn accept(
    (listener, audit): (TcpListener, &AuditLog),
    places: &Arc<Places>,
    stop: &CancellationToken,
    mut serve: impl FnMut(TcpStream, SocketAddr, Place),
) {
    let mut wait = ACCEPT_WAIT_FIRST;
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if is_shortage(&error) {
                    note_shortage(&error, wait);
                    stop.run_until_cancelled(tokio::time::sleep(wait)).await;
                    wait = (wait * 2).min(ACCEPT_WAIT_MAX);
                }
                // Any other error is of that connection only: its client has gone already.
                continue;
            }
        };
        wait = ACCEPT_WAIT_FIRST;
        let Some(place) = places.take(peer.ip()) else {
            note_full(peer, audit);
            continue;
        };
        // Small frames must not wait for each other; a socket that refuses is gone already.
        let _ = stream.set_nodelay(true);
        serve(stream, peer, place);
    }
}

/// Counts a connection that is closed because all places are taken.
pub(crate) fn note_full(peer: SocketAddr, audit: &AuditLog) {
    metrics::counter!("aftercall_connections_refused_total").increment(1);
    if let Some(count) = FULL.is_due() {
        tracing::warn!(%peer, count, "all places for connections are taken: new connections are closed; see connections_max and connections_per_address_max");
        let reason = "TOO_MANY_CONNECTIONS";
        audit.write(Event::Connection {
            peer,
            reason,
            count,
        });
    }
}

fn note_shortage(error: &io::Error, wait: Duration) {
    metrics::counter!("aftercall_accept_shortages_total").increment(1);
    if let Some(count) = SHORTAGE.is_due() {
        let milliseconds = wait.as_millis() as u64;
        tracing::error!(%error, count, milliseconds, "no connection can be accepted: the server waits and tries again; raise the limit of open files");
    }
}
