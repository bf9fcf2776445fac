//! The time zone of a follow-up. All code reads and shows its times by this one rule.

use aftercall_definition::Definition;
use aftercall_definition::calendar::Clock;
use aftercall_definition::escalation::alert_action;
use aftercall_definition::time::WallClock;
use jiff::tz::TimeZone;

use crate::call::Call;
use crate::instance::Instance;
use crate::world::Root;

/// The zone of the caller. If it is unknown, the zone of the calendar of the alert with this
/// action, or of the workflow. Without a calendar, the server's default.
#[must_use]
pub fn zone_of(
    root: &Root,
    (call, instance): (Option<&Call>, &Instance),
    action: Option<u16>,
) -> TimeZone {
    zone_of_caller(call).unwrap_or_else(|| {
        let definition = root.definition_of(instance);
        let alert = definition
            .zip(action)
            .and_then(|(one, action)| alert_action(one, instance.stage, action));
        let calendar = alert.and_then(|alert| alert.calendar.as_deref());
        definition
            .map_or_else(
                || root.default_zone(),
                |one| zone_beside_caller(root, one, calendar),
            )
            .clone()
    })
}

/// The zone to use if the caller's is unknown: that of the named calendar or of the workflow's.
/// Without a calendar, the server's default.
#[must_use]
pub fn zone_beside_caller<'r>(
    root: &'r Root,
    definition: &Definition,
    calendar: Option<&str>,
) -> &'r TimeZone {
    match root.clock(definition, calendar) {
        Clock::Calendar(calendar) => calendar.zone(),
        Clock::Wall => root.default_zone(),
    }
}

/// The zone of the caller, if it is known.
#[must_use]
pub fn zone_of_caller(call: Option<&Call>) -> Option<TimeZone> {
    let name = call
        .map(|call| &call.caller.time_zone)
        .filter(|name| !name.is_empty())?;
    TimeZone::get(name).ok()
}

/// The clock by which errors show the times of an instance. The reader is not the caller, so it
/// always shows the zone.
#[must_use]
pub fn wall_clock_of(root: &Root, instance: &Instance) -> WallClock {
    WallClock::named(zone_of(
        root,
        (root.call_of(instance).map(|call| &**call), instance),
        None,
    ))
}

/// The IANA name of a zone.
#[must_use]
pub fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}
