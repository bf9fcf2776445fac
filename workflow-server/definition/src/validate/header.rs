//! Checks the parts of a definition outside of its stages that name something in the server.

use crate::fault::{Fault, FaultCode};
use crate::time::{Span, SpanUnit};
use crate::validate::scene::Scene;

pub(super) fn check(scene: &Scene<'_>, faults: &mut Vec<Fault>) {
    let definition = scene.definition;
    let mut report = |field: &str, (code, message)| {
        faults.push(Fault {
            field: field.to_owned(),
            ..Fault::new(code, message)
        });
    };
    if let Some(unknown) = definition
        .calendar
        .as_deref()
        .and_then(|name| unknown_calendar(scene, name))
    {
        report("calendar", unknown);
    }
    let calendar = definition.calendar_for(None);
    if let Some(without) = definition
        .deadline
        .and_then(|span| without_calendar(span, calendar))
    {
        report("deadline", without);
    }
}

/// The error of a calendar that is not declared.
pub(super) fn unknown_calendar(scene: &Scene<'_>, name: &str) -> Option<(FaultCode, String)> {
    let is_known = name == crate::model::NO_CALENDAR || (scene.declared.is_calendar)(name);
    let message = || scene.not_declared("calendar", name, scene.declared.like_calendar);
    (!is_known).then(|| (FaultCode::UnknownCalendar, message()))
}

/// The error of a duration in working days without a calendar.
pub(super) fn without_calendar(span: Span, calendar: Option<&str>) -> Option<(FaultCode, String)> {
    let is_without = span.unit == SpanUnit::WorkingDays && calendar.is_none();
    let message = || {
        format!(
            "{span} counts working days, and there is no calendar: name one with `calendar`, or write days, such as 3d"
        )
    };
    is_without.then(|| (FaultCode::MissingKey, message()))
}
