//! Other spellings of opening hours and days, converted to the spelling of calendar files.

use super::hours::{Opening, WEEKDAYS};

/// The characters that people use instead of the hyphen.
const DASHES: [char; 7] = [
    '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}', '~',
];

/// The opening that a text with another spelling means, such as `9-17`, `9am-5pm` or `0900-1700`,
/// or with another dash.
#[must_use]
pub fn meant_opening(text: &str) -> Option<Opening> {
    let text = text
        .to_lowercase()
        .replace(DASHES, "-")
        .replace(" to ", "-");
    let (from, to) = text.split_once('-')?;
    Opening::parse(&format!("{}-{}", time(from)?, time(to)?))
}

/// Converts a time of day to the form `09:00`.
fn time(text: &str) -> Option<String> {
    let text = text
        .trim()
        .trim_end_matches("uhr")
        .trim_end_matches('h')
        .trim();
    let (digits, half) = match text
        .strip_suffix("am")
        .or_else(|| text.strip_suffix("a.m."))
    {
        Some(digits) => (digits, Some(0)),
        None => match text
            .strip_suffix("pm")
            .or_else(|| text.strip_suffix("p.m."))
        {
            Some(digits) => (digits, Some(12)),
            None => (text, None),
        },
    };
    let digits = digits.trim().replace(['.', 'h'], ":");
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) => (hour, minute),
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits.as_str(), "00"),
    };
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    (hour <= 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
}

/// The days that a text with another spelling means, such as `Monday-Friday`, `Mo` or `Mon, Tue`.
#[must_use]
pub fn meant_days(text: &str) -> Option<String> {
    let text = text.replace(DASHES, "-").replace([';', '/', '&', ' '], ",");
    let parts = text.split(',').filter(|part| !part.is_empty());
    let parts: Option<Vec<String>> = parts
        .map(|part| {
            let days: Option<Vec<&str>> = part.split('-').map(|word| day(word.trim())).collect();
            days.filter(|days| days.len() <= 2)
                .map(|days| days.join("-"))
        })
        .collect();
    parts
        .filter(|parts| !parts.is_empty())
        .map(|parts| parts.join(","))
}

/// A day, by its English name or the first letters of it.
fn day(word: &str) -> Option<&'static str> {
    const NAMES: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let word = word.to_lowercase();
    let word = word
        .strip_suffix('s')
        .filter(|word| word.ends_with("day"))
        .unwrap_or(&word);
    let is_meant = |name: &&str| {
        word.len() >= 2
            && (name.starts_with(word) || (word.len() > 3 && word.starts_with(&name[..3])))
    };
    NAMES.iter().position(is_meant).map(|place| WEEKDAYS[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_other_spellings_are_understood() {
        for text in [
            "9-17",
            "9am-5pm",
            "9 AM - 5 PM",
            "0900-1700",
            "09:00\u{2013}17:00",
            "9.00-17.00",
            "9h-17h",
            "9:00 to 17:00",
            "9-17 Uhr",
        ] {
            assert_eq!(
                meant_opening(text).map(|one| one.to_string()).as_deref(),
                Some("09:00-17:00"),
                "{text}"
            );
        }
        assert_eq!(
            meant_opening("12am-12pm")
                .map(|one| one.to_string())
                .as_deref(),
            Some("00:00-12:00")
        );
        for text in ["closed", "9-", "25-26", "13pm-14pm", "9:75-10", ""] {
            assert_eq!(meant_opening(text), None, "{text}");
        }
    }

    #[test]
    fn days_of_other_spellings_are_understood() {
        for (text, meant) in [
            ("Monday-Friday", "mon-fri"),
            ("Mo", "mon"),
            ("Mon, Tue", "mon,tue"),
            ("Saturdays", "sat"),
            ("tues", "tue"),
            ("mon\u{2013}fri", "mon-fri"),
        ] {
            assert_eq!(meant_days(text).as_deref(), Some(meant), "{text}");
        }
        for text in ["", "m", "everyday", "mon-tue-wed", "holiday"] {
            assert_eq!(meant_days(text), None, "{text}");
        }
    }
}
