//! Days with other hours than the ordinary week: holidays, half days, and single open days.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;

use super::hours::Opening;

/// The date of a holiday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolidayDate {
    /// Only this date.
    Once(Date),
    /// This day of every year.
    Yearly {
        /// The month, from 1.
        month: i8,
        /// The day of the month, from 1.
        day: i8,
    },
}

/// A leap year, so that 29 February is a valid date.
const LEAP_YEAR: i16 = 2024;
/// Enough years for a date to be on every day of the week, before and after leap days.
const YEARS: std::ops::Range<i16> = LEAP_YEAR..LEAP_YEAR + 28;

impl HolidayDate {
    /// Reads `2026-12-25`, or `12-25` for every year.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_written_out = |text: &str, length: usize| {
            text.len() == length
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'-')
        };
        if is_written_out(text, 10) {
            return text.parse().ok().map(Self::Once);
        }
        let date: Date =
            is_written_out(text, 5).then(|| format!("{LEAP_YEAR}-{text}").parse().ok())??;
        Some(Self::Yearly {
            month: date.month(),
            day: date.day(),
        })
    }

    /// The dates. For a yearly one, enough years to cover all days of the week and leap years.
    pub(super) fn dates(self) -> Vec<Date> {
        match self {
            Self::Once(date) => vec![date],
            Self::Yearly { month, day } => YEARS
                .filter_map(|year| Date::new(year, month, day).ok())
                .collect(),
        }
    }
}

impl fmt::Display for HolidayDate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once(date) => write!(out, "{date}"),
            Self::Yearly { month, day } => write!(out, "{month:02}-{day:02}"),
        }
    }
}

/// A day with other hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holiday {
    /// The title for people; may be empty.
    pub title: String,
    /// The openings that begin on this day instead of those of the week; empty if it is closed.
    pub hours: Vec<Opening>,
}

impl Holiday {
    /// A day on which no hours begin.
    #[must_use]
    pub fn closed(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            hours: Vec::new(),
        }
    }
}

/// The holidays of a calendar, by date.
pub type Holidays = BTreeMap<HolidayDate, Holiday>;
