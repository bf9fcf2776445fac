//! Fields that requests of many RPCs have: who sends it, its id, what it is about, and which fields
//! its answer has.
//!
//! Promise: implemented for the request of every RPC, by the generator (`build.rs`).

use prost_types::FieldMask;

/// The request of an RPC.
pub trait Attributed: Sized {
    /// Name of the person or system that the request is for; empty where the RPC has no such field.
    fn actor(&self) -> &str;

    /// Id by which the same request is recognised again; empty where the client gave none, or the
    /// RPC has no such field.
    fn request_id(&self) -> &str;

    /// Calls `one` with the kind and the id or name of each instance, batch, erasure, workflow, team
    /// and calendar that the request names. None of them is data of a caller.
    fn resources(&self, one: &mut dyn FnMut(&'static str, &str)) {
        let _ = one;
    }

    /// Fields of the follow-ups in the answer; `None` for all, or where the answer has none.
    fn read_mask(&self) -> Option<&FieldMask> {
        None
    }

    /// The request without its read mask; `None` where it has none. Two requests that differ only
    /// in their masks ask for the same change.
    fn without_read_mask(&self) -> Option<Self> {
        None
    }
}
