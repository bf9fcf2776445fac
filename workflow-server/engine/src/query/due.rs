//! The state of a due time: on time, due soon, overdue.

use aftercall_definition::Definition;
use aftercall_definition::escalation::alert_action;
use aftercall_definition::time::{Span, Time};

use crate::instance::{Alert, Instance};
use crate::world::Root;

/// The state of a due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueState {
    /// The work is not due soon.
    OnTime,
    /// Three quarters of the time are over.
    DueSoon,
    /// All of the time is over.
    Overdue,
}

/// When an alert is due soon: when a quarter of its time is left. The deadline of the instance
/// counts too, if it is earlier or if there is no alert.
#[must_use]
pub fn due_soon_from(
    root: &Root,
    definition: &Definition,
    instance: &Instance,
    alert: Option<&Alert>,
) -> Option<Time> {
    let last_quarter = |(since, due): (Time, Time), span: Span, own: Option<&str>| {
        let clock = root.clock(definition, own);
        clock.before_millis(due, clock.millis_in(since, span) / 4)
    };
    let deadline = instance.deadline.zip(definition.deadline);
    let of_deadline =
        deadline.map(|(due, span)| last_quarter((instance.started_at, due), span, None));
    let of_alert = alert.and_then(|alert| {
        let raised_by = alert_action(definition, instance.stage, alert.action)?;
        let (due, span) = alert.due.zip(raised_by.due)?;
        Some(last_quarter(
            (instance.counts_from(alert), due),
            span,
            raised_by.calendar.as_deref(),
        ))
    });
    of_deadline.into_iter().chain(of_alert).min()
}

/// The state of a due time at `now`. Returns `None` without a due time.
#[must_use]
pub fn due_state(
    instance: &Instance,
    due: Option<Time>,
    due_soon_from: Option<Time>,
    now: Time,
) -> Option<DueState> {
    let (due, clock) = (due?, instance.clock(now));
    Some(match due_soon_from {
        _ if due <= clock => DueState::Overdue,
        Some(from) if from <= clock => DueState::DueSoon,
        _ => DueState::OnTime,
    })
}
