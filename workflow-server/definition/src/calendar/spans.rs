//! The clocks that durations count by: the wall clock or a calendar. Also times of day.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Time as TimeOfDay;
use jiff::tz::TimeZone;

use super::Calendar;
use super::hours::minute;
use crate::time::{Span, SpanUnit, Time};

/// The clock that durations count by.
#[derive(Clone, Copy, Debug)]
pub enum Clock<'c> {
    /// Every second counts.
    Wall,
    /// Seconds, minutes and hours count while the calendar is open. `wd` counts its working days,
    /// and `d` the days of its time zone.
    Calendar(&'c Calendar),
}

impl Clock<'_> {
    /// The moment `span` after `start`.
    #[must_use]
    pub fn after(self, start: Time, span: Span) -> Time {
        match (self, span.unit) {
            (Self::Calendar(calendar), SpanUnit::WorkingDays) => {
                calendar.after_working_days(start, span.amount)
            }
            (Self::Calendar(calendar), SpanUnit::Days) => {
                days_after(calendar.zone(), start, span.amount)
            }
            (Self::Calendar(calendar), _) => calendar.after_open(start, span.millis()),
            (Self::Wall, _) => start.after(span),
        }
    }

    /// The milliseconds of a duration that begins at `start`. For a day of a calendar, only its
    /// open time.
    #[must_use]
    pub fn millis_in(self, start: Time, span: Span) -> i64 {
        match (self, span.unit) {
            (Self::Calendar(_), SpanUnit::Days | SpanUnit::WorkingDays) => {
                self.between(start, self.after(start, span))
            }
            _ => span.millis(),
        }
    }

    /// The moment at which this many milliseconds have passed since `start`.
    #[must_use]
    pub fn after_millis(self, start: Time, millis: i64) -> Time {
        match self {
            Self::Wall => Time(start.0.saturating_add(millis)),
            Self::Calendar(calendar) => calendar.after_open(start, millis),
        }
    }

    /// The moment from which this many milliseconds pass until `end`.
    #[must_use]
    pub fn before_millis(self, end: Time, millis: i64) -> Time {
        match self {
            Self::Wall => Time(end.0.saturating_sub(millis)),
            Self::Calendar(calendar) => calendar.before_open(end, millis),
        }
    }

    /// The milliseconds between two moments; 0 if the second is not later.
    #[must_use]
    pub fn between(self, start: Time, end: Time) -> i64 {
        match self {
            Self::Wall => end.0.saturating_sub(start.0).max(0),
            Self::Calendar(calendar) => calendar.open_between(start, end),
        }
    }
}

/// The same time of day some days later, by the clock of the zone.
pub(super) fn days_after(zone: &TimeZone, start: Time, days: u32) -> Time {
    let local =
        Timestamp::from_millisecond(start.0).map(|moment| moment.to_zoned_datetime(zone.clone()));
    let later = local.and_then(|local| local.checked_add(jiff::Span::new().try_days(days)?));
    let wall = Span {
        amount: days,
        unit: SpanUnit::Days,
    };
    later.map_or(start.after(wall), |later| {
        Time(later.timestamp().as_millisecond())
    })
}

/// The day on which a time of day is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextDay {
    /// The next time that a clock shows the time of day.
    Whenever,
    /// On the next day.
    NextDay,
    /// On the calendar's next working day.
    NextWorkingDay,
}

/// A time of day, with the day on which it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClockTime {
    /// The minute of the day, 0 to 1,439.
    pub minute: u16,
    /// The day on which it is meant.
    pub day: NextDay,
}

const NEXT_DAY: &str = "next day";
const NEXT_WORKING_DAY: &str = "next working day";

impl ClockTime {
    /// Reads `09:00`, `09:00 next day` or `09:00 next working day`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (time, day) = text.split_once(' ').unwrap_or((text, ""));
        let day = match day.trim() {
            "" => NextDay::Whenever,
            NEXT_DAY => NextDay::NextDay,
            NEXT_WORKING_DAY => NextDay::NextWorkingDay,
            _ => return None,
        };
        minute(time)
            .filter(|minute| *minute < 1_440)
            .map(|minute| Self { minute, day })
    }

    /// The first moment after `start` at which a clock of the zone shows it. If the clock skips it,
    /// the next hour counts. If the clock shows it twice, the first one counts.
    #[must_use]
    pub fn after(self, start: Time, zone: &TimeZone, calendar: Option<&Calendar>) -> Time {
        self.find(start, zone, calendar)
            .unwrap_or(Time(start.0.saturating_add(86_400_000)))
    }

    fn find(self, start: Time, zone: &TimeZone, calendar: Option<&Calendar>) -> Option<Time> {
        let local = Timestamp::from_millisecond(start.0)
            .ok()?
            .to_zoned_datetime(zone.clone())
            .datetime();
        let time = TimeOfDay::new((self.minute / 60) as i8, (self.minute % 60) as i8, 0, 0).ok()?;
        let shown = |date: jiff::civil::Date| {
            let then = date
                .to_datetime(time)
                .to_zoned_datetime(zone.clone())
                .ok()?;
            Some(Time(then.timestamp().as_millisecond()))
        };
        let tomorrow = local.date().tomorrow().ok()?;
        match (self.day, calendar) {
            (NextDay::Whenever, _) => shown(local.date())
                .filter(|moment| *moment > start)
                .or_else(|| shown(tomorrow)),
            (NextDay::NextDay, _) | (NextDay::NextWorkingDay, None) => shown(tomorrow),
            (NextDay::NextWorkingDay, Some(calendar)) => {
                calendar.time_of_next_working_day(start, self.minute)
            }
        }
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}:{:02}", self.minute / 60, self.minute % 60)?;
        match self.day {
            NextDay::Whenever => Ok(()),
            NextDay::NextDay => write!(out, " {NEXT_DAY}"),
            NextDay::NextWorkingDay => write!(out, " {NEXT_WORKING_DAY}"),
        }
    }
}
