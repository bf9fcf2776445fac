//! Counting the time in which a calendar is open, forwards and backwards.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time as TimeOfDay};

use super::hours::DAY_MINUTES;
use super::{Calendar, Opening};
use crate::time::Time;

/// For how many days an opening is looked for: longer than the longest span. A calendar that has
/// none in all of them is closed for ever.
pub(super) const HORIZON_DAYS: usize = 3_700;
/// For how many days in a row none may come before the look ends early: more than any company
/// holiday. From the last opening on the clock on the wall counts then, so that nothing is ever due
/// at once.
const CLOSED_DAYS_MAX: usize = 400;
impl Calendar {
    /// The earliest moment at which so many milliseconds of opening time have passed since `start`:
    /// a closing time, where that much passes exactly until then. Nothing has passed at `start`
    /// itself, open or not.
    #[must_use]
    pub fn after_open(&self, start: Time, millis: i64) -> Time {
        if millis <= 0 {
            return start;
        }
        self.each_open(start, millis).next().unwrap_or(start)
    }

    /// The earliest moment from which so many milliseconds of opening time pass until `end`: a
    /// closing time, where the calendar is closed before. That is when a share of a time is over,
    /// as [`Calendar::after_open`] counts it from the other side.
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

    /// How many milliseconds of opening time lie between two moments; none where the second is not
    /// later.
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
        // What began the day before may still be open.
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
        // An end that the clocks skip comes after the next beginning: what is common to two counts
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

    /// The dates until so many in a row have been closed that it is closed for ever.
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

    /// The moment at which the clock shows this minute, counted from the beginning of the date; one
    /// that the clock skips counts as the one after, and of two the earlier one counts.
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
