//! The instance that a command is about, and whether this may happen to it.

use std::sync::Arc;

use crate::instance::{Happening, Instance, InstanceId, is_legal};
use crate::rejection::Rejection;
use crate::world::Root;

pub(super) fn find(root: &Root, id: InstanceId) -> Result<&Arc<Instance>, Rejection> {
    root.instance(id).ok_or(Rejection::NoSuchInstance(id))
}

pub(super) fn check_legal(instance: &Arc<Instance>, happening: Happening) -> Result<(), Rejection> {
    if is_legal(instance.status, happening) {
        Ok(())
    } else {
        Err(Rejection::IllegalMove { instance: instance.clone(), happening })
    }
}
