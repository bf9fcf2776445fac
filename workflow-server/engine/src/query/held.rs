//! Finds the follow-ups that a person has claimed. This includes snoozed, hidden, paused and
//! incomplete ones, which no list of the Call Manager shows.

use aftercall_definition::time::Time;

use crate::instance::{Instance, InstanceId};
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::reach::Reach;
use crate::world::Root;
use crate::world::urgency::rank_and_due;

/// The instances within reach that a person has claimed at `now`, most urgent first. Walks over
/// every slot.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn held_by(
    root: &Root,
    (reach, holder): (&Reach, &str),
    now: Time,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<InstanceId>, Stopped> {
    let is_held = |instance: &&Instance| {
        !instance.status.is_ended()
            && instance
                .claim_at(now)
                .is_some_and(|claim| *claim.by == *holder)
    };
    let mut held = Vec::new();
    for instance in checked(root.instances.iter().flatten(), should_stop) {
        let instance = &**instance?;
        if is_held(&instance) && reach.can_see(root, instance) {
            held.push((urgency(instance), instance.id));
        }
    }
    held.sort_unstable();
    Ok(held.into_iter().map(|(_, id)| id).collect())
}

/// The order: by the most urgent alert, snoozed or not, then by age.
fn urgency(instance: &Instance) -> (u8, Time, u64) {
    let alerts = instance
        .alerts
        .iter()
        .map(|alert| rank_and_due(instance, Some(alert)))
        .min();
    let (rank, due) = alerts.unwrap_or_else(|| rank_and_due(instance, None));
    (rank, due, instance.id.made_at)
}
