//! Finds the calls of a caller that an erasure takes.

use crate::call::Call;
use crate::erasure::ErasedCall;
use crate::limits;
use crate::reach::Reach;
use crate::world::Root;
use crate::world::caller_index::CallerKey;

/// The calls in memory of a caller, newest first. If `customer` is not empty, only calls of that
/// customer. Returns at most one more than an erasure takes. A caller such as a switchboard may
/// have thousands of calls. This walks over all of them, on another thread than the writer's.
#[must_use]
pub fn calls_in_memory(root: &Root, caller: &CallerKey, customer: &str) -> Vec<ErasedCall> {
    calls_within(root, (caller, customer), &Reach::EVERYTHING)
}

/// The same, without calls that are out of reach.
#[must_use]
pub fn calls_within(
    root: &Root,
    (caller, customer): (&CallerKey, &str),
    reach: &Reach,
) -> Vec<ErasedCall> {
    // One more than an erasure takes shows that there are more.
    let calls = root
        .all_calls_of(caller, customer)
        .filter(|call| reach.has_call_in_memory(root, call))
        .take(limits::ERASED_CALLS_MAX + 1);
    calls.map(|call| erased_call(root, call)).collect()
}

/// A call in memory with its instances.
pub(crate) fn erased_call(root: &Root, call: &Call) -> ErasedCall {
    let instances = call
        .instances
        .iter()
        .filter_map(|slot| root.instance_at(*slot))
        .map(|one| one.id);
    ErasedCall {
        key: call.key.clone(),
        created_at: call.created_at,
        instances: instances.collect(),
    }
}
