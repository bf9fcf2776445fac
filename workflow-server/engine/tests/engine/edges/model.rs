//! A simple model of a calendar. It reads what the clock of its zone shows, minute by minute. It
//! does not use the calendar's counting.

use aftercall_definition::calendar::{Calendar, HolidayDate, Opening};
use aftercall_definition::time::Time;
use jiff::Timestamp;
use jiff::civil::Date;

const MINUTE: i64 = 60_000;

/// Walks over the minutes of a calendar.
pub(crate) struct Model<'c>(pub(crate) &'c Calendar);

impl Model<'_> {
    fn openings(&self, date: Date) -> &[Opening] {
        let yearly = HolidayDate::Yearly {
            month: date.month(),
            day: date.day(),
        };
        let different = [HolidayDate::Once(date), yearly]
            .into_iter()
            .find_map(|date| self.0.holidays.get(&date));
        different.map_or(self.0.hours.on(date.weekday()), |holiday| &holiday.hours)
    }

    /// Whether the calendar is open in the minute that begins at `minute`.
    fn is_open(&self, minute: i64) -> bool {
        let shown = Timestamp::from_millisecond(minute * MINUTE)
            .unwrap()
            .to_zoned_datetime(self.0.zone().clone());
        let (date, of_day) = (
            shown.date(),
            shown.hour() as u16 * 60 + shown.minute() as u16,
        );
        let covers = |date: Date, at: u16| {
            self.openings(date)
                .iter()
                .any(|one| (one.from..one.to).contains(&at))
        };
        covers(date, of_day) || covers(date.yesterday().unwrap(), of_day + 24 * 60)
    }

    /// The moment at which this much open time has passed.
    pub(crate) fn after(&self, start: Time, millis: i64) -> Time {
        let (mut now, mut left) = (start.0, millis);
        while left > 0 {
            let minute = now.div_euclid(MINUTE);
            let until = (minute + 1) * MINUTE;
            let step = if self.is_open(minute) {
                left.min(until - now)
            } else {
                0
            };
            left -= step;
            now = if left == 0 { now + step } else { until };
        }
        Time(now)
    }

    /// The open time between two moments.
    pub(crate) fn between(&self, start: Time, end: Time) -> i64 {
        let (mut now, mut open) = (start.0, 0);
        while now < end.0 {
            let minute = now.div_euclid(MINUTE);
            let until = ((minute + 1) * MINUTE).min(end.0);
            open += if self.is_open(minute) { until - now } else { 0 };
            now = until;
        }
        open
    }

    /// The same time of day some days later.
    pub(crate) fn days_after(&self, start: Time, days: i32) -> Time {
        let here = Timestamp::from_millisecond(start.0)
            .unwrap()
            .to_zoned_datetime(self.0.zone().clone());
        let there = here
            .datetime()
            .checked_add(jiff::Span::new().days(days))
            .unwrap();
        Time(
            there
                .to_zoned_datetime(self.0.zone().clone())
                .unwrap()
                .timestamp()
                .as_millisecond(),
        )
    }
}
