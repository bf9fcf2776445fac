//! The instance that a command is about, and whether this may happen to it.

use std::sync::Arc;

use crate::instance::{Happening, Instance, InstanceId, is_legal};
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
