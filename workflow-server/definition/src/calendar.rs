//! Business calendars: when a team works, by the clock of its time zone. Spans of work, dues,
//! deadlines and escalation count in them.
//!
//! Promises: counting never fails and always ends; where a calendar is closed for over 400 days the
//! clock on the wall counts from its last opening on, so that nothing is due at once.
//!
//! Must not do the arithmetic of time zones and summer time: a library does.

mod counting;
mod days;
mod faults;
mod holidays;
mod hours;
mod series;
mod spans;
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
    /// Its name, unique in a server.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The IANA name of its time zone.
    pub time_zone: String,
    /// When it is open in an ordinary week.
    pub hours: WeekHours,
    /// The days on which it has other hours, or none.
    pub holidays: Holidays,
    /// Counts its changes, from 1.
    pub revision: u64,
    zone: TimeZone,
}

/// There is no time zone with this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone: give its IANA name, such as Europe/Berlin")]
pub struct NoSuchZone(pub String);

impl Calendar {
    /// Puts a calendar together; its revision is 0.
    ///
    /// # Errors
    /// [`NoSuchZone`] where the zone is not known.
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

    /// Whether it says the same, whatever its revision.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
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

    /// Its time zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether work begins on this date.
    #[must_use]
    pub fn is_working_day(&self, date: Date) -> bool {
        !self.openings_of(date).is_empty()
    }

    /// The hours that begin on this date.
    fn openings_of(&self, date: Date) -> &[Opening] {
        self.holiday(date)
            .map_or_else(|| self.hours.of(date.weekday()), |holiday| &holiday.hours)
    }
}
