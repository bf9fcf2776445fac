//! The calls and instances of erased callers. Reads mask them, because files may still contain
//! their older bytes.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::{HashMap, OrdMap};

use crate::call::{Call, CallKey};
use crate::erasure::{ErasedCall, Erasure, ErasureState};
use crate::instance::InstanceId;

/// The calls and instances that reads must mask.
#[derive(Clone, Debug, Default)]
pub struct Erasing {
    /// By call key and the time of the first report of the call.
    calls: HashMap<(CallKey, Time), ErasingCall>,
    instances: HashMap<InstanceId, u64>,
}

/// A call that is being erased.
#[derive(Clone, Debug, Default)]
struct ErasingCall {
    /// Entries up to this sequence are masked.
    upto: u64,
    /// The ids of the erasures of the call, each with the place of the call in it.
    erasures: Vec<(u64, usize)>,
}

impl Erasing {
    /// Collects the calls of all erasures that are not done.
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

    /// Adds the calls of an erasure that was started.
    pub(crate) fn add(&mut self, erasure: &Erasure) {
        for (place, call) in erasure.calls.iter().enumerate() {
            self.put(call, erasure, place);
            let of_call = self
                .calls
                .entry((call.key.clone(), call.created_at))
                .or_default();
            of_call.erasures.push((erasure.id, place));
        }
    }

    /// Updates a call that one of the erasures has masked in memory. Computes from all erasures of
    /// the call up to which sequence it is masked.
    pub(crate) fn masked_by(&mut self, erasures: &OrdMap<u64, Arc<Erasure>>, call: &ErasedCall) {
        let Some(known) = self.calls.get_mut(&(call.key.clone(), call.created_at)) else {
            return;
        };
        known.upto = 0;
        let of_it: Vec<(&Arc<Erasure>, &ErasedCall, usize)> = known
            .erasures
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

    /// Masks a call up to the entry by which the erasure masked it in memory. Before that entry,
    /// masks it without an end. If two erasures have the call, the later end applies.
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

    /// Whether no call is being erased.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The sequence up to which entries of a call are masked; 0 if they are not.
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

    /// The sequence up to which entries of an instance are masked; 0 if they are not.
    pub(crate) fn upto_of_instance(&self, id: InstanceId) -> u64 {
        self.instances.get(&id).copied().unwrap_or(0)
    }
}
