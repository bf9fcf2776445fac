//! Trails: which entries changed an instance or a call. Each change names the one before it, so a
//! trail is found by reading all of them; it is kept, so that the next page of a history, or the
//! next look at the notes, reads only what came since.
//!
//! Promise: a trail holds sequences and no content. What an entry holds is read when it is shown,
//! masked as everything is.

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
    /// Whether somebody wrote something with it.
    pub has_note: bool,
}

/// All entries of a trail, oldest first.
pub type Trail = Arc<[Step]>;

/// What a trail is of. The key of a call may come again: the time of its first report shows which
/// call it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum TrailKey {
    Instance(InstanceId),
    Call(CallKey, Time),
}

/// A trail weighs as much as it has steps.
#[derive(Clone)]
pub(super) struct Steps;

impl Weighter<TrailKey, Trail> for Steps {
    fn weight(&self, _: &TrailKey, trail: &Trail) -> u64 {
        trail.len() as u64 + 1
    }
}

/// The trails that were read last.
pub(super) type Trails = Cache<TrailKey, Trail, Steps>;

/// None yet.
pub(super) fn trails() -> Trails {
    // Most follow-ups have some ten changes.
    Cache::with_weighter(TRAILS_KEPT_STEPS / 10, TRAILS_KEPT_STEPS as u64, Steps)
}
