//! Who sends a request, and its id: what the request of every RPC has, or lacks.
//!
//! Promise: implemented for the request of every RPC, by the generator (`build.rs`).

/// The request of an RPC.
pub trait Attributed {
    /// Name of the person or system that the request is for; empty where the RPC has no such field.
    fn actor(&self) -> &str;

    /// Id by which the same request is recognised again; empty where the client gave none, or the
    /// RPC has no such field.
    fn request_id(&self) -> &str;
}
