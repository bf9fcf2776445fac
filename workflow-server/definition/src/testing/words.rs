//! The words of arbitrary definitions: names, labels, texts, durations and fields.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::expression::Expression;
use crate::time::{Offset, Span, SpanUnit, Time};
use crate::value::{FieldDeclaration, FieldType, Value};
use crate::{limits, rules};

/// The teams that arbitrary definitions name.
pub const TEAMS: [&str; 3] = ["billing", "payments", "care"];

/// The calendar that arbitrary definitions name.
pub const CALENDAR: &str = "office";

/// Texts that YAML readers and writers often misread.
const TRICKY: [&str; 34] = [
    "Yes",
    "no",
    "1",
    "0x1F",
    "1e3",
    "-1",
    ".5",
    "~",
    "null",
    "true",
    "- a",
    "a: b",
    "a:",
    "x #y",
    "# c",
    "{x}",
    "[y",
    "'",
    "\"",
    "it's \"so\"",
    "!tag",
    "*a",
    "&a",
    "%d",
    "@x",
    "`q`",
    "---",
    "...",
    "|",
    ">-",
    "?",
    "<<",
    "  both ends  ",
    "a\\n\u{a0}b\u{2028}c",
];
/// Texts of several lines that YAML readers and writers often misread.
const TRICKY_LINES: [&str; 8] = [
    "two\nlines",
    "ends\n",
    "ends twice\n\n",
    "\nstarts",
    "  indented\nthen not",
    "\ttab\n\t\ttabs",
    "a long line of many words that no writer can leave on one line without thinking of folding it somewhere about here\n and more",
    "a long line without an end of line, of many words that a writer may want to fold  with two spaces here, and on it goes",
];

/// Names, ids and outcomes.
pub fn names() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9-]{0,14}"
}

/// Labels and titles.
pub fn labels() -> impl Strategy<Value = String> {
    let words = prop_oneof![3 => "[A-Z][a-z]{1,8}( [a-z]{1,8}){0,2}", 2 => "\\PC{1,24}", 2 => select(TRICKY.to_vec()).prop_map(str::to_owned)];
    words.prop_filter("a label", |text| rules::label("", text).is_ok())
}

/// Texts of one or several lines, without places to fill in.
pub(super) fn texts() -> impl Strategy<Value = String> {
    let lines = vec("[ -~éü\t]{0,50}", 1..4).prop_map(|lines| lines.join("\n"));
    let words = prop_oneof![2 => labels(), 1 => lines, 2 => select(TRICKY_LINES.to_vec()).prop_map(str::to_owned)];
    words.prop_filter("a text", |text| {
        rules::text("", text, limits::TEXT_BYTES_MAX / 4).is_ok()
            && !["{{", "{%", "{#"].iter().any(|open| text.contains(open))
    })
}

/// Durations within the limits.
pub fn spans() -> impl Strategy<Value = Span> {
    let units = select(vec![
        SpanUnit::Seconds,
        SpanUnit::Minutes,
        SpanUnit::Hours,
        SpanUnit::Days,
    ]);
    (1..=limits::SPAN_DAYS_MAX, units).prop_map(|(amount, unit)| Span { amount, unit })
}

/// Declared fields, each name once. Some have everything that can be declared.
pub(super) fn fields() -> impl Strategy<Value = Vec<FieldDeclaration>> {
    let types = select(vec![
        FieldType::Text,
        FieldType::Number,
        FieldType::Bool,
        FieldType::Time,
    ]);
    let label = prop_oneof![2 => Just(String::new()), 1 => labels()];
    vec(
        (
            "[a-zA-Z_][a-zA-Z0-9_]{0,8}",
            types,
            any::<bool>(),
            label,
            any::<u8>(),
        ),
        0..4,
    )
    .prop_map(|fields| {
        let numbered = fields.into_iter().enumerate();
        let declared = |(place, (name, field_type, required, label, more))| {
            let name = format!("{name}_{place}");
            bounded(
                FieldDeclaration {
                    name,
                    field_type,
                    required,
                    label,
                    sensitive: more & 16 != 0,
                    ..FieldDeclaration::default()
                },
                more,
            )
        };
        numbered.map(declared).collect()
    })
}

/// Adds bounds, values and a default. Each bit of `more` chooses one of them.
fn bounded(mut field: FieldDeclaration, more: u8) -> FieldDeclaration {
    let sample = |number: f64| match field.field_type {
        FieldType::Text => Value::Text(["Yes", "1.50", "a b"][number as usize % 3].into()),
        FieldType::Number => Value::Number(number + 0.25),
        FieldType::Bool => Value::Bool(number > 1.0),
        FieldType::Time => Value::Time(Time(1_000 * number as i64)),
    };
    let (one, two) = (sample(1.0), sample(2.0));
    if more & 1 != 0 && matches!(field.field_type, FieldType::Text | FieldType::Number) {
        (field.min, field.max) = (Some(0.5), Some(4_096.0));
    }
    if more & 1 != 0 && field.field_type == FieldType::Time {
        let days = |amount| match amount {
            0 => Some(Offset::NOW),
            _ => Some(Offset {
                amount,
                unit: SpanUnit::Days,
            }),
        };
        (field.earliest, field.latest) = (
            days(i32::from(more >> 3) - 8),
            if more & 8 != 0 { days(90) } else { None },
        );
        return field;
    }
    if more & 2 != 0 {
        field.values = vec![one.clone(), two];
    }
    if more & 4 != 0 {
        field.default = Some(one);
    }
    field
}

/// Conditions that are true, that are false, and that cannot be evaluated. They use no field.
pub(super) fn conditions() -> impl Strategy<Value = Expression> {
    let known = select(vec![
        "visit < 2",
        "call.chargeable",
        "1 == 2",
        "call.details['no'] == 'such'",
        "!call.ended",
    ]);
    known.prop_map(|source| Expression::parse(source).expect("a condition"))
}

/// The word, or the word with the first unused number. The result is then used.
pub(super) fn unique(word: &str, taken: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{word}-{number}"));
    let free = std::iter::once(word.to_owned())
        .chain(numbered)
        .find(|word| !taken.contains(word));
    let free = free.unwrap_or_else(|| word.to_owned());
    taken.insert(free.clone());
    free
}
