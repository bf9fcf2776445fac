//! Erasing a caller: a durable job. First every call of the caller is masked, one entry each; then
//! whatever holds older bytes is written anew, outside of the engine; then it is done.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::Vector;

use crate::actor::Actor;
use crate::call::CallKey;
use crate::instance::InstanceId;

/// A call that is erased. Nothing here tells of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedCall {
    /// Which call.
    pub key: CallKey,
    /// When it was heard of first: a call of the same key that was heard of at another time is
    /// another one.
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
    /// The sequences of the entries that masked its calls, in their order, as far as that has
    /// come. What is said after that is not about the past, and stays.
    pub masked_at: Vector<u64>,
    /// Whether the caller has more calls than one erasure takes: it is to be asked for again.
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
