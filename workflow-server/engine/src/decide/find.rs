//! The instance that a command is about, and whether this may happen to it.

use std::sync::Arc;

use crate::command::SeenAlert;
use crate::instance::{Alert, Happening, Instance, InstanceId, is_legal};
use crate::rejection::Rejection;
use crate::world::Root;

pub(super) fn find(root: &Root, id: InstanceId) -> Result<&Arc<Instance>, Rejection> {
    root.instance(id).ok_or(Rejection::NoSuchInstance(id))
}

/// The instance, if Call Managers may work on it.
pub(super) fn visible<'i>(root: &Root, instance: &'i Arc<Instance>) -> Result<&'i Arc<Instance>, Rejection> {
    if root.is_visible(instance) { Ok(instance) } else { Err(Rejection::NotVisible(instance.clone())) }
}

pub(super) fn check_legal(instance: &Arc<Instance>, happening: Happening) -> Result<(), Rejection> {
    if is_legal(instance.status, happening) {
        Ok(())
    } else {
        Err(Rejection::IllegalMove { instance: instance.clone(), happening })
    }
}

/// The alert of `new`, a copy of `old`, that a person saw. One that has escalated since may be for other people and more urgent: what
/// the person decided about it may no longer hold.
pub(super) fn alert_as_seen<'a>(
    old: &Arc<Instance>,
    new: &'a mut Instance,
    seen: SeenAlert,
) -> Result<&'a mut Alert, Rejection> {
    let is_present = (seen.stage, seen.visit) == (old.stage, old.visit());
    let alert = new.alerts.iter_mut().find(|alert| is_present && alert.action == seen.action);
    let alert = alert.ok_or_else(|| Rejection::AlertGone(old.clone()))?;
    if u32::from(alert.escalated) == seen.escalated { Ok(alert) } else { Err(Rejection::AlertEscalated(old.clone())) }
}
