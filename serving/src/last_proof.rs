//! The proof of the last request of a connection: the next one usually has the same.

use std::sync::Arc;

use aftercall_identity::Identity;
use axum::http::HeaderValue;

use crate::allowance::Allowance;

/// A proof, and whose it is.
#[derive(Debug)]
pub(crate) struct LastProof {
    /// The metadata of the request.
    pub(crate) authorization: Option<HeaderValue>,
    /// The generation of the verifier that accepted it.
    pub(crate) generation: u64,
    /// Whose it is.
    pub(crate) identity: Arc<Identity>,
    /// What that identity uses of the server.
    pub(crate) allowance: Arc<Allowance>,
}
