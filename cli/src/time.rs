//! Times and spans as people write and read them.
//!
//! Promise: times are shown in the terminal's time zone, which is named beside them, durations
//! rounded to at most two units. Must not: read a clock; what is relative is relative to a time
//! that the caller passes, which is the server's.

use std::time::Duration;

use aftercall_definition::time::duration_in_words;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SpanRelativeTo, Timestamp};
use prost_types::Timestamp as ProtoTime;

/// The moment of a proto timestamp; none where it is absent or outside what a calendar can show.
pub(crate) fn moment(time: Option<&ProtoTime>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

/// A moment as a proto timestamp.
pub(crate) fn proto(moment: Timestamp) -> ProtoTime {
    ProtoTime {
        seconds: moment.as_second(),
        nanos: moment.subsec_nanosecond(),
    }
}

/// Date and time in the terminal's time zone with its distance from UTC, as `--from` and the like
/// read it; empty where absent.
pub(crate) fn local(time: Option<&ProtoTime>) -> String {
    shown(time, "%Y-%m-%d %H:%M:%S%:z")
}

/// Date and time by the clock of a zone, which is named where it is not the terminal's; empty where
/// absent.
pub(crate) fn in_zone(time: Option<&ProtoTime>, zone: &str) -> String {
    let here = TimeZone::system();
    match TimeZone::get(zone) {
        Ok(there) if there.iana_name() != here.iana_name() => {
            moment(time).map_or_else(String::new, |moment| {
                format!(
                    "{} {zone}",
                    moment
                        .to_zoned_datetime(there)
                        .strftime("%Y-%m-%d %H:%M:%S")
                )
            })
        }
        _ => local(time),
    }
}

/// Whether a written time names its zone or distance from UTC.
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
    let wrong = || {
        format!("`{text}` is not a time; write it as `2026-11-24 09:00`, or 2026-11-24T09:00:00Z")
    };
    zoned
        .map(|zoned| proto(zoned.timestamp()))
        .ok_or_else(wrong)
}

/// The terminal's time zone in words, for lines that show only the time of day.
pub(crate) fn zone() -> String {
    let zone = TimeZone::system();
    // The terminal's own zone, as its own machine has it: no server decides by this.
    let distance = Timestamp::now()
        .to_zoned_datetime(zone.clone())
        .strftime("UTC%:z")
        .to_string();
    zone.iana_name()
        .map_or(distance.clone(), |name| format!("{name} ({distance})"))
}

/// The time of day in the terminal's time zone; empty where absent.
pub(crate) fn clock(time: Option<&ProtoTime>) -> String {
    shown(time, "%H:%M:%S")
}

fn shown(time: Option<&ProtoTime>, format: &str) -> String {
    moment(time)
        .map(|moment| {
            moment
                .to_zoned_datetime(TimeZone::system())
                .strftime(format)
                .to_string()
        })
        .unwrap_or_default()
}

/// How far a time is from now, such as `in 3 h 10 min` or `2 d 4 h ago`; empty where absent.
pub(crate) fn relative(time: Option<&ProtoTime>, now: Timestamp) -> String {
    let Some(moment) = moment(time) else {
        return String::new();
    };
    let millis = moment.duration_since(now).as_millis();
    let distance = duration_in_words(u64::try_from(millis.unsigned_abs()).unwrap_or(u64::MAX));
    match millis {
        -499..=499 => "now".to_owned(),
        500.. => format!("in {distance}"),
        _ => format!("{distance} ago"),
    }
}

/// A duration in words, as the server writes them.
pub(crate) fn span(seconds: u64) -> String {
    duration_in_words(seconds.saturating_mul(1_000))
}

/// Reads a span such as `90s`, `15m`, `2h`, `1h30m`, `3d`. A day has 24 hours.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a span of time; write it as 90s, 15m, 2h, 1h30m or 3d");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let signed = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

/// Reads a moment: RFC 3339 (`2026-11-24T09:00:00Z`), or `2026-11-24 09:00` in the terminal's time
/// zone.
pub(crate) fn parse_moment(text: &str) -> Result<ProtoTime, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(proto(moment));
    }
    let zoned = text
        .parse::<DateTime>()
        .ok()
        .and_then(|civil| civil.to_zoned_datetime(TimeZone::system()).ok());
    let wrong = || {
        format!("`{text}` is not a time; write it as 2026-11-24T09:00:00Z or `2026-11-24 09:00`")
    };
    zoned
        .map(|zoned| proto(zoned.timestamp()))
        .ok_or_else(wrong)
}

/// The moment that is so far from `now`, which is the server's.
pub(crate) fn from_now(now: Timestamp, span: Duration) -> ProtoTime {
    proto(now.checked_add(span).unwrap_or(Timestamp::MAX))
}

/// The moment that is so long before `now`, which is the server's.
pub(crate) fn ago(now: Timestamp, span: Duration) -> ProtoTime {
    proto(now.checked_sub(span).unwrap_or(Timestamp::MIN))
}

/// A span as proto; longer ones than proto can hold become the longest.
pub(crate) fn proto_span(span: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(span).unwrap_or(prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    })
}

/// A proto span; negative ones count as none.
pub(crate) fn std_span(span: Option<&prost_types::Duration>) -> Duration {
    span.and_then(|span| Duration::try_from(*span).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_in_at_most_two_units() {
        let shown: Vec<_> = [0, 59, 60, 3_600, 11_400, 86_400, 187_200, 31_536_000]
            .map(span)
            .into();
        assert_eq!(
            shown,
            [
                "0 s",
                "59 s",
                "1 min",
                "1 h",
                "3 h 10 min",
                "1 d",
                "2 d 4 h",
                "365 d"
            ]
        );
    }

    #[test]
    fn times_are_relative_to_the_given_now() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = |offset: i64| {
            Some(ProtoTime {
                seconds: 1_000_000 + offset,
                nanos: 0,
            })
        };
        assert_eq!(relative(at(11_400).as_ref(), now), "in 3 h 10 min");
        assert_eq!(relative(at(-60).as_ref(), now), "1 min ago");
        assert_eq!(relative(at(0).as_ref(), now), "now");
        assert_eq!(relative(None, now), "");
    }

    #[test]
    fn durations_are_read_as_in_workflow_files() {
        assert_eq!(parse_span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_span("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_span("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_span("3d"), Ok(Duration::from_secs(259_200)));
        for wrong in ["", "2", "-2h", "two hours", "5wd"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        assert_eq!(
            parse_moment("1970-01-01T00:01:00Z"),
            Ok(ProtoTime {
                seconds: 60,
                nanos: 0
            })
        );
        assert!(parse_moment("2026-11-24 09:00").is_ok());
        assert!(parse_moment("tomorrow").is_err());
        let shown = Some(ProtoTime {
            seconds: 1_795_510_800,
            nanos: 0,
        });
        assert_eq!(
            Ok(shown),
            parse_moment(&local(shown.as_ref())).map(Some),
            "what is shown can be typed"
        );
    }
}
