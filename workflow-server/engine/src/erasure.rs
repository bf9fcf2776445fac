//! Erasing a caller: a durable job. First every call of the caller is masked, one entry each; then
//! whatever holds older bytes is written anew, outside of the engine; then it is done.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::{HashMap, OrdMap, Vector};

use crate::actor::Actor;
use crate::call::{Call, CallKey};
use crate::entry::Entry;
use crate::instance::InstanceId;
use crate::world::Root;
use crate::world::caller_index::CallerKey;
use crate::{limits, mask};

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

/// The calls in memory of a caller, newest first, and one more than an erasure takes; only a
/// customer's, where one is named. A caller whom thousands of calls name is one such as a
/// switchboard: this walks over all of them, off the writer's thread.
#[must_use]
pub fn calls_in_memory(root: &Root, caller: &CallerKey, customer: &str) -> Vec<ErasedCall> {
    // One more than is taken, so that it can be said that there are more.
    let calls = root
        .all_calls_of(caller, customer)
        .take(limits::ERASED_CALLS_MAX + 1);
    calls
        .map(|call| ErasedCall::in_memory(root, call))
        .collect()
}

impl ErasedCall {
    /// A call in memory with its instances.
    pub(crate) fn in_memory(root: &Root, call: &Call) -> Self {
        let instances = call
            .instances
            .iter()
            .filter_map(|slot| root.instance_at(*slot))
            .map(|one| one.id);
        Self {
            key: call.key.clone(),
            created_at: call.created_at,
            instances: instances.collect(),
        }
    }
}

/// By whom, and when, the calls in memory were looked up that are to be erased.
#[derive(Clone, Debug)]
pub struct Look {
    /// The caller.
    pub caller: CallerKey,
    /// The sequence of the root that was looked at: calls that changed after it are looked at
    /// again when the erasure is decided.
    pub sequence: u64,
}

/// Starts to erase a caller.
#[derive(Clone, Debug)]
pub struct EraseCaller {
    /// Only calls that were handled for this customer; empty for all.
    pub customer: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// The caller's calls: those in memory first, then those in the archive. Both are looked up
    /// before.
    pub calls: Vec<ErasedCall>,
    /// How those in memory were looked up; none where `calls` is already known to be whole.
    pub look: Option<Look>,
    /// The newest file of the archive at that look: where there is a newer one by now, it has to
    /// be repeated.
    pub newest_file: u64,
    /// Whether a restore applies it again: then any number may run at once, because nothing may be
    /// left out.
    pub is_of_restore: bool,
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

/// What is masked wherever it is read, because files may still hold older bytes of it.
#[derive(Clone, Debug, Default)]
pub struct Erasing {
    /// By key and the time at which each was heard of first.
    calls: HashMap<(CallKey, Time), ErasingCall>,
    instances: HashMap<InstanceId, u64>,
}

/// A call that is being erased.
#[derive(Clone, Debug, Default)]
struct ErasingCall {
    /// Up to which sequence it is masked.
    upto: u64,
    /// The erasures that are about it, each with the place of the call in it.
    of: Vec<(u64, usize)>,
}

impl Erasing {
    /// Of the erasures that are not done.
    #[must_use]
    pub fn of(erasures: &OrdMap<u64, Arc<Erasure>>) -> Self {
        let mut erasing = Self::default();
        for erasure in erasures
            .values()
            .filter(|one| one.state != ErasureState::Done)
        {
            erasing.add(erasure);
        }
        erasing
    }

    /// An erasure was started.
    pub(crate) fn add(&mut self, erasure: &Erasure) {
        for (place, call) in erasure.calls.iter().enumerate() {
            self.put(call, erasure, place);
            let of_call = self
                .calls
                .entry((call.key.clone(), call.created_at))
                .or_default();
            of_call.of.push((erasure.id, place));
        }
    }

    /// A call was masked, of erasures that are not done: up to then by that one, and up to whatever
    /// the others say.
    pub(crate) fn masked_by(&mut self, erasures: &OrdMap<u64, Arc<Erasure>>, call: &ErasedCall) {
        let Some(known) = self.calls.get_mut(&(call.key.clone(), call.created_at)) else {
            return;
        };
        known.upto = 0;
        let of_it: Vec<(&Arc<Erasure>, &ErasedCall, usize)> = known
            .of
            .iter()
            .filter_map(|(id, place)| {
                erasures
                    .get(id)
                    .and_then(|one| Some((one, one.calls.get(*place)?, *place)))
            })
            .collect();
        for (_, other, _) in &of_it {
            for id in &other.instances {
                self.instances.remove(id);
            }
        }
        for (erasure, other, place) in of_it {
            self.put(other, erasure, place);
        }
    }

    /// Masks a call up to where an erasure has masked it, or without end; where two erasures are
    /// about it, up to the later one.
    fn put(&mut self, call: &ErasedCall, erasure: &Erasure, place: usize) {
        let upto = erasure.masked_at.get(place).copied().unwrap_or(u64::MAX);
        let of_call = self
            .calls
            .entry((call.key.clone(), call.created_at))
            .or_default();
        of_call.upto = upto.max(of_call.upto);
        for id in &call.instances {
            let of_instance = self.instances.entry(*id).or_insert(0);
            *of_instance = upto.max(*of_instance);
        }
    }

    /// Whether nothing is being erased.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    fn upto(&self, call: &Call) -> u64 {
        self.calls
            .get(&(call.key.clone(), call.created_at))
            .map_or(0, |known| known.upto)
    }

    /// Whether this call is being erased.
    #[must_use]
    pub fn has_call(&self, call: &Call) -> bool {
        self.upto(call) > 0
    }

    /// Whether an entry tells of a caller who is being erased; `root` knows the calls of instances
    /// that came later.
    #[must_use]
    pub fn touches(&self, root: &Root, entry: &Entry) -> bool {
        if self.is_empty() {
            return false;
        }
        let of_call = entry
            .call
            .as_ref()
            .map_or(0, |change| self.upto(&change.after));
        let of_instance = |id: InstanceId| {
            let call = root
                .instance(id)
                .and_then(|instance| root.call_of(instance));
            let of_call = call.map_or(0, |call| self.upto(call));
            of_call.max(self.instances.get(&id).copied().unwrap_or(0))
        };
        let upto = entry
            .instances
            .iter()
            .map(|change| of_instance(change.after.id()))
            .fold(of_call, u64::max);
        entry.sequence <= upto
    }

    /// The entry as it may be shown and kept.
    #[must_use]
    pub fn masked(&self, root: &Root, entry: Arc<Entry>) -> Arc<Entry> {
        if self.touches(root, &entry) {
            Arc::new(mask::entry(root, &entry))
        } else {
            entry
        }
    }
}
