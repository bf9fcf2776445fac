//! What can move an instance out of its stage: available buttons and running timers.

use aftercall_definition::Definition;
use aftercall_definition::model::ButtonAction;

use crate::instance::Instance;
use crate::world::Root;

/// The available buttons of the present stage. A button is not available if its condition was
/// false.
pub fn buttons<'a>(
    definition: &'a Definition,
    instance: &'a Instance,
) -> impl Iterator<Item = &'a ButtonAction> {
    let actions = definition
        .stage(instance.stage)
        .map(|stage| &*stage.actions)
        .unwrap_or_default();
    let done = actions
        .iter()
        .enumerate()
        .filter(|(place, _)| instance.has_done(*place));
    done.filter_map(|(_, action)| action.button())
}

/// Whether the present stage has a button that people can push.
#[must_use]
pub fn has_button(root: &Root, instance: &Instance) -> bool {
    root.definition_of(instance)
        .is_some_and(|definition| buttons(definition, instance).next().is_some())
}

/// Whether a button or a timer can move the instance. Without one, only people who find it can move
/// it.
#[must_use]
pub fn is_waiting(root: &Root, instance: &Instance) -> bool {
    !instance.timers.is_empty() || has_button(root, instance)
}
