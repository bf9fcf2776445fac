//! Days that are different from an ordinary week: holidays, half days, and days that are open for
//! once.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;

use super::Calendar;
use super::hours::{DAY_MINUTES, Opening};

/// The date of a day that is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolidayDate {
    /// This date alone.
    Once(Date),
    /// This day of every year.
    Yearly {
        /// The month, from 1.
        month: i8,
        /// The day of the month, from 1.
        day: i8,
    },
}

/// A leap year: it has every day that a year can have.
const LEAP_YEAR: i16 = 2024;
/// As many years as it takes until a date has been on every day of the week, before and after leap
/// days.
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

    /// The dates that it may be, as far as days of the week and leap years go.
    fn dates(self) -> Vec<Date> {
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

/// A day that is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holiday {
    /// What people call it; may be empty.
    pub title: String,
    /// The hours that begin on it instead of those of the week; none where it is closed.
    pub hours: Vec<Opening>,
}

impl Holiday {
    /// A day on which nothing begins.
    #[must_use]
    pub fn closed(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            hours: Vec::new(),
        }
    }
}

/// The days of a calendar that are different.
pub type Holidays = BTreeMap<HolidayDate, Holiday>;

impl Calendar {
    /// What is different on a date. What is said of one date counts before what is said of every
    /// year.
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

    /// Whether the hours of a day that is different end before others begin, its own and those of
    /// the days beside it.
    pub(super) fn has_room(&self, holiday: HolidayDate) -> bool {
        let follows = |one: &[Opening], next: &[Opening]| {
            one.last()
                .zip(next.first())
                .is_none_or(|(last, first)| last.to <= first.from + DAY_MINUTES)
        };
        holiday
            .dates()
            .into_iter()
            .filter(|date| self.is_said_by(holiday, *date))
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

    /// Whether it is this one that says what is different on a date.
    fn is_said_by(&self, holiday: HolidayDate, date: Date) -> bool {
        matches!(holiday, HolidayDate::Once(_))
            || !self.holidays.contains_key(&HolidayDate::Once(date))
    }
}
