//! The calls and instances of erased callers, which are masked because files may still hold their
//! older bytes.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::{HashMap, OrdMap};

use crate::call::{Call, CallKey};
use crate::erasure::{ErasedCall, Erasure, ErasureState};
use crate::instance::InstanceId;

/// The calls and instances that are masked when they are read, because files may still hold older
/// bytes of them.
#[derive(Clone, Debug, Default)]
pub struct Erasing {
    /// By key and the time at which each was first reported.
    calls: HashMap<(CallKey, Time), ErasingCall>,
    instances: HashMap<InstanceId, u64>,
}

/// A call that is being erased.
#[derive(Clone, Debug, Default)]
struct ErasingCall {
    /// Up to which sequence it is masked.
    upto: u64,
    /// The erasures of the call, each with the place of the call in it.
    of: Vec<(u64, usize)>,
}

impl Erasing {
    /// From the erasures that are not done.
    #[must_use]
    pub fn new(erasures: &OrdMap<u64, Arc<Erasure>>) -> Self {
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

    /// A call was masked by one of the erasures that are not done. Computes again up to which
    /// sequence it is masked, from all erasures of the call.
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

    /// Masks a call up to the entry by which the erasure masked it, or without end before that. Of
    /// two erasures of a call, the later end applies.
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

    /// Up to which sequence entries of a call are masked; 0 for none.
    pub(crate) fn upto_of_call(&self, call: &Call) -> u64 {
        self.calls
            .get(&(call.key.clone(), call.created_at))
            .map_or(0, |known| known.upto)
    }

    /// Whether this call is being erased.
    #[must_use]
    pub fn has_call(&self, call: &Call) -> bool {
        self.upto_of_call(call) > 0
    }

    /// Up to which sequence entries of an instance are masked; 0 for none.
    pub(crate) fn upto_of_instance(&self, id: InstanceId) -> u64 {
        self.instances.get(&id).copied().unwrap_or(0)
    }
}
