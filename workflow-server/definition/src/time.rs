//! Moments and spans, as the engine counts them: whole milliseconds of wall-clock time.
//!
//! Must not read a clock: moments come in as arguments.

use std::fmt;

use jiff::tz::TimeZone;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// Later than every moment: means "no due time" where an order needs one.
    pub const NEVER: Self = Self(i64::MAX);

    /// Whether a value may be this moment: of the years 1 to 9899, so that it can be shown, and
    /// what is counted from it too.
    #[must_use]
    pub fn is_value(self) -> bool {
        (-62_135_596_800_000..250_246_627_200_000).contains(&self.0)
    }

    /// The moment `span` after this one; stays at the largest moment instead of overflowing.
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

/// By whose clock a moment is shown to people.
#[derive(Clone, Debug)]
pub struct WallClock {
    zone: TimeZone,
    /// Whether the zone is named: it is not that of the caller.
    is_named: bool,
}

impl WallClock {
    /// The clock where the caller is. Its zone is not named.
    #[must_use]
    pub fn of_caller(zone: TimeZone) -> Self {
        Self {
            zone,
            is_named: false,
        }
    }

    /// Any other clock, whose zone is named with each time.
    #[must_use]
    pub fn named(zone: TimeZone) -> Self {
        Self {
            zone,
            is_named: true,
        }
    }

    /// The moment in a text: `Thu 2026-12-24 09:00`, or `Thu 2026-12-24 09:00 Europe/Berlin`.
    #[must_use]
    pub fn show(&self, moment: Time) -> String {
        self.show_as("%a %Y-%m-%d %H:%M", moment)
    }

    /// The moment to the second: `2026-12-24 09:00:00 Europe/Berlin`.
    #[must_use]
    pub fn show_seconds(&self, moment: Time) -> String {
        self.show_as("%Y-%m-%d %H:%M:%S", moment)
    }

    /// The same with milliseconds where it has any, so that it differs from every other moment.
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

/// A duration in words, rounded to what is worth reading: `45 s`, `9 min 30 s`, `3 h 59 min`, `4
/// h`, `2 d 4 h`.
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

/// The unit in which a span is written.
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
    /// The letters it is written with.
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
            // A working day counts as one where there is no calendar to ask.
            Self::Days | Self::WorkingDays => 86_400_000,
        }
    }
}

/// A length of time as an author wrote it, such as `90s`, `15m`, `4h` or `3d`; kept as written, so
/// that it is exported so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// How many, at least 1.
    pub amount: u32,
    /// Of which unit.
    pub unit: SpanUnit,
}

impl Span {
    /// Its length in milliseconds.
    #[must_use]
    pub fn millis(self) -> i64 {
        i64::from(self.amount).saturating_mul(self.unit.millis())
    }
}

/// How far a moment is from now, such as `now`, `90d` or `-1d`: a bound of a time field. Its days
/// have 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offset {
    /// How many: negative for the past, 0 for now itself.
    pub amount: i32,
    /// Of which unit; never working days.
    pub unit: SpanUnit,
}

impl Offset {
    /// Now itself.
    pub const NOW: Self = Self {
        amount: 0,
        unit: SpanUnit::Seconds,
    };

    /// Its length in milliseconds, negative for the past.
    #[must_use]
    pub fn millis(self) -> i64 {
        i64::from(self.amount).saturating_mul(self.unit.millis())
    }

    /// The moment that is meant, at `now`.
    #[must_use]
    pub fn at(self, now: Time) -> Time {
        Time(now.0.saturating_add(self.millis()))
    }

    /// For a sentence: `now`, `90 d from now`, `1 d ago`.
    #[must_use]
    pub fn words(self) -> String {
        // Exact, unlike a duration that is shown: two bounds that differ have different words.
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

/// As a definition file has it.
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
