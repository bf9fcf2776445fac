//! Finds the open instances for reports, in the order of their starts.

use crate::instance::{Instance, InstanceId};
use crate::query::walk::checked;
use crate::query::{ShouldStop, Stopped};
use crate::world::Root;

/// The open instances that `is_wanted` accepts, oldest first.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn open_instances(
    root: &Root,
    is_wanted: impl Fn(&Instance) -> bool,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<InstanceId>, Stopped> {
    let mut open = Vec::new();
    for instance in checked(root.instances.iter().flatten(), should_stop) {
        let instance = instance?;
        if !instance.status.is_ended() && is_wanted(instance) {
            open.push(instance.id);
        }
    }
    open.sort_unstable();
    Ok(open)
}
