//! Times and spans as people write and read them.
//!
//! Promise: times are shown in the terminal's time zone, which is named beside them, spans in at most two units. Must not: keep a clock of its own;
//! what is relative is relative to a time that the caller gives.

use std::time::Duration;

use jiff::{SpanRelativeTo, Timestamp, civil::DateTime, tz::TimeZone};
use prost_types::Timestamp as ProtoTime;

/// The moment of a proto timestamp; none where it is absent or outside what a calendar can show.
pub(crate) fn moment(time: Option<&ProtoTime>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

/// A moment as a proto timestamp.
pub(crate) fn proto(moment: Timestamp) -> ProtoTime {
    ProtoTime { seconds: moment.as_second(), nanos: moment.subsec_nanosecond() }
}

/// Date and time in the terminal's time zone with its distance from UTC, as `--from` and the like read it; empty where absent.
pub(crate) fn local(time: Option<&ProtoTime>) -> String {
    shown(time, "%Y-%m-%d %H:%M:%S%:z")
}

/// Date and time by the clock of a zone, which is named where it is not the terminal's; empty where absent.
pub(crate) fn in_zone(time: Option<&ProtoTime>, zone: &str) -> String {
    let here = TimeZone::system();
    match TimeZone::get(zone) {
        Ok(there) if there.iana_name() != here.iana_name() => moment(time).map_or_else(String::new, |moment| {
            format!("{} {zone}", moment.to_zoned_datetime(there).strftime("%Y-%m-%d %H:%M:%S"))
        }),
        _ => local(time),
    }
}

/// Whether a time says by itself which moment it is.
pub(crate) fn is_moment(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok()
}

/// Reads a moment: RFC 3339, or `2026-11-24 09:00` by the clock of a zone. A date alone is none.
pub(crate) fn parse_moment_in(text: &str, zone: &TimeZone) -> Result<ProtoTime, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(proto(moment));
    }
    let civil = text.parse::<DateTime>().ok().filter(|_| text.contains(':'));
    let zoned = civil.and_then(|civil| civil.to_zoned_datetime(zone.clone()).ok());
    let wrong = || format!("`{text}` is not a time; write it as `2026-11-24 09:00`, or 2026-11-24T09:00:00Z");
    zoned.map(|zoned| proto(zoned.timestamp())).ok_or_else(wrong)
}

/// The terminal's time zone in words, for lines that show only the time of day.
pub(crate) fn zone() -> String {
    let zone = TimeZone::system();
    let distance = Timestamp::now().to_zoned_datetime(zone.clone()).strftime("UTC%:z").to_string();
    zone.iana_name().map_or(distance.clone(), |name| format!("{name} ({distance})"))
}

/// The time of day in the terminal's time zone; empty where absent.
pub(crate) fn clock(time: Option<&ProtoTime>) -> String {
    shown(time, "%H:%M:%S")
}

fn shown(time: Option<&ProtoTime>, format: &str) -> String {
    moment(time)
        .map(|moment| moment.to_zoned_datetime(TimeZone::system()).strftime(format).to_string())
        .unwrap_or_default()
}

/// How far a time is from now, such as `in 3h 10m` or `2d 4h ago`; empty where absent.
pub(crate) fn relative(time: Option<&ProtoTime>, now: Timestamp) -> String {
    let Some(moment) = moment(time) else { return String::new() };
    let seconds = moment.duration_since(now).as_secs();
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {}", span(seconds.unsigned_abs())),
        _ => format!("{} ago", span(seconds.unsigned_abs())),
    }
}

/// A span in at most two units.
pub(crate) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let first = UNITS.iter().position(|(size, _)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let (size, unit) = UNITS[first];
    let rest = UNITS.get(first + 1).map(|(next, unit)| (seconds % size / next, unit));
    match rest {
        Some((count, next)) if count > 0 => format!("{}{unit} {count}{next}", seconds / size),
        _ => format!("{}{unit}", seconds / size),
    }
}

/// Reads a span such as `90s`, `15m`, `2h`, `1h30m`, `3d`. A day has 24 hours.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a span of time; write it as 90s, 15m, 2h, 1h30m or 3d");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

/// Reads a moment: RFC 3339 (`2026-11-24T09:00:00Z`), or `2026-11-24 09:00` in the terminal's time zone.
pub(crate) fn parse_moment(text: &str) -> Result<ProtoTime, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(proto(moment));
    }
    let zoned = text.parse::<DateTime>().ok().and_then(|civil| civil.to_zoned_datetime(TimeZone::system()).ok());
    let wrong = || format!("`{text}` is not a time; write it as 2026-11-24T09:00:00Z or `2026-11-24 09:00`");
    zoned.map(|zoned| proto(zoned.timestamp())).ok_or_else(wrong)
}

/// The moment that is so far from now.
pub(crate) fn from_now(span: Duration) -> ProtoTime {
    let now = Timestamp::now();
    proto(now.checked_add(span).unwrap_or(Timestamp::MAX))
}

/// The moment that is so long ago.
pub(crate) fn ago(span: Duration) -> ProtoTime {
    let now = Timestamp::now();
    proto(now.checked_sub(span).unwrap_or(Timestamp::MIN))
}

/// A span as proto; longer ones than proto can hold become the longest.
pub(crate) fn proto_span(span: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(span).unwrap_or(prost_types::Duration { seconds: i64::MAX, nanos: 0 })
}

/// A proto span; negative ones count as none.
pub(crate) fn std_span(span: Option<&prost_types::Duration>) -> Duration {
    span.and_then(|span| Duration::try_from(*span).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_shown_in_at_most_two_units() {
        let shown: Vec<_> = [0, 59, 60, 3_599, 3_600, 11_400, 86_400, 187_200, 31_536_000].map(span).into();
        assert_eq!(shown, ["0s", "59s", "1m", "59m 59s", "1h", "3h 10m", "1d", "2d 4h", "365d"]);
    }

    #[test]
    fn times_are_relative_to_the_given_now() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = |offset: i64| Some(ProtoTime { seconds: 1_000_000 + offset, nanos: 0 });
        assert_eq!(relative(at(11_400).as_ref(), now), "in 3h 10m");
        assert_eq!(relative(at(-60).as_ref(), now), "1m ago");
        assert_eq!(relative(at(0).as_ref(), now), "now");
        assert_eq!(relative(None, now), "");
    }

    #[test]
    fn spans_are_read_as_workflow_files_write_them() {
        assert_eq!(parse_span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_span("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_span("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_span("3d"), Ok(Duration::from_secs(259_200)));
        for wrong in ["", "2", "-2h", "two hours", "5wd"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_read_with_and_without_a_zone() {
        assert_eq!(parse_moment("1970-01-01T00:01:00Z"), Ok(ProtoTime { seconds: 60, nanos: 0 }));
        assert!(parse_moment("2026-11-24 09:00").is_ok());
        assert!(parse_moment("tomorrow").is_err());
        let shown = Some(ProtoTime { seconds: 1_795_510_800, nanos: 0 });
        assert_eq!(Ok(shown), parse_moment(&local(shown.as_ref())).map(Some), "what is shown can be typed");
    }
}
