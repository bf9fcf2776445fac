//! By whose clock a time of a follow-up is read and shown: one rule for everything that does either.

use jiff::tz::TimeZone;

use crate::calendar::Clock;
use crate::call::Call;
use crate::definition::escalation::alert_action;
use crate::instance::Instance;
use crate::world::Root;

/// The zone of the caller; else that of the calendar of the alert with this action, or of the workflow; else the one that the
/// server is set to; else UTC.
#[must_use]
pub fn zone_of(
    root: &Root,
    (call, instance): (Option<&Call>, &Instance),
    action: Option<u16>,
    default: &str,
) -> TimeZone {
    zone_of_caller(call).or_else(|| of_calendar(root, instance, action)).unwrap_or_else(|| {
        // A server refuses to start with a zone that there is not.
        TimeZone::get(default).unwrap_or(TimeZone::UTC)
    })
}

/// The zone of the caller, where one is known.
#[must_use]
pub fn zone_of_caller(call: Option<&Call>) -> Option<TimeZone> {
    let name = call.map(|call| &call.caller.time_zone).filter(|name| !name.is_empty())?;
    TimeZone::get(name).ok()
}

fn of_calendar(root: &Root, instance: &Instance, action: Option<u16>) -> Option<TimeZone> {
    let definition = root.definition_of(instance)?;
    let alert = action.and_then(|action| alert_action(definition, instance.stage, action));
    match root.clock(definition, alert.and_then(|alert| alert.calendar.as_deref())) {
        Clock::Calendar(calendar) => Some(calendar.zone().clone()),
        Clock::Wall => None,
    }
}

/// The IANA name of a zone.
#[must_use]
pub fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}
