//! The texts of a form, and the values that they are.

use std::collections::{BTreeMap, HashMap};

use aftercall_proto::workflow::v1::Value;
use aftercall_proto::workflow::v1::value::Kind;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Unit};
use prost_types::{Duration, Timestamp};

use crate::trouble::Trouble;

/// The texts of a form, by the names of its fields.
#[derive(Debug)]
pub(crate) struct Texts(pub(crate) HashMap<String, String>);

impl Texts {
    /// The text of a field; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// The number of a field that the page has filled in; 0 where it is empty.
    pub(crate) fn number(&self, name: &str) -> Result<u32, Trouble> {
        match self.get(name).as_str() {
            "" => Ok(0),
            text => text.parse().map_err(|_| invalid(name, text)),
        }
    }
}

/// The refusal of a text that its field cannot have.
pub(crate) fn invalid(name: &str, text: &str) -> Trouble {
    Trouble::Form(format!("{name}: {text:?}"))
}

/// The values of a button's form. The names of its fields are `form.TYPE.NAME`.
///
/// # Errors
/// [`Trouble::Form`] names the first text that is no value of its type.
pub(crate) fn values(texts: &Texts) -> Result<BTreeMap<String, Value>, Trouble> {
    let zone = texts.get("time_zone");
    let mut values = BTreeMap::new();
    for (field, text) in &texts.0 {
        let typed = field.strip_prefix("form.");
        let Some((kind, name)) = typed.and_then(|typed| typed.split_once('.')) else {
            continue;
        };
        // A field that is left empty is not given.
        if text.is_empty() {
            continue;
        }
        let kind = match kind {
            "number" => text.parse().ok().map(Kind::Number),
            "bool" => text.parse().ok().map(Kind::Flag),
            "time" => local(text, &zone).map(Kind::Time),
            _ => Some(Kind::Text(text.clone())),
        };
        let kind = kind.ok_or_else(|| invalid(name, text))?;
        values.insert(name.to_owned(), Value { kind: Some(kind) });
    }
    Ok(values)
}

/// The time in a field, in the zone that the page has shown beside it; `None` where it is empty.
///
/// # Errors
/// [`Trouble::Form`] if it is no time.
pub(crate) fn moment(texts: &Texts, name: &str) -> Result<Option<Timestamp>, Trouble> {
    match texts.get(name).as_str() {
        "" => Ok(None),
        text => {
            let moment = local(text, &texts.get("time_zone"));
            moment.map(Some).ok_or_else(|| invalid(name, text))
        }
    }
}

/// A local time in a zone; `None` if one of them is none.
pub(crate) fn local(text: &str, zone: &str) -> Option<Timestamp> {
    let local: DateTime = text.parse().ok()?;
    let zone = TimeZone::get(zone).ok()?;
    let moment = zone.to_timestamp(local).ok()?;
    Some(Timestamp {
        seconds: moment.as_second(),
        nanos: moment.subsec_nanosecond(),
    })
}

/// A duration such as `4h` or `1d 30m`; a day has 24 hours.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let span: Span = text.trim().parse().ok()?;
    let days = SpanRelativeTo::days_are_24_hours();
    let seconds = span.total((Unit::Second, days)).ok()?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a fraction does not matter"
    )]
    let seconds = seconds as i64;
    (seconds >= 0).then_some(Duration { seconds, nanos: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Texts(pairs.iter().map(owned).collect())
    }

    #[test]
    fn texts_become_values_of_their_types() {
        let values = values(&texts(&[
            ("form.number.amount", "72.5"),
            ("form.bool.paid", "true"),
            ("form.text.why", "yes"),
            ("form.text.empty", ""),
            ("form.time.back", "2026-07-01T09:30"),
            ("time_zone", "Europe/Berlin"),
            ("note", "hello"),
        ]))
        .expect("values");
        assert_eq!(values.len(), 4, "{values:?}");
        assert_eq!(values["amount"].kind, Some(Kind::Number(72.5)));
        assert_eq!(values["paid"].kind, Some(Kind::Flag(true)));
        let Some(Kind::Time(back)) = &values["back"].kind else {
            panic!("{values:?}");
        };
        assert_eq!(back.to_string(), "2026-07-01T07:30:00Z");
    }

    #[test]
    fn a_text_of_another_type_is_refused() {
        for (name, text) in [
            ("form.number.amount", "many"),
            ("form.bool.paid", "maybe"),
            ("form.time.back", "tomorrow"),
        ] {
            let refused = values(&texts(&[(name, text), ("time_zone", "UTC")]));
            assert!(matches!(refused, Err(Trouble::Form(_))), "{name}");
        }
        assert!(texts(&[("visit", "x")]).number("visit").is_err());
    }
}
