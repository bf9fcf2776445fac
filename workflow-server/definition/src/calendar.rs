//! Business calendars: when a team works, in its time zone. Due times, deadlines, timers and
//! escalation can count the time of a calendar.
//!
//! Promises: counting never fails and always ends. If a calendar is closed for more than 400 days,
//! ordinary time counts after its last opening, so that nothing is due immediately.
//!
//! Must not calculate with time zones and summer time itself: a library does.

mod counting;
mod days;
mod faults;
mod holidays;
mod hours;
mod series;
mod spans;
mod special_days;
mod spelling;

pub use holidays::{Holiday, HolidayDate, Holidays};
pub use hours::{Opening, WEEKDAYS, WeekHours};
use jiff::civil::Date;
use jiff::tz::TimeZone;
pub use spans::{Clock, ClockTime, NextDay};
pub use spelling::{meant_days, meant_opening};

/// A declared calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// The name, unique in a server.
    pub name: String,
    /// The title for people.
    pub title: String,
    /// The IANA name of the time zone.
    pub time_zone: String,
    /// The hours of an ordinary week.
    pub hours: WeekHours,
    /// The days with other hours, or without any.
    pub holidays: Holidays,
    /// The number of changes of the calendar, from 1.
    pub revision: u64,
    zone: TimeZone,
}

/// The time zone does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone: give its IANA name, such as Europe/Berlin")]
pub struct NoSuchZone(pub String);

impl Calendar {
    /// Creates a calendar with revision 0.
    ///
    /// # Errors
    /// [`NoSuchZone`] if the time zone is unknown.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        time_zone: impl Into<String>,
        hours: WeekHours,
        holidays: Holidays,
    ) -> Result<Self, NoSuchZone> {
        let time_zone = time_zone.into();
        let zone = TimeZone::get(&time_zone).map_err(|_| NoSuchZone(time_zone.clone()))?;
        Ok(Self {
            name: name.into(),
            title: title.into(),
            time_zone,
            hours,
            holidays,
            revision: 0,
            zone,
        })
    }

    /// Whether both have the same content; the revision is ignored.
    #[must_use]
    pub fn has_same_content(&self, other: &Self) -> bool {
        (
            &self.name,
            &self.title,
            &self.time_zone,
            &self.hours,
            &self.holidays,
        ) == (
            &other.name,
            &other.title,
            &other.time_zone,
            &other.hours,
            &other.holidays,
        )
    }

    /// The time zone of the calendar.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether an opening begins on this date.
    #[must_use]
    pub fn is_working_day(&self, date: Date) -> bool {
        !self.openings_of(date).is_empty()
    }

    /// The openings that begin on this date.
    fn openings_of(&self, date: Date) -> &[Opening] {
        self.holiday(date)
            .map_or_else(|| self.hours.on(date.weekday()), |holiday| &holiday.hours)
    }
}
