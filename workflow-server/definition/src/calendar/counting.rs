//! Counts the open time of a calendar, forwards and backwards.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time as TimeOfDay};

use super::hours::DAY_MINUTES;
use super::{Calendar, Opening};
use crate::time::Time;

/// How many days a search for an opening covers: more than the longest duration. A calendar without
/// an opening in all of them is closed forever.
pub(super) const HORIZON_DAYS: usize = 3_700;
/// How many closed days in a row end a search early: more than any company holiday. After the last
/// opening, the wall clock counts, so that nothing is due at once.
const CLOSED_DAYS_MAX: usize = 400;
impl Calendar {
    /// The earliest moment at which this much open time has passed since `start`. If it passes
    /// exactly until a closing time, the result is that closing time. The duration is in
    /// milliseconds. At `start` itself, no time has passed.
    #[must_use]
    pub fn after_open(&self, start: Time, millis: i64) -> Time {
        if millis <= 0 {
            return start;
        }
        self.each_open(start, millis).next().unwrap_or(start)
    }

    /// The earliest moment from which this much open time passes until `end`, in milliseconds. If
    /// that would be the start of an opening, the result is the closing time before it. This is
    /// [`Calendar::after_open`] in the other direction; shares of a time use it.
    #[must_use]
    pub fn before_open(&self, end: Time, millis: i64) -> Time {
        let (mut left, mut first) = (millis, end);
        if left <= 0 {
            return end;
        }
        for (from, to) in self.openings_back_from(end) {
            let to = to.0.min(end.0);
            if to <= from.0 {
                continue;
            }
            if to - from.0 > left {
                return Time(to - left);
            }
            left -= to - from.0;
            first = from;
        }
        Time(first.0.saturating_sub(left))
    }

    /// The open time between two moments in milliseconds; 0 if the second is not later.
    #[must_use]
    pub fn open_between(&self, start: Time, end: Time) -> i64 {
        let (mut open, mut last) = (0, start);
        for (from, to) in self.openings_from(start) {
            if from >= end {
                return open;
            }
            open += (to.0.min(end.0) - from.0.max(start.0)).max(0);
            last = last.max(to);
        }
        open + (end.0 - last.0).max(0)
    }

    /// The openings that end after this moment, in order, until the horizon.
    pub(super) fn openings_from(&self, moment: Time) -> impl Iterator<Item = (Time, Time)> {
        // An opening that began on the day before may still be open.
        let first = self
            .local(moment)
            .and_then(|local| local.date().yesterday().ok());
        let dates = first
            .into_iter()
            .flat_map(|first| first.series(jiff::Span::new().days(1)).take(HORIZON_DAYS));
        let openings = move |date| {
            self.openings_of(date)
                .iter()
                .filter_map(move |one| self.times(date, *one))
        };
        // If the clocks skip an end, it is after the start of the next opening. The overlap counts
        // once.
        self.until_closed(dates).flat_map(openings).scan(
            Time(i64::MIN),
            |open_until, (from, to)| {
                let apart = (from.max(*open_until), to.max(*open_until));
                *open_until = apart.1;
                Some(apart)
            },
        )
    }

    /// The openings that begin before this moment, the latest first.
    fn openings_back_from(&self, moment: Time) -> impl Iterator<Item = (Time, Time)> {
        let first = self.local(moment).map(DateTime::date);
        let dates = first
            .into_iter()
            .flat_map(|first| first.series(jiff::Span::new().days(-1)).take(HORIZON_DAYS));
        let openings = move |date| {
            self.openings_of(date)
                .iter()
                .rev()
                .filter_map(move |one| self.times(date, *one))
        };
        self.until_closed(dates)
            .flat_map(openings)
            .scan(Time(i64::MAX), |open_from, (from, to)| {
                let apart = (from.min(*open_from), to.min(*open_from));
                *open_from = apart.0;
                Some(apart)
            })
    }

    /// The dates, up to the end of a long row of closed days.
    pub(super) fn until_closed(
        &self,
        dates: impl Iterator<Item = Date>,
    ) -> impl Iterator<Item = Date> {
        let mut closed = 0;
        dates.take_while(move |date| {
            closed = if self.is_working_day(*date) {
                0
            } else {
                closed + 1
            };
            closed <= CLOSED_DAYS_MAX
        })
    }

    pub(super) fn times(&self, date: Date, opening: Opening) -> Option<(Time, Time)> {
        Some((self.at(date, opening.from)?, self.at(date, opening.to)?))
    }

    /// The moment at which the clock shows this minute of the date. If the clock skips it, the next
    /// hour counts. If the clock shows it twice, the first one counts.
    pub(super) fn at(&self, date: Date, minute: u16) -> Option<Time> {
        let date = if minute >= DAY_MINUTES {
            date.tomorrow().ok()?
        } else {
            date
        };
        let minute = minute % DAY_MINUTES;
        let time = TimeOfDay::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).ok()?;
        self.moment(date.to_datetime(time))
    }

    pub(super) fn moment(&self, shown: DateTime) -> Option<Time> {
        let then = shown.to_zoned_datetime(self.zone().clone()).ok()?;
        Some(Time(then.timestamp().as_millisecond()))
    }

    pub(super) fn local(&self, moment: Time) -> Option<DateTime> {
        Some(
            Timestamp::from_millisecond(moment.0)
                .ok()?
                .to_zoned_datetime(self.zone().clone())
                .datetime(),
        )
    }
}
