//! Working days: the one to which a moment belongs, and the ones after it.

use jiff::civil::{Date, DateTime};

use super::counting::HORIZON_DAYS;
use super::hours::DAY_MINUTES;
use super::{Calendar, Opening};
use crate::time::Time;

impl Calendar {
    /// The moment itself if the calendar is open then, or else the start of the next opening.
    #[must_use]
    pub fn next_open(&self, moment: Time) -> Time {
        let next = self.openings_from(moment).find(|(_, to)| *to > moment);
        next.map_or(moment, |(from, _)| from.max(moment))
    }

    /// The working day to which a moment belongs: the date on which its opening began. A closing
    /// time belongs to the opening that it ends, because counting open time can lead there. Returns
    /// `None` if the calendar is closed.
    pub(super) fn working_day_of(&self, moment: Time) -> Option<Date> {
        let date = self.local(moment)?.date();
        // An opening that began on the day before may still be open.
        let dates = [date.yesterday().ok(), Some(date)].into_iter().flatten();
        let openings = dates.flat_map(|date| {
            self.openings_of(date)
                .iter()
                .map(move |opening| (date, *opening))
        });
        let within =
            openings.filter_map(|(date, opening)| Some((date, self.times(date, opening)?)));
        // If one opening ends when the next begins, the moment belongs to the next.
        within
            .filter(|(_, (from, to))| (*from..=*to).contains(&moment))
            .map(|(date, _)| date)
            .next_back()
    }

    /// The same time of day some working days later. If that day is closed at this time, the result
    /// is its nearest open time. If the calendar is closed at `start`, the count begins at the next
    /// opening.
    #[must_use]
    pub fn after_working_days(&self, start: Time, days: u32) -> Time {
        self.each_working_days(start, days.max(1))
            .next()
            .unwrap_or(start)
    }

    /// The moments after one, two, three times as many working days, and so on.
    pub(super) fn each_working_days(
        &self,
        start: Time,
        days: u32,
    ) -> impl Iterator<Item = Time> + use<'_> {
        let begun = self.working_day_of(start).map(|date| (start, date));
        let begin = begun.or_else(|| {
            let next = self.next_open(start);
            Some((
                next,
                self.working_day_of(next)
                    .or_else(|| self.local(next).map(DateTime::date))?,
            ))
        });
        let mut dates = begin.map(|(_, date)| self.working_days_from(date));
        let mut wall = begin.map_or(start, |(begin, _)| begin);
        let step = usize::try_from(days.max(1)).unwrap_or(usize::MAX);
        std::iter::from_fn(move || {
            wall = Time(wall.0.saturating_add(i64::from(days) * 86_400_000));
            let found = begin.zip(dates.as_mut().and_then(|dates| dates.nth(step - 1)));
            Some(
                found
                    .and_then(|((begin, date), then)| self.same_time_on(begin, date, then))
                    .unwrap_or(wall),
            )
        })
    }

    /// The time of day of `begin` on another working day, or the nearest open time of that day.
    fn same_time_on(&self, begin: Time, date: Date, then: Date) -> Option<Time> {
        let local = self.local(begin)?;
        let shift = date.until(then).ok()?.get_days();
        let wanted = local
            .date()
            .checked_add(jiff::Span::new().try_days(shift).ok()?)
            .ok()?;
        Some(self.nearest_open_of(then, self.moment(wanted.to_datetime(local.time()))?))
    }

    fn nearest_open_of(&self, date: Date, wanted: Time) -> Time {
        let openings: Vec<(Time, Time)> = self
            .openings_of(date)
            .iter()
            .filter_map(|one| self.times(date, *one))
            .collect();
        let within = openings
            .iter()
            .find(|(_, to)| wanted <= *to)
            .map(|(from, _)| wanted.max(*from));
        within
            .or(openings.last().map(|(_, to)| *to))
            .unwrap_or(wanted)
    }

    /// The working days after this date. After the last one, every day counts.
    fn working_days_from(&self, date: Date) -> impl Iterator<Item = Date> + use<'_> {
        // Ten years of working days are about fourteen years, or more if only a few days of a week
        // are working days.
        let dates = date.tomorrow().ok().into_iter();
        let dates = dates.flat_map(|date| {
            date.series(jiff::Span::new().days(1))
                .take(HORIZON_DAYS * 7)
        });
        let mut working = self
            .until_closed(dates)
            .filter(move |date| self.is_working_day(*date))
            .fuse();
        let mut last = date;
        std::iter::from_fn(move || {
            last = working.next().or_else(|| last.tomorrow().ok())?;
            Some(last)
        })
    }

    /// The next time of day on the working day after the one of `start`. Hours after midnight
    /// belong to the day on which their opening began. Example: in a night shift from 22:00 to
    /// 06:00 at 23:00, `02:00 next working day` is in the next shift.
    pub(super) fn time_of_next_working_day(&self, start: Time, minute: u16) -> Option<Time> {
        let today = self
            .working_day_of(start)
            .or_else(|| self.local(start).map(DateTime::date))?;
        let date = self.working_days_from(today).next()?;
        let covers =
            |minute: u16| move |opening: &&Opening| (opening.from..=opening.to).contains(&minute);
        let openings = self.openings_of(date);
        let late = minute + DAY_MINUTES;
        let is_late = openings.iter().all(|opening| !covers(minute)(&opening))
            && openings.iter().any(|one| covers(late)(&one));
        self.at(date, if is_late { late } else { minute })
    }
}
