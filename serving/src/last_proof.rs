//! The proof of the last request of a connection: the next one usually has the same.

use std::sync::Arc;

use aftercall_identity::Identity;
use axum::http::HeaderValue;

/// A proof, and whose it is.
#[derive(Debug)]
pub(crate) struct LastProof {
    /// The metadata of the request.
    pub(crate) authorization: Option<HeaderValue>,
    /// The generation of the verifier that accepted it.
    pub(crate) generation: u64,
    /// Whose it is.
    pub(crate) identity: Arc<Identity>,
}
