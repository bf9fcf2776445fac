//! Erasing a caller: a durable job. First an entry masks each call of the caller. Then the server
//! rewrites all files that contain older bytes. Then the erasure is done.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::Vector;

use crate::actor::Actor;
use crate::call::CallKey;
use crate::instance::InstanceId;

/// A call to erase. Contains no data of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedCall {
    /// The key of the call.
    pub key: CallKey,
    /// When the call was first reported to the server. A call with the same key and another time is
    /// another call.
    pub created_at: Time,
    /// The instances of the call that were known at the start of the erasure.
    pub instances: Box<[InstanceId]>,
}

/// The state of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErasureState {
    /// Some calls are not masked yet.
    Masking,
    /// Reads show only masked data, but files still contain older bytes.
    Scrubbing,
    /// No byte remains in the files.
    Done,
}

/// The erasure of one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The sequence of the entry that started it.
    pub id: u64,
    /// The actor that started the erasure.
    pub actor: Actor,
    /// The reason for the erasure.
    pub reason: Box<str>,
    /// When the erasure started.
    pub started_at: Time,
    /// When the erasure was done.
    pub ended_at: Option<Time>,
    /// The calls to erase.
    pub calls: Arc<[ErasedCall]>,
    /// The sequences of the entries that have masked calls so far, in the order of the calls. What
    /// people write after that is kept.
    pub masked_at: Vector<u64>,
    /// Whether the caller has more calls than one erasure takes. Then another request is required.
    pub more: bool,
    /// The state of the erasure.
    pub state: ErasureState,
}

/// A change of an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasureChange {
    /// An erasure started.
    Started(Arc<Erasure>),
    /// A call was masked.
    Masked {
        /// The id of the erasure.
        erasure: u64,
        /// The place of the call.
        call: u32,
    },
    /// An erasure is done.
    Ended {
        /// The id of the erasure.
        erasure: u64,
    },
}
