//! Values of fields and forms, and the names of calls, as they are written on the command line.
//!
//! Promise: values take the types that the workflow or the button declares, and all errors are
//! reported at once. Must not: guess a type, or send what is not declared.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{CallRef, FieldDeclaration, FieldType, StageMapping, Value};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use prost_types::Timestamp as ProtoTime;

use crate::errors::Failure;
use crate::time;

/// Reads `NAME=VALUE`.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not of the form NAME=VALUE")),
    }
}

/// Reads `SOURCE/ID`: the script engine that knows the call, and the call's id there.
pub(crate) fn parse_call(text: &str) -> Result<CallRef, String> {
    match text.split_once('/') {
        Some((source, id)) if !source.is_empty() && !id.is_empty() => Ok(CallRef {
            source: source.to_owned(),
            id: id.to_owned(),
        }),
        _ => Err(format!(
            "`{text}` does not name a call; write SOURCE/ID, such as scripts/1001"
        )),
    }
}

/// Reads `FROM=TO`: a stage that is gone, and the stage to use instead.
pub(crate) fn parse_mapping(text: &str) -> Result<(u32, u32), String> {
    let pair = text
        .split_once('=')
        .and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    pair.ok_or_else(|| format!("`{text}` is not of the form FROM=TO, such as 2=5"))
}

/// The same, as requests have it.
pub(crate) fn mappings(stages: &[(u32, u32)]) -> Vec<StageMapping> {
    stages
        .iter()
        .map(|(from, to)| StageMapping {
            from_stage: *from,
            to_stage: *to,
        })
        .collect()
}

/// A call's name as it is written on the command line.
pub(crate) fn call_name(call: Option<&CallRef>) -> String {
    call.map(|call| format!("{}/{}", call.source, call.id))
        .unwrap_or_default()
}

/// Converts each value to its declared type. A time without a zone is in `zone`. `of` names the
/// workflow or button in errors.
pub(crate) fn typed(
    pairs: &[(String, String)],
    declared: &[FieldDeclaration],
    (of, zone): (&str, &TimeZone),
) -> Result<BTreeMap<String, Value>, Failure> {
    let mut values = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, text) in pairs {
        let Some(declaration) = declared
            .iter()
            .find(|declaration| declaration.name == *name)
        else {
            faults.push(format!("{of} has no field {name}; {}", listed(declared)));
            continue;
        };
        match typed_value(text, declaration.r#type(), zone) {
            Ok(kind) => {
                if values
                    .insert(name.clone(), Value { kind: Some(kind) })
                    .is_some()
                {
                    faults.push(format!("{name} is given twice"));
                }
            }
            Err(fault) => faults.push(format!("{name}: {fault}")),
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(Failure::usage(faults.join("\n")))
    }
}

fn typed_value(text: &str, wanted: FieldType, zone: &TimeZone) -> Result<Kind, String> {
    match wanted {
        FieldType::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Kind::Number(number)),
            _ => Err(format!("`{text}` is not a number")),
        },
        FieldType::Bool => match text {
            "yes" | "true" => Ok(Kind::Flag(true)),
            "no" | "false" => Ok(Kind::Flag(false)),
            _ => Err(format!("`{text}` is not yes or no")),
        },
        FieldType::Time => time::parse_moment_in(text, zone).map(Kind::Time),
        FieldType::Text | FieldType::Unspecified => Ok(Kind::Text(text.to_owned())),
    }
}

/// The zone with this IANA name.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Failure> {
    TimeZone::get(name).map_err(|_| {
        Failure::usage(format!(
            "{name} is not a time zone; write it as Europe/Berlin."
        ))
    })
}

/// The values that are times, by name.
pub(crate) fn times(values: &BTreeMap<String, Value>) -> impl Iterator<Item = (String, ProtoTime)> {
    values.iter().filter_map(|(name, value)| match value.kind {
        Some(Kind::Time(time)) => Some((name.clone(), time)),
        _ => None,
    })
}

/// What a time that was given became, which may have been typed without a zone: by the clock of
/// `zone`, and how far it is from now.
pub(crate) fn echo(name: &str, at: &ProtoTime, zone: &str, now: Timestamp) -> String {
    format!(
        "{name}: {} ({})",
        time::in_zone(Some(at), zone),
        time::relative(Some(at), now)
    )
}

/// What may be given, in words.
pub(crate) fn listed(declared: &[FieldDeclaration]) -> String {
    if declared.is_empty() {
        return "it takes none".to_owned();
    }
    let fields: Vec<_> = declared.iter().map(described).collect();
    format!("it takes {}", fields.join(", "))
}

/// A declared field in words, such as `amount (number, required)`.
pub(crate) fn described(field: &FieldDeclaration) -> String {
    let mut words = vec![type_word(field.r#type()).to_owned()];
    if field.required && field.default.is_none() {
        words.push("required".to_owned());
    }
    if !field.values.is_empty() {
        words.push(format!(
            "one of {}",
            field
                .values
                .iter()
                .map(shown)
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    words.extend(field.min.map(|min| format!("at least {min}")));
    words.extend(field.max.map(|max| format!("at most {max}")));
    words.extend(
        field
            .min_from_now
            .map(|bound| format!("not before {}", from_now(&bound))),
    );
    words.extend(
        field
            .max_from_now
            .map(|bound| format!("not after {}", from_now(&bound))),
    );
    words.extend(
        field
            .default
            .as_ref()
            .map(|default| format!("else {}", shown(default))),
    );
    format!("{} ({})", field.name, words.join(", "))
}

/// A bound that counts from now, in words: `now`, `90 d from now`, `1 d ago`.
fn from_now(bound: &prost_types::Duration) -> String {
    let distance = time::span(bound.seconds.unsigned_abs());
    match bound.seconds {
        0 => "now".to_owned(),
        1.. => format!("{distance} from now"),
        _ => format!("{distance} ago"),
    }
}

/// A time within the bounds of a field; `usual` where that is within them. A minute is left for the
/// request to arrive.
pub(crate) fn time_within(field: &FieldDeclaration, now: Timestamp, usual: Timestamp) -> Timestamp {
    const MARGIN: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
    let at = |bound: &prost_types::Duration| {
        now.checked_add(jiff::SignedDuration::from_secs(bound.seconds))
            .ok()
    };
    let (from, to) = (
        field.min_from_now.as_ref().and_then(at),
        field.max_from_now.as_ref().and_then(at),
    );
    let from = from.and_then(|from| from.checked_add(MARGIN).ok());
    let latest = to.map_or(usual, |to| usual.min(to));
    from.map_or(latest, |from| latest.max(from))
}

fn type_word(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Number => "number",
        FieldType::Bool => "yes or no",
        FieldType::Time => "time",
        FieldType::Text | FieldType::Unspecified => "text",
    }
}

/// A value for people.
pub(crate) fn shown(value: &Value) -> String {
    match &value.kind {
        Some(Kind::Text(text)) => text.clone(),
        Some(Kind::Number(number)) => number.to_string(),
        Some(Kind::Flag(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
        Some(Kind::Time(time)) => time::local(Some(time)),
        None => String::new(),
    }
}

/// A value beside others: one of several words is quoted.
fn beside_others(value: &Value) -> String {
    let shown = shown(value);
    let is_plain =
        !shown.is_empty() && !shown.contains(|c: char| c.is_whitespace() || c == '"' || c == '=');
    if is_plain {
        shown
    } else {
        format!("\"{}\"", shown.replace('"', "'"))
    }
}

/// Values by name, such as `amount=120 reason="Sent twice"`.
pub(crate) fn shown_all(values: &BTreeMap<String, Value>) -> String {
    let mut pairs: Vec<_> = values
        .iter()
        .map(|(name, value)| format!("{name}={}", beside_others(value)))
        .collect();
    pairs.sort();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_times_keep_the_bounds_of_their_field() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let bound = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        for (from, to, usual, expected) in [
            (None, None, -7_200, -7_200),
            (None, bound(-86_400), -7_200, -86_400),
            (bound(0), None, -7_200, 60),
            (bound(0), bound(86_400), 7_200, 7_200),
        ] {
            let time = declared("at", FieldType::Time);
            let field = FieldDeclaration {
                min_from_now: from,
                max_from_now: to,
                ..time
            };
            assert_eq!(
                time_within(&field, now, at(usual)),
                at(expected),
                "{}",
                described(&field)
            );
        }
        let time = declared("at", FieldType::Time);
        let field = FieldDeclaration {
            min_from_now: bound(0),
            max_from_now: bound(7_776_000),
            ..time
        };
        assert_eq!(
            described(&field),
            "at (time, required, not before now, not after 90 d from now)"
        );
    }

    fn declared(name: &str, field_type: FieldType) -> FieldDeclaration {
        FieldDeclaration {
            name: name.to_owned(),
            r#type: field_type.into(),
            required: true,
            ..Default::default()
        }
    }

    #[test]
    fn values_take_the_declared_types() {
        let fields = [
            declared("amount", FieldType::Number),
            declared("urgent", FieldType::Bool),
        ];
        let pairs = [
            ("amount".to_owned(), "120.5".to_owned()),
            ("urgent".to_owned(), "yes".to_owned()),
        ];
        let values = typed(&pairs, &fields, ("refund", &TimeZone::UTC)).unwrap();
        assert_eq!(values["amount"].kind, Some(Kind::Number(120.5)));
        assert_eq!(values["urgent"].kind, Some(Kind::Flag(true)));
        assert_eq!(shown_all(&values), "amount=120.5 urgent=yes");
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let fields = [declared("amount", FieldType::Number)];
        let pairs = [
            ("amount".to_owned(), "much".to_owned()),
            ("colour".to_owned(), "red".to_owned()),
        ];
        let failure = typed(&pairs, &fields, ("refund", &TimeZone::UTC)).unwrap_err();
        assert_eq!(
            failure.sentence(),
            "amount: `much` is not a number\nrefund has no field colour; it takes amount (number, required)"
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        assert!(typed_value("inf", FieldType::Number, &TimeZone::UTC).is_err());
        assert!(typed_value("NaN", FieldType::Number, &TimeZone::UTC).is_err());
    }

    #[test]
    fn pairs_and_calls_split_at_the_first_sign() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parse_pair("=b").is_err());
        let call = parse_call("scripts/10/01").unwrap();
        assert_eq!(
            (call.source.as_str(), call.id.as_str()),
            ("scripts", "10/01")
        );
        assert_eq!(call_name(Some(&call)), "scripts/10/01");
        assert!(parse_call("1001").is_err());
    }
}
