//! The end of a snooze or a pause, by the clock of the caller.

use aftercall_definition::time::Time;
use jiff::civil::{DateTime, Time as TimeOfDay};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

use crate::command::SnoozeUntil;
use crate::limits;

/// A time as a clock shows it.
enum ClockTime {
    At(DateTime),
    Next(TimeOfDay),
}

/// The zone with this IANA name.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

fn parse_clock(text: &str) -> Option<ClockTime> {
    // Try a time of day first, because a date alone is not accepted.
    let time = |text: &str| {
        TimeOfDay::strptime("%H:%M", text).or_else(|_| TimeOfDay::strptime("%H:%M:%S", text))
    };
    time(text).map(ClockTime::Next).ok().or_else(|| {
        let (date, of_day) = text.split_once(['T', ' '])?;
        let date: jiff::civil::Date = date.parse().ok()?;
        Some(ClockTime::At(date.to_datetime(time(of_day).ok()?)))
    })
}

/// The error of a text that is not a time by the clock; `None` if it is one.
pub(super) fn clock_error(text: &str) -> Option<&'static str> {
    let message =
        "must be a time by the caller's clock: `2026-11-25T09:00`, or `09:00` for the next 09:00";
    parse_clock(text).is_none().then_some(message)
}

/// The moment that `until` means at `now`. If a clock skips that hour in spring, the next hour
/// counts. Returns `None` if there is no such moment.
pub(super) fn moment(until: &SnoozeUntil, zone: &TimeZone, now: Time) -> Option<Time> {
    let here = Timestamp::from_millisecond(now.0)
        .ok()?
        .to_zoned_datetime(zone.clone());
    let then: ZonedDateTime = match until {
        SnoozeUntil::Moment(at) => return Some(*at),
        SnoozeUntil::For(millis) => return now.0.checked_add(*millis).map(Time),
        SnoozeUntil::Now => return Some(now),
        SnoozeUntil::Days(days) => here.checked_add(Span::new().try_days(*days).ok()?).ok()?,
        SnoozeUntil::Clock(text) => match parse_clock(text)? {
            ClockTime::At(at) => at.to_zoned_datetime(zone.clone()).ok()?,
            ClockTime::Next(time) => {
                let today = here
                    .date()
                    .to_datetime(time)
                    .to_zoned_datetime(zone.clone())
                    .ok()?;
                if today > here {
                    today
                } else {
                    here.date()
                        .tomorrow()
                        .ok()?
                        .to_datetime(time)
                        .to_zoned_datetime(zone.clone())
                        .ok()?
                }
            }
        },
    };
    Some(Time(then.timestamp().as_millisecond()))
}

/// Whether a snooze or a pause may end at `then`.
pub(super) fn is_in_reach(then: Time, now: Time) -> bool {
    then > now && then.0 - now.0 <= limits::HIDDEN_MILLIS_MAX
}
