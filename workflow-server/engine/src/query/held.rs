//! What a person holds, wherever it is: snoozed, hidden, paused and incomplete follow-ups too, which no list of the Call Manager
//! shows.

use crate::instance::{Instance, InstanceId};
use crate::time::Time;
use crate::world::Root;
use crate::world::urgency::standing;

/// What a person holds at `now`, most urgent first. Walks every slot.
#[must_use]
pub fn held_by(root: &Root, holder: &str, now: Time) -> Vec<InstanceId> {
    let is_held = |instance: &&Instance| {
        !instance.status.is_ended() && instance.held(now).is_some_and(|claim| *claim.by == *holder)
    };
    let all = root.instances.iter().flatten().map(|instance| &**instance);
    let mut held: Vec<_> = all.filter(is_held).map(|instance| (urgency(instance), instance.id)).collect();
    held.sort_unstable();
    held.into_iter().map(|(_, id)| id).collect()
}

/// By the most urgent alert, snoozed or not, then by age.
fn urgency(instance: &Instance) -> (u8, Time, u64) {
    let alerts = instance.alerts.iter().map(|alert| standing(instance, Some(alert))).min();
    let (rank, due) = alerts.unwrap_or_else(|| standing(instance, None));
    (rank, due, instance.id.made_at)
}
