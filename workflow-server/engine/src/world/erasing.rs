//! What is masked because files may still hold older bytes of an erased caller.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::{HashMap, OrdMap};

use crate::call::{Call, CallKey};
use crate::erasure::{ErasedCall, Erasure, ErasureState};
use crate::instance::InstanceId;

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
