//! The hours of an ordinary week.

use std::fmt;

use jiff::civil::Weekday;

/// Minutes of a day.
pub(super) const DAY_MINUTES: u16 = 24 * 60;

/// The days of the week as files write them, Monday first.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A time in which a calendar is open. It may end on the next day, but belongs to the day on which
/// it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opening {
    /// The minute of the day at which it begins: 0 to 1,439.
    pub from: u16,
    /// The minute at which it ends, counted from the start of the day on which it begins. On the
    /// next day it is above 1,440.
    pub to: u16,
}

impl Opening {
    /// Reads `09:00-17:30`; `22:00-06:00` ends on the next day, and `24:00` is the end of the day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute(from.trim())?, minute(to.trim())?);
        let to = if to <= from { to + DAY_MINUTES } else { to };
        (from < DAY_MINUTES).then_some(Self { from, to })
    }

    /// Whether it begins within a day, ends after its start, and lasts at most a day.
    #[must_use]
    pub fn is_sound(self) -> bool {
        self.from < DAY_MINUTES && self.from < self.to && self.to - self.from <= DAY_MINUTES
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = if self.to > DAY_MINUTES {
            self.to - DAY_MINUTES
        } else {
            self.to
        };
        write!(
            out,
            "{:02}:{:02}-{:02}:{:02}",
            self.from / 60,
            self.from % 60,
            to / 60,
            to % 60
        )
    }
}

/// Reads a minute of the day such as `09:00`. `24:00` is the end of the day.
pub(super) fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| {
        text.len() <= 2 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(hour) || !digits(minute) || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= DAY_MINUTES).then_some(all)
}

/// The hours of each day of the week, Monday first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeekHours(pub [Vec<Opening>; 7]);

impl WeekHours {
    /// The openings that begin on this day, in order.
    #[must_use]
    pub fn on(&self, day: Weekday) -> &[Opening] {
        &self.0[day.to_monday_zero_offset() as usize]
    }

    /// The index of the first day whose openings overlap others; Monday is 0.
    #[must_use]
    pub fn overlapping_day(&self) -> Option<usize> {
        (0..7).find(|day| {
            let openings = &self.0[*day];
            let next = self.0[(day + 1) % 7].first();
            let within = openings.windows(2).any(|pair| pair[0].to > pair[1].from);
            within
                || openings
                    .last()
                    .zip(next)
                    .is_some_and(|(last, next)| last.to > next.from + DAY_MINUTES)
        })
    }

    /// Whether the calendar is never open in an ordinary week.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }
}
