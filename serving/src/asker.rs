//! The connection of the request that is being answered, for limits that are shared between
//! connections.

use std::net::SocketAddr;

tokio::task_local! {
    static PEER: SocketAddr;
}

/// The peer of the connection whose request is being answered; `None` outside of a request, and
/// while a stream sends its messages.
#[must_use]
pub fn asker() -> Option<SocketAddr> {
    PEER.try_with(|peer| *peer).ok()
}

/// Answers a request of this connection.
pub async fn scope<F: Future>(peer: SocketAddr, answering: F) -> F::Output {
    PEER.scope(peer, answering).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_asker_is_known_only_inside_its_scope() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 7));
        assert_eq!(scope(peer, async { asker() }).await, Some(peer));
        assert_eq!(asker(), None);
    }
}
