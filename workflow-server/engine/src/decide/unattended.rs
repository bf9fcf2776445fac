//! A seen alert that nobody works on: after its `seen-for` it counts as new again.

use aftercall_definition::Definition;
use aftercall_definition::escalation::alert_action;
use aftercall_definition::model::AlertAction;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::decide::draft::EntryDraft;
use crate::entry::{ChangeKind, Entered};
use crate::instance::{Happening, Instance, is_legal};
use crate::world::Root;

/// When an alert counts as new again, if it is seen at `now`; `None` if it never does.
pub(super) fn until(root: &Root, old: &Instance, action: u16, now: Time) -> Option<Time> {
    let definition = root.definition_of(old)?;
    let raised_by = alert_action(definition, old.stage, action)?;
    // A pause stops this clock, like all clocks of an alert.
    until_of(root, definition, raised_by, old.clock(now))
}

/// The same for the action that raised the alert. Its time counts from `since`.
pub(super) fn until_of(
    root: &Root,
    definition: &Definition,
    raised_by: &AlertAction,
    since: Time,
) -> Option<Time> {
    let clock = root.clock(definition, raised_by.calendar.as_deref());
    raised_by.seen_for.map(|span| clock.after(since, span))
}

/// Makes a seen alert new again. Changes nothing if the alert is gone, is hidden, or somebody has
/// begun to work on it since.
pub(super) fn alert_again(draft: &mut EntryDraft<'_>, old: &Instance, action: u16, due: Time) {
    draft.kind = ChangeKind::AlertedAgain;
    let mut new = old.clone();
    let unattended = new
        .alerts
        .iter_mut()
        .find(|alert| alert.action == action && old.alerts_again_at(alert) == Some(due));
    let seen = unattended.and_then(|alert| alert.seen.take());
    let Some(seen) = seen.filter(|_| is_legal(old.status, Happening::Escalate)) else {
        return;
    };
    draft.details.values = [("seen_by".into(), Value::Text(seen.by))].into();
    draft.details.name_alert(old, action);
    draft.put_instance(ChangeKind::AlertedAgain, old, new, Entered::default());
}
