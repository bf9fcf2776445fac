//! How something stands by its due time: on time, due soon, overdue.

use crate::definition::Definition;
use crate::definition::escalation::alert_action;
use crate::instance::{Alert, Instance};
use crate::time::{Span, Time};

/// How something stands by its due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueState {
    /// There is time.
    OnTime,
    /// Three quarters of the time are over.
    DueSoon,
    /// The time is over.
    Overdue,
}

/// From when on an alert is due soon, or, without one, the instance by its deadline: when a quarter of the time is left.
#[must_use]
pub fn due_soon_from(definition: &Definition, instance: &Instance, alert: Option<&Alert>) -> Option<Time> {
    let last_quarter = |due: Time, span: Span| Time(due.0.saturating_sub(span.millis() / 4));
    let of_deadline = instance.deadline.zip(definition.deadline).map(|(due, span)| last_quarter(due, span));
    let of_alert = alert.and_then(|alert| {
        let span = alert_action(definition, instance.stage, alert.action)?.due?;
        alert.due.map(|due| last_quarter(due, span))
    });
    of_deadline.into_iter().chain(of_alert).min()
}

/// How a follow-up, or one of its alerts, stands at `now`; nothing where it has no due time.
#[must_use]
pub fn due_state(instance: &Instance, due: Option<Time>, due_soon_from: Option<Time>, now: Time) -> Option<DueState> {
    let (due, clock) = (due?, instance.clock(now));
    Some(match due_soon_from {
        _ if due <= clock => DueState::Overdue,
        Some(from) if from <= clock => DueState::DueSoon,
        _ => DueState::OnTime,
    })
}
