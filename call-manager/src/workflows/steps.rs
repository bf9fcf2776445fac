//! The steps of a try-out as lines of text, so that people can write, keep and send them.
//!
//! A line is `push BUTTON FIELD=VALUE … note:"TEXT"` or `wait 2h`. A value in quotes is text; other
//! values are numbers, `true` and `false`, times such as `2026-07-01T09:30:00Z`, or else text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aftercall_proto::workflow::v1::simulation_step::What;
use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{SimulatedPush, SimulationStep, Value};
use prost_types::Timestamp;

use crate::form::duration;

/// What is before the note of a push. No field has a colon in its name.
const NOTE: &str = "note:";

/// The steps of a text, or the number of the first line that is none.
pub(crate) fn parse(text: &str) -> Result<Vec<SimulationStep>, usize> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let steps = lines.map(|(at, line)| {
        let what = step(line).ok_or(at + 1)?;
        Ok(SimulationStep { what: Some(what) })
    });
    steps.collect()
}

fn step(line: &str) -> Option<What> {
    let (word, rest) = line.trim().split_once(char::is_whitespace)?;
    match word {
        "wait" => duration(rest).map(What::Wait),
        "push" => push(rest).map(What::Push),
        _ => None,
    }
}

fn push(text: &str) -> Option<SimulatedPush> {
    let text = text.trim();
    let (button, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let mut pushed = SimulatedPush {
        button_id: button.to_owned(),
        ..SimulatedPush::default()
    };
    rest = rest.trim_start();
    while !rest.is_empty() {
        if let Some(note) = rest.strip_prefix(NOTE) {
            let (note, after) = text_in_quotes(note)?;
            pushed.note = note;
            rest = after.trim_start();
            continue;
        }
        let (name, after) = rest.split_once('=')?;
        let (kind, after) = value(after)?;
        let value = Value { kind: Some(kind) };
        pushed.form.insert(name.trim().to_owned(), value);
        rest = after.trim_start();
    }
    Some(pushed)
}

/// A value, and what comes after it.
fn value(text: &str) -> Option<(Kind, &str)> {
    if text.starts_with('"') {
        let (read, rest) = text_in_quotes(text)?;
        return Some((Kind::Text(read), rest));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    Some((bare(word), rest))
}

/// A text as JSON writes it, and what comes after it.
fn text_in_quotes(text: &str) -> Option<(String, &str)> {
    let mut quoted = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let read = quoted.next()?.ok()?;
    Some((read, &text[quoted.byte_offset()..]))
}

/// A value without quotes.
fn bare(word: &str) -> Kind {
    if let Ok(flag) = word.parse() {
        return Kind::Flag(flag);
    }
    if let Some(number) = word.parse().ok().filter(|number: &f64| number.is_finite()) {
        return Kind::Number(number);
    }
    match word.parse::<jiff::Timestamp>() {
        Ok(time) => Kind::Time(Timestamp {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        }),
        Err(_) => Kind::Text(word.to_owned()),
    }
}

/// A push as a line.
pub(crate) fn push_line(button: &str, form: &BTreeMap<String, Value>, note: &str) -> String {
    let mut line = format!("push {button}");
    for (name, value) in form {
        if let Some(kind) = &value.kind {
            let _ = write!(line, " {name}={}", written(kind));
        }
    }
    if !note.is_empty() {
        let _ = write!(line, " {NOTE}{}", quoted(note));
    }
    line
}

/// A pause in seconds as a line.
pub(crate) fn wait_line(seconds: i64) -> String {
    format!("wait {seconds}s")
}

fn written(kind: &Kind) -> String {
    match kind {
        Kind::Text(text) => quoted(text),
        Kind::Number(number) => number.to_string(),
        Kind::Flag(flag) => flag.to_string(),
        Kind::Time(time) => time.to_string(),
    }
}

/// A text on one line, in quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use prost_types::Duration;

    use super::*;

    fn one(line: &str) -> What {
        let steps = parse(line).expect("a step");
        steps[0].what.clone().expect("a step does something")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let kinds = [
            ("amount", Kind::Number(72.5)),
            ("paid", Kind::Flag(true)),
            ("reference", Kind::Text("a \"b\" = 7\n<c>".to_owned())),
            (
                "back",
                Kind::Time(Timestamp {
                    seconds: 1_800_000_000,
                    nanos: 0,
                }),
            ),
        ];
        let value = |kind| Value { kind: Some(kind) };
        let form: BTreeMap<String, Value> = kinds
            .map(|(name, kind)| (name.to_owned(), value(kind)))
            .into();
        let line = push_line("paid-2", &form, "not \"now\"");
        assert_eq!(line.lines().count(), 1, "{line}");
        let What::Push(pushed) = one(&line) else {
            panic!("{line}");
        };
        assert_eq!(pushed.button_id, "paid-2");
        assert_eq!(pushed.form, form);
        assert_eq!(pushed.note, "not \"now\"");
    }

    #[test]
    fn durations_are_written_as_in_files() {
        for (text, seconds) in [("wait 2h", 7_200), ("wait 1d 30m", 88_200), ("wait 5s", 5)] {
            assert_eq!(
                one(text),
                What::Wait(Duration { seconds, nanos: 0 }),
                "{text}"
            );
        }
        assert_eq!(one(&wait_line(90)), one("wait 1m30s"));
    }

    #[test]
    fn the_first_line_that_is_no_step_is_named() {
        assert_eq!(parse("push a\n\nhold 2h"), Err(3));
        for line in ["push", "wait soon", "wait -2h", "push a b", "push a b=\"c"] {
            assert_eq!(parse(line), Err(1), "{line}");
        }
        assert_eq!(parse("\n"), Ok(Vec::new()));
    }
}
