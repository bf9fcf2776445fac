//! Counting the time in which a calendar is open, forwards and backwards.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time as TimeOfDay};

use super::{Calendar, Opening};
use crate::time::Time;

/// For how many days an opening is looked for: longer than the longest span. A calendar that has none in all of them is
/// closed for ever.
const HORIZON_DAYS: usize = 3_700;
/// For how many days in a row none may come before the look ends early: more than any company holiday. From the last opening on the
/// clock on the wall counts then, so that nothing is ever due at once.
const CLOSED_DAYS_MAX: usize = 400;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

impl Calendar {
    /// The moment when so many milliseconds of opening time have gone by since `start`.
    #[must_use]
    pub fn after_open(&self, start: Time, millis: i64) -> Time {
        let (mut left, mut last) = (millis.max(0), start);
        for (from, to) in self.openings_from(start) {
            let from = from.0.max(start.0);
            if to.0 - from >= left && to.0 > from {
                return Time(from + left);
            }
            left -= (to.0 - from).max(0);
            last = last.max(to);
        }
        Time(last.0.saturating_add(left))
    }

    /// The moment since which so many milliseconds of opening time have gone by until `end`.
    #[must_use]
    pub fn before_open(&self, end: Time, millis: i64) -> Time {
        let (mut left, mut first) = (millis.max(0), end);
        for (from, to) in self.openings_back_from(end) {
            let to = to.0.min(end.0);
            if to - from.0 >= left && to > from.0 {
                return Time(to - left);
            }
            left -= (to - from.0).max(0);
            first = first.min(from);
        }
        Time(first.0.saturating_sub(left))
    }

    /// How many milliseconds of opening time lie between two moments; none where the second is not later.
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

    /// The moment itself where it is open then, or else the next opening.
    #[must_use]
    pub fn next_open(&self, moment: Time) -> Time {
        let next = self.openings_from(moment).find(|(_, to)| *to > moment);
        next.map_or(moment, |(from, _)| from.max(moment))
    }

    /// So many working days later, at the same time of day; a time at which that day is closed becomes the nearest at which
    /// it is open. What begins while it is closed begins with the next opening.
    #[must_use]
    pub fn after_working_days(&self, start: Time, days: u32) -> Time {
        let begin = self.next_open(start);
        let wall = Time(begin.0.saturating_add(i64::from(days) * 86_400_000));
        let Some(local) = self.local(begin) else { return wall };
        let mut date = local.date();
        // Hours after midnight belong to the day on which they began.
        let begun = self.openings_of(date).iter().any(|opening| self.at(date, opening.from) <= Some(begin));
        if !begun {
            date = date.yesterday().unwrap_or(date);
        }
        let Some(then) = self.working_days_after(date, days) else { return wall };
        let shift = date.until(then).map_or(0, |span| span.get_days());
        let wanted = local.date().checked_add(jiff::Span::new().days(shift)).map(|date| date.to_datetime(local.time()));
        let wanted = wanted.ok().and_then(|at| self.moment(at)).unwrap_or(wall);
        self.nearest_open_of(then, wanted)
    }

    /// The n-th working day after this date. From the last one that there is, every day counts.
    pub(super) fn working_days_after(&self, date: Date, days: u32) -> Option<Date> {
        // Ten years of working days are fourteen on the wall, and more where few days of a week are worked.
        let dates = date.tomorrow().ok()?.series(jiff::Span::new().days(1)).take(HORIZON_DAYS * 7);
        let (mut left, mut last) = (days.max(1), date);
        for working_day in self.until_closed(dates).filter(|date| self.is_working_day(*date)) {
            (left, last) = (left - 1, working_day);
            if left == 0 {
                return Some(working_day);
            }
        }
        last.checked_add(jiff::Span::new().try_days(left).ok()?).ok()
    }

    fn nearest_open_of(&self, date: Date, wanted: Time) -> Time {
        let openings: Vec<(Time, Time)> =
            self.openings_of(date).iter().filter_map(|one| self.times(date, *one)).collect();
        let within = openings.iter().find(|(_, to)| wanted <= *to).map(|(from, _)| wanted.max(*from));
        within.or(openings.last().map(|(_, to)| *to)).unwrap_or(wanted)
    }

    /// The openings that end after this moment, in order, until the horizon.
    fn openings_from(&self, moment: Time) -> impl Iterator<Item = (Time, Time)> {
        // What began the day before may still be open.
        let first = self.local(moment).and_then(|local| local.date().yesterday().ok());
        let dates = first.into_iter().flat_map(|first| first.series(jiff::Span::new().days(1)).take(HORIZON_DAYS));
        let openings = move |date| self.openings_of(date).iter().filter_map(move |one| self.times(date, *one));
        // An end that the clocks skip comes after the next beginning: what is common to two counts once.
        self.until_closed(dates).flat_map(openings).scan(Time(i64::MIN), |open_until, (from, to)| {
            let apart = (from.max(*open_until), to.max(*open_until));
            *open_until = apart.1;
            Some(apart)
        })
    }

    /// The openings that begin before this moment, the latest first.
    fn openings_back_from(&self, moment: Time) -> impl Iterator<Item = (Time, Time)> {
        let first = self.local(moment).map(DateTime::date);
        let dates = first.into_iter().flat_map(|first| first.series(jiff::Span::new().days(-1)).take(HORIZON_DAYS));
        let openings = move |date| self.openings_of(date).iter().rev().filter_map(move |one| self.times(date, *one));
        self.until_closed(dates).flat_map(openings).scan(Time(i64::MAX), |open_from, (from, to)| {
            let apart = (from.min(*open_from), to.min(*open_from));
            *open_from = apart.0;
            Some(apart)
        })
    }

    /// The dates until so many in a row have been closed that it is closed for ever.
    fn until_closed(&self, dates: impl Iterator<Item = Date>) -> impl Iterator<Item = Date> {
        let mut closed = 0;
        dates.take_while(move |date| {
            closed = if self.is_working_day(*date) { 0 } else { closed + 1 };
            closed <= CLOSED_DAYS_MAX
        })
    }

    fn times(&self, date: Date, opening: Opening) -> Option<(Time, Time)> {
        Some((self.at(date, opening.from)?, self.at(date, opening.to)?))
    }

    /// The moment at which the clock shows this minute, counted from the beginning of the date; one that the clock skips
    /// counts as the one after, and of two the earlier one counts.
    fn at(&self, date: Date, minute: u16) -> Option<Time> {
        let date = if minute >= DAY_MINUTES { date.tomorrow().ok()? } else { date };
        let minute = minute % DAY_MINUTES;
        let time = TimeOfDay::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).ok()?;
        self.moment(date.to_datetime(time))
    }

    pub(super) fn moment(&self, shown: DateTime) -> Option<Time> {
        let then = shown.to_zoned_datetime(self.zone().clone()).ok()?;
        Some(Time(then.timestamp().as_millisecond()))
    }

    pub(super) fn local(&self, moment: Time) -> Option<DateTime> {
        Some(Timestamp::from_millisecond(moment.0).ok()?.to_zoned_datetime(self.zone().clone()).datetime())
    }
}
