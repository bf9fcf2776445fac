//! Who sent the request that is being answered, for what is shared between requests.
//!
//! Promise: set for each request of a server. Outside of one there is nobody.

use std::net::SocketAddr;

use crate::caller::Caller;
use crate::door::{Admitted, Until};

/// The request that is being answered.
#[derive(Clone, Debug)]
struct Asker {
    peer: SocketAddr,
    admitted: Option<Admitted>,
}

tokio::task_local! {
    static ASKER: Asker;
}

/// The peer of the connection whose request is being answered; `None` outside of a request, and
/// while a stream sends its messages.
#[must_use]
pub fn asker() -> Option<SocketAddr> {
    ASKER.try_with(|asker| asker.peer).ok()
}

/// Who sent the request that is being answered; `None` outside of a request.
#[must_use]
pub fn caller() -> Option<Caller> {
    let caller = |asker: &Asker| Some(asker.admitted.as_ref()?.caller.clone());
    ASKER.try_with(caller).ok().flatten()
}

/// Whether another member of the cluster has passed on the request that is being answered.
#[must_use]
pub fn is_passed_on() -> bool {
    let is_passed_on = |asker: &Asker| {
        let admitted = asker.admitted.as_ref();
        admitted.is_some_and(|admitted| admitted.passed_on_for.is_some())
    };
    ASKER.try_with(is_passed_on).unwrap_or(false)
}

/// What ends the stream of the request that is being answered.
pub(crate) fn until() -> Until {
    let until = |asker: &Asker| Some(asker.admitted.as_ref()?.until.clone());
    ASKER.try_with(until).ok().flatten().unwrap_or_default()
}

/// Answers a request of this connection.
pub async fn scope<F: Future>(peer: SocketAddr, answering: F) -> F::Output {
    let admitted = None;
    ASKER.scope(Asker { peer, admitted }, answering).await
}

/// Answers a request that was admitted.
pub(crate) async fn scope_of<F: Future>(
    peer: SocketAddr,
    admitted: Admitted,
    answering: F,
) -> F::Output {
    // Each client of another member counts on its own.
    let peer = admitted.passed_on_for.unwrap_or(peer);
    let admitted = Some(admitted);
    ASKER.scope(Asker { peer, admitted }, answering).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_asker_is_known_only_inside_its_scope() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 7));
        assert_eq!(scope(peer, async { asker() }).await, Some(peer));
        assert_eq!((asker(), caller()), (None, None));
    }
}
