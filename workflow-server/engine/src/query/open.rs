//! The open instances in the order in which they were started, for reports.

use crate::instance::{Instance, InstanceId};
use crate::query::walk::checked;
use crate::query::{ShouldStop, Stopped};
use crate::world::Root;

/// The open instances that are wanted, oldest first.
///
/// # Errors
/// [`Stopped`].
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
