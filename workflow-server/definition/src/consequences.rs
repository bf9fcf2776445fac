//! Whether a stage has the same meaning for people in another version of its workflow: what they
//! see of it, and what a push of its buttons does at once.

use crate::model::{Action, Definition, Stage};

/// A stage and the version that contains it.
pub type InVersion<'d> = (&'d Definition, &'d Stage);

/// Whether a click on one stage may apply to the other.
#[must_use]
pub fn has_same_meaning((before, was): InVersion<'_>, (after, is): InVersion<'_>) -> bool {
    let is_same_push = |action: &Action| {
        action
            .button()
            .is_none_or(|button| done_by(before, &button.event) == done_by(after, &button.event))
    };
    was.actions == is.actions && was.actions.iter().all(is_same_push)
}

/// What entering the stage of an event does before people can see it: the actions that set a field,
/// link or finish. Includes every stage that its links can lead to.
fn done_by<'d>(definition: &'d Definition, event: &'d str) -> Vec<(&'d str, Vec<&'d Action>)> {
    let mut found: Vec<(&str, Vec<&Action>)> = Vec::new();
    let mut open = vec![event];
    while let Some(event) = open.pop() {
        if found.iter().any(|(known, _)| *known == event) {
            continue;
        }
        let actions = definition
            .stage_of(event)
            .map(|stage| &*stage.actions)
            .unwrap_or_default();
        let at_once = actions
            .iter()
            .filter(|action| action.is_done_at_once())
            .collect();
        let targets = actions.iter().flat_map(Action::targets);
        open.extend(
            targets
                .filter(|target| target.leads.is_link())
                .map(|target| target.event),
        );
        found.push((event, at_once));
    }
    found
}
