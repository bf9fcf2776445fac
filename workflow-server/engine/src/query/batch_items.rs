//! Finds the instances of a batch.

use aftercall_definition::time::Time;

use crate::batch::BatchItems;
use crate::filter::FollowUpFilter;
use crate::instance::InstanceId;
use crate::query::follow_ups::list_follow_ups;
use crate::query::instances::{InstanceFilter, instances_of};
use crate::query::walk::{ShouldStop, Stopped};
use crate::world::Root;

/// All instances that match a filter, oldest first.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn batch_items(
    root: &Root,
    filter: &InstanceFilter,
    now: Time,
    should_stop: ShouldStop<'_>,
) -> Result<BatchItems, Stopped> {
    let found = instances_of(root, filter, now, should_stop).map(|one| one.map(|one| one.id));
    let mut ids = found.collect::<Result<Vec<InstanceId>, Stopped>>()?;
    ids.sort_unstable_by_key(|id| id.made_at);
    Ok(BatchItems::from_unique(ids))
}

/// All follow-ups that Call Managers list with a filter, in the order of the list.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn listed_items(
    root: &Root,
    filter: &FollowUpFilter,
    now: Time,
    should_stop: ShouldStop<'_>,
) -> Result<BatchItems, Stopped> {
    let page = list_follow_ups(root, filter, now, (None, usize::MAX), should_stop)?;
    let ids = page.rows.iter().map(|row| row.instance.id);
    Ok(BatchItems::from_unique(ids.collect()))
}
