//! Until when something is put off, by the clock where the caller is.

use aftercall_definition::time::Time;
use jiff::civil::{DateTime, Time as TimeOfDay};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

use crate::command::SnoozeUntil;
use crate::limits;

/// What a clock shows.
enum Shown {
    At(DateTime),
    Next(TimeOfDay),
}

/// The zone with this IANA name.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

fn shown(text: &str) -> Option<Shown> {
    // A time of day first: a date without one is not taken.
    let time = |text: &str| {
        TimeOfDay::strptime("%H:%M", text).or_else(|_| TimeOfDay::strptime("%H:%M:%S", text))
    };
    time(text).map(Shown::Next).ok().or_else(|| {
        let (date, of_day) = text.split_once(['T', ' '])?;
        let date: jiff::civil::Date = date.parse().ok()?;
        Some(Shown::At(date.to_datetime(time(of_day).ok()?)))
    })
}

/// What is wrong with what a clock should show.
pub(super) fn fault_of_clock(text: &str) -> Option<&'static str> {
    let message = "must be a time by the caller's clock: `2026-11-25T09:00`, or `09:00` for the next time that it shows it";
    shown(text).is_none().then_some(message)
}

/// The moment that is meant, at `now`; an hour that a clock skips in spring counts as the one
/// after. None where there is no such moment.
pub(super) fn moment(until: &SnoozeUntil, zone: &TimeZone, now: Time) -> Option<Time> {
    let here = Timestamp::from_millisecond(now.0)
        .ok()?
        .to_zoned_datetime(zone.clone());
    let then: ZonedDateTime = match until {
        SnoozeUntil::Moment(at) => return Some(*at),
        SnoozeUntil::For(millis) => return now.0.checked_add(*millis).map(Time),
        SnoozeUntil::Now => return Some(now),
        SnoozeUntil::Days(days) => here.checked_add(Span::new().try_days(*days).ok()?).ok()?,
        SnoozeUntil::Clock(text) => match shown(text)? {
            Shown::At(at) => at.to_zoned_datetime(zone.clone()).ok()?,
            Shown::Next(time) => {
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

/// Whether something may be put off until then.
pub(super) fn is_in_reach(then: Time, now: Time) -> bool {
    then > now && then.0 - now.0 <= limits::PUT_OFF_MILLIS_MAX
}
