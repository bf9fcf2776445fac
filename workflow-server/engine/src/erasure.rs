//! Erasing a caller: a durable job. First each call of the caller is masked by an entry. Then all
//! files that hold older bytes are rewritten, outside of the engine. Then it is done.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::Vector;

use crate::actor::Actor;
use crate::call::CallKey;
use crate::instance::InstanceId;

/// A call that is erased. Holds no data of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedCall {
    /// Which call.
    pub key: CallKey,
    /// When it was first reported to the server. A call with the same key and another time is another
    /// call.
    pub created_at: Time,
    /// Its instances, as far as they were known when the erasure was started.
    pub instances: Box<[InstanceId]>,
}

/// Where an erasure is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErasureState {
    /// Calls are still to be masked.
    Masking,
    /// Everything that is read is masked; files still hold older bytes.
    Scrubbing,
    /// No byte remains.
    Done,
}

/// The erasing of one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The sequence of the entry that started it.
    pub id: u64,
    /// Who asked for it.
    pub actor: Actor,
    /// Why.
    pub reason: Box<str>,
    /// When it was started.
    pub started_at: Time,
    /// When it was done.
    pub ended_at: Option<Time>,
    /// The calls.
    pub calls: Arc<[ErasedCall]>,
    /// The sequences of the entries that have masked its calls so far, in their order. What people
    /// write after that is not about the past, and is kept.
    pub masked_at: Vector<u64>,
    /// Whether the caller has more calls than one erasure takes: another request is required.
    pub more: bool,
    /// Where it is in its life.
    pub state: ErasureState,
}

/// A change of an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasureChange {
    /// It was started.
    Started(Arc<Erasure>),
    /// A call was masked.
    Masked {
        /// Which erasure.
        erasure: u64,
        /// The call's place.
        call: u32,
    },
    /// No byte remains.
    Ended {
        /// Which erasure.
        erasure: u64,
    },
}
