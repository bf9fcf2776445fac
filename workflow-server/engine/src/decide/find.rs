//! Finds the instance of a command, and checks whether the command is allowed on it.

use std::sync::Arc;

use aftercall_definition::FieldError;

use crate::command::SeenAlert;
use crate::decide::draft::EntryDraft;
use crate::instance::{Alert, Happening, Instance, InstanceId, is_legal};
use crate::rejection::Rejection;
use crate::world::Root;

/// The instance, if the sender may touch it. One that is out of reach does not exist for the sender.
pub(super) fn find<'w>(
    draft: &EntryDraft<'w>,
    id: InstanceId,
) -> Result<&'w Arc<Instance>, Rejection> {
    let root = draft.root;
    let found = root.instance(id);
    found
        .filter(|instance| draft.reach.can_see(root, instance))
        .ok_or(Rejection::NoSuchInstance(id))
}

/// Refuses if Call Managers may not work on the instance.
pub(super) fn check_visible<'i>(
    root: &Root,
    instance: &'i Arc<Instance>,
) -> Result<&'i Arc<Instance>, Rejection> {
    if root.is_visible(instance) {
        Ok(instance)
    } else {
        Err(Rejection::NotVisible(instance.clone()))
    }
}

pub(super) fn check_legal(instance: &Arc<Instance>, happening: Happening) -> Result<(), Rejection> {
    if is_legal(instance.status, happening) {
        Ok(())
    } else {
        Err(Rejection::IllegalMove {
            instance: instance.clone(),
            happening,
        })
    }
}

/// Refuses a click if the person looked at another stage, or at an earlier visit of the present
/// stage.
pub(super) fn check_seen(
    old: &Arc<Instance>,
    stage: Option<u32>,
    visit: u32,
) -> Result<(), Rejection> {
    let seen = stage.unwrap_or(old.stage);
    let entered = old.visits_of(seen);
    if visit > entered {
        let message = format!("is too high: stage {seen} has been entered {entered} times");
        return Err(Rejection::Invalid(vec![FieldError {
            field: "visit".to_owned(),
            message,
        }]));
    }
    if (seen, visit) == (old.stage, old.visit()) {
        Ok(())
    } else {
        Err(Rejection::StaleVisit(old.clone()))
    }
}

/// Finds the alert that a person saw, in `new`, a copy of `old`. Refuses if the alert has become
/// more urgent since or is for another team. The person's decision about it may then be wrong.
pub(super) fn alert_as_seen<'a>(
    old: &Arc<Instance>,
    new: &'a mut Instance,
    seen: SeenAlert,
) -> Result<&'a mut Alert, Rejection> {
    let is_present = (seen.stage, seen.visit) == (old.stage, old.visit());
    let alert = new
        .alerts
        .iter_mut()
        .find(|alert| is_present && alert.action == seen.action);
    let alert = alert.ok_or_else(|| Rejection::AlertGone(old.clone()))?;
    let is_same_team = seen.team.is_none_or(|team| team == alert.team);
    let is_as_seen = is_same_team && old.urgency_count(alert) == seen.urgency_count;
    if is_as_seen {
        Ok(alert)
    } else {
        Err(Rejection::AlertEscalated(old.clone()))
    }
}
