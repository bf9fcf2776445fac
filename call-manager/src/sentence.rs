//! Sentences of the servers with times in them: the browser shows these in the zone of the viewer.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// How the servers write a time in a sentence.
const FORM: &str = "%Y-%m-%d %H:%M:%S";
const ZONE: &str = " UTC";
/// Bytes of such a time without its zone.
const TIME_BYTES: usize = 19;

/// A part of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'s> {
    Text(&'s str),
    /// As `<time datetime>` has it, and as the server wrote it.
    Time(String, &'s str),
}

/// The parts of a sentence.
pub(crate) fn parts(sentence: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest, mut searched) = (Vec::new(), sentence, 0);
    while let Some(found) = rest[searched..].find(ZONE) {
        let (at, end) = (searched + found, searched + found + ZONE.len());
        let begin = at.checked_sub(TIME_BYTES);
        let time = begin.and_then(|begin| Some((begin, instant(rest.get(begin..at)?)?)));
        let Some((begin, datetime)) = time else {
            searched = end;
            continue;
        };
        parts.push(Part::Text(&rest[..begin]));
        parts.push(Part::Time(datetime, &rest[begin..end]));
        (rest, searched) = (&rest[end..], 0);
    }
    parts.push(Part::Text(rest));
    parts.retain(|part| *part != Part::Text(""));
    parts
}

fn instant(text: &str) -> Option<String> {
    let civil = DateTime::strptime(FORM, text).ok()?;
    let instant = TimeZone::UTC.to_timestamp(civil).ok()?;
    Some(instant.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_sentences_are_found() {
        let sentence = "It is due in 4 h (at 2026-11-29 08:53:39 UTC).";
        let time = Part::Time("2026-11-29T08:53:39Z".to_owned(), "2026-11-29 08:53:39 UTC");
        assert_eq!(
            parts(sentence),
            [Part::Text("It is due in 4 h (at "), time, Part::Text(").")]
        );
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "Nobody holds it.",
            "All is in UTC",
            " UTC",
            "Grüße aus München, jetzt UTC und noch einmal UTC",
            "at 2026-13-29 08:53:39 UTC",
        ] {
            assert_eq!(parts(text), [Part::Text(text)]);
        }
        assert_eq!(parts(""), []);
    }
}
