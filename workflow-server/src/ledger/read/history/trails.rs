//! Trails: which entries changed an instance or a call. Each change names the one before it, so a
//! trail is found by reading all of them. Trails are cached. The next page of a history, or the
//! next read of the notes, then reads only newer entries.
//!
//! Promise: a trail holds sequences and no content. The content is read, and masked, when it is
//! shown.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::call::CallKey;
use aftercall_engine::instance::InstanceId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::limits::TRAILS_KEPT_STEPS;

/// An entry of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its sequence.
    pub sequence: u64,
    /// Whether the entry has a note of a person.
    pub has_note: bool,
}

/// All steps of a trail, oldest first.
pub type Trail = Arc<[Step]>;

/// The subject of a trail. The key of a call may be used again, so the time of its first report
/// identifies the call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum TrailKey {
    Instance(InstanceId),
    Call(CallKey, Time),
}

/// Weighs a trail by the number of its steps.
#[derive(Clone)]
pub(super) struct Steps;

impl Weighter<TrailKey, Trail> for Steps {
    fn weight(&self, _: &TrailKey, trail: &Trail) -> u64 {
        trail.len() as u64 + 1
    }
}

/// A cache of the trails that were read last.
pub(super) type Trails = Cache<TrailKey, Trail, Steps>;

/// Makes an empty cache.
pub(super) fn trails() -> Trails {
    // Most follow-ups have about ten changes.
    Cache::with_weighter(TRAILS_KEPT_STEPS / 10, TRAILS_KEPT_STEPS as u64, Steps)
}
