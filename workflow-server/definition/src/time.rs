//! Moments and durations in whole milliseconds of wall-clock time.
//!
//! Must not read a clock: moments are arguments.

use std::fmt;

use jiff::tz::TimeZone;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// Later than every moment. Means "no due time" in an order.
    pub const NEVER: Self = Self(i64::MAX);

    /// Whether a field may have this moment: the years 1 to 9899. So it can be shown, and so can
    /// times that count from it.
    #[must_use]
    pub fn is_value(self) -> bool {
        (-62_135_596_800_000..250_246_627_200_000).contains(&self.0)
    }

    /// The moment `span` after this one. Stops at the largest moment instead of overflowing.
    #[must_use]
    pub fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.millis()))
    }
}

/// Whether there is a time zone with this IANA name.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    jiff::tz::TimeZone::get(name).is_ok()
}

/// The clock by which a text shows moments to people.
#[derive(Clone, Debug)]
pub struct WallClock {
    zone: TimeZone,
    /// Whether the zone is shown. It is not shown if it is the caller's.
    is_named: bool,
}

impl WallClock {
    /// The clock of the caller. Its zone is not shown.
    #[must_use]
    pub fn of_caller(zone: TimeZone) -> Self {
        Self {
            zone,
            is_named: false,
        }
    }

    /// Any other clock. Its zone is shown with each time.
    #[must_use]
    pub fn named(zone: TimeZone) -> Self {
        Self {
            zone,
            is_named: true,
        }
    }

    /// The moment for a text: `Thu 2026-12-24 09:00`, or `Thu 2026-12-24 09:00 Europe/Berlin`.
    #[must_use]
    pub fn show(&self, moment: Time) -> String {
        self.show_as("%a %Y-%m-%d %H:%M", moment)
    }

    /// The moment to the second: `2026-12-24 09:00:00 Europe/Berlin`.
    #[must_use]
    pub fn show_seconds(&self, moment: Time) -> String {
        self.show_as("%Y-%m-%d %H:%M:%S", moment)
    }

    /// The moment to the second, and to the millisecond if it has any. Different moments look
    /// different.
    #[must_use]
    pub fn show_exactly(&self, moment: Time) -> String {
        self.show_as("%Y-%m-%d %H:%M:%S%.f", moment)
    }

    fn show_as(&self, format: &str, moment: Time) -> String {
        let Ok(at) = jiff::Timestamp::from_millisecond(moment.0) else {
            return format!("{} ms", moment.0);
        };
        let shown = at
            .to_zoned_datetime(self.zone.clone())
            .strftime(format)
            .to_string();
        match self.zone.iana_name().filter(|_| self.is_named) {
            Some(name) => format!("{shown} {name}"),
            None if self.is_named => format!("{shown} UTC"),
            None => shown,
        }
    }
}

/// A duration in words, rounded so that people can read it easily: `45 s`, `9 min 30 s`, `3 h 59
/// min`, `4 h`, `2 d 4 h`.
#[must_use]
pub fn duration_in_words(millis: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 3_600;
    const DAY: u64 = 86_400;
    let rounded = |unit: u64| (millis + unit * 500) / (unit * 1_000) * unit;
    let parts = |seconds: u64, (first, name): (u64, &str), (second, rest): (u64, &str)| {
        let (whole, left) = (seconds / first, seconds % first / second);
        if left == 0 {
            format!("{whole} {name}")
        } else {
            format!("{whole} {name} {left} {rest}")
        }
    };
    let seconds = match rounded(1) {
        seconds if seconds < 10 * MINUTE => seconds,
        _ => rounded(MINUTE),
    };
    match if seconds < DAY {
        seconds
    } else {
        rounded(HOUR).max(DAY)
    } {
        seconds if seconds < MINUTE => format!("{seconds} s"),
        seconds if seconds < HOUR => parts(seconds, (MINUTE, "min"), (1, "s")),
        seconds if seconds < DAY => parts(seconds, (HOUR, "h"), (MINUTE, "min")),
        seconds => parts(seconds, (DAY, "d"), (HOUR, "h")),
    }
}

/// The unit of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpanUnit {
    /// Seconds, written `s`.
    Seconds,
    /// Minutes, written `m`.
    Minutes,
    /// Hours, written `h`.
    Hours,
    /// Days of 24 hours, or of the calendar's time zone, written `d`.
    Days,
    /// Working days of a calendar, written `wd`.
    WorkingDays,
}

impl SpanUnit {
    /// The letters for the unit.
    #[must_use]
    pub fn letters(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Minutes => "m",
            Self::Hours => "h",
            Self::Days => "d",
            Self::WorkingDays => "wd",
        }
    }

    fn millis(self) -> i64 {
        match self {
            Self::Seconds => 1_000,
            Self::Minutes => 60_000,
            Self::Hours => 3_600_000,
            // Without a calendar, a working day counts as a day.
            Self::Days | Self::WorkingDays => 86_400_000,
        }
    }
}

/// A duration as the author wrote it, such as `90s`, `15m`, `4h` or `3d`. It keeps its unit, so
/// that an export shows what the author wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The number of units, at least 1.
    pub amount: u32,
    /// The unit.
    pub unit: SpanUnit,
}

impl Span {
    /// The length in milliseconds.
    #[must_use]
    pub fn millis(self) -> i64 {
        i64::from(self.amount).saturating_mul(self.unit.millis())
    }
}

/// The distance of a moment from now, such as `now`, `90d` or `-1d`. It is a bound of a time field.
/// Its days have 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offset {
    /// The number of units: negative for the past, 0 for now.
    pub amount: i32,
    /// The unit; never working days.
    pub unit: SpanUnit,
}

impl Offset {
    /// The present moment.
    pub const NOW: Self = Self {
        amount: 0,
        unit: SpanUnit::Seconds,
    };

    /// The length in milliseconds; negative for the past.
    #[must_use]
    pub fn millis(self) -> i64 {
        i64::from(self.amount).saturating_mul(self.unit.millis())
    }

    /// The moment that the offset means at `now`.
    #[must_use]
    pub fn at(self, now: Time) -> Time {
        Time(now.0.saturating_add(self.millis()))
    }

    /// The offset in a sentence: `now`, `90 d from now`, `1 d ago`.
    #[must_use]
    pub fn words(self) -> String {
        // These words are exact, unlike a shown duration. Two bounds that differ have different
        // words.
        let unit = if self.unit == SpanUnit::Minutes {
            "min"
        } else {
            self.unit.letters()
        };
        let amount = self.amount.unsigned_abs();
        match self.amount {
            0 => "now".to_owned(),
            1.. => format!("{amount} {unit} from now"),
            _ => format!("{amount} {unit} ago"),
        }
    }
}

/// The form of definition files.
impl fmt::Display for Offset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount {
            0 => out.write_str("now"),
            amount => write!(out, "{amount}{}", self.unit.letters()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.amount, self.unit.letters())
    }
}
