//! Finds the holiday of a date, and checks whether its hours overlap others.

use jiff::civil::Date;

use super::Calendar;
use super::holidays::{Holiday, HolidayDate};
use super::hours::{DAY_MINUTES, Opening};

impl Calendar {
    /// The holiday on a date. A single date takes precedence over a yearly one.
    #[must_use]
    pub fn holiday(&self, date: Date) -> Option<&Holiday> {
        let yearly = || {
            self.holidays.get(&HolidayDate::Yearly {
                month: date.month(),
                day: date.day(),
            })
        };
        self.holidays.get(&HolidayDate::Once(date)).or_else(yearly)
    }

    /// Whether the openings of a holiday overlap neither each other nor those of the days before
    /// and after it.
    pub(super) fn has_no_overlap(&self, holiday: HolidayDate) -> bool {
        let follows = |one: &[Opening], next: &[Opening]| {
            one.last()
                .zip(next.first())
                .is_none_or(|(last, first)| last.to <= first.from + DAY_MINUTES)
        };
        holiday
            .dates()
            .into_iter()
            .filter(|date| self.applies_on(holiday, *date))
            .all(|date| {
                let hours = self.openings_of(date);
                let before = date
                    .yesterday()
                    .map(|date| self.openings_of(date))
                    .unwrap_or_default();
                let after = date
                    .tomorrow()
                    .map(|date| self.openings_of(date))
                    .unwrap_or_default();
                let within = hours.windows(2).all(|pair| pair[0].to <= pair[1].from);
                within && follows(before, hours) && follows(hours, after)
            })
    }

    /// Whether this holiday applies on a date.
    fn applies_on(&self, holiday: HolidayDate, date: Date) -> bool {
        matches!(holiday, HolidayDate::Once(_))
            || !self.holidays.contains_key(&HolidayDate::Once(date))
    }
}
