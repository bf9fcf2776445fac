//! Whether the server still accepts the CA of a connected client's certificate.
//!
//! Promise: a connection whose certificate a new handshake would refuse is noticed soon after the
//! file of the CAs has changed. Must not: look at certificates while the file stays the same.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use tokio::sync::watch;

/// The present check of client certificates. It changes with the file of the CAs.
pub(crate) type ClientCas = Arc<dyn ClientCertVerifier>;

/// Follows the CAs from before the handshake of a connection.
#[derive(Debug)]
pub(crate) struct Trust(watch::Receiver<ClientCas>);

impl Trust {
    pub(super) fn new(cas: watch::Receiver<ClientCas>) -> Self {
        Self(cas)
    }

    /// Waits until the server does not accept the certificates of the client any more: its own,
    /// then those between it and its CA.
    pub(crate) async fn lost(mut self, chain: &[CertificateDer<'static>]) {
        let Some((own, between)) = chain.split_first() else {
            return std::future::pending().await;
        };
        // The server is going away if this is an error, and its connections with it.
        while self.0.changed().await.is_ok() {
            let cas = Arc::clone(&self.0.borrow_and_update());
            let checked = cas.verify_client_cert(own, between, UnixTime::now());
            if checked.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}
