//! Filling a template in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, ObjectRepr, Rest, Value as JinjaValue, ValueKind};
use minijinja::{Environment, Error, Output, State, UndefinedBehavior, filters};

use super::{GAP, NAME, Part, Program, Template};
use crate::facts::{CALL_FLAGS, CALL_TEXTS, Facts};
use crate::time::Time;
use crate::value::{Value, whole};

/// The filters that texts have.
pub(super) const FILTERS: [&str; 9] = [
    "default",
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "round",
    "length",
    "zone",
];

/// Steps of the machine for one text: far more than a page of text takes.
const FUEL: u64 = 20_000;

/// What a template came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The text.
    pub text: String,
    /// The places that show as gaps; empty unless the text has one. An empty name stands for a
    /// text that could not be worked out to its end.
    pub missing: Vec<String>,
}

impl Template {
    /// Fills it in, to at most `bytes_max` bytes.
    #[must_use]
    pub fn fill_in(&self, bytes_max: usize, facts: &Facts<'_>) -> Filled {
        let without_value = || {
            self.places
                .iter()
                .filter(|place| of_place(place, facts).is_none())
        };
        let (mut text, missing) = match &self.program {
            Program::Plain(parts) => {
                let (text, has_gap) = plain(parts, facts);
                (
                    text,
                    if has_gap {
                        without_value().cloned().collect()
                    } else {
                        Vec::new()
                    },
                )
            }
            Program::Machine(environment) => {
                let (text, has_gap, ended) = by_machine(environment, facts);
                let missing = has_gap.then(|| {
                    shown_as_gaps(environment, facts, &without_value().collect::<Vec<_>>())
                });
                let mut missing = missing.unwrap_or_default();
                if !ended && missing.is_empty() {
                    missing.push(String::new());
                }
                (self.with_times_by_the_clock(text, facts), missing)
            }
        };
        if text.len() > bytes_max {
            text.truncate(text.floor_char_boundary(bytes_max));
        }
        Filled { text, missing }
    }

    /// The text with its times by the clock of people. Conditions and filters work with UTC, so
    /// that times compare with each other and with what an author wrote: only what is left of them
    /// in the finished text is for people.
    fn with_times_by_the_clock(&self, text: String, facts: &Facts<'_>) -> String {
        let times = self
            .places
            .iter()
            .filter_map(|place| time_of_place(place, facts));
        times.fold(text, |text, moment| {
            let written = Value::Time(moment).to_string();
            if text.contains(&written) {
                text.replace(&written, &facts.clock().show(moment))
            } else {
                text
            }
        })
    }
}

/// The time that a place has, where it is one.
fn time_of_place(place: &str, facts: &Facts<'_>) -> Option<Time> {
    let value = match place.split_once('.') {
        Some(("fields", name)) => facts.fields().find(|(field, _)| *field == name)?.1,
        Some(("form", name)) => &facts.form.iter().find(|(field, _)| **field == *name)?.1,
        None if place == "now" => return Some(facts.now),
        _ => return None,
    };
    if let Value::Time(moment) = value {
        Some(*moment)
    } else {
        None
    }
}

fn plain(parts: &[Part], facts: &Facts<'_>) -> (String, bool) {
    let (mut text, mut has_gap) = (String::new(), false);
    for part in parts {
        match part {
            Part::Text(piece) => text.push_str(piece),
            Part::Place(place) => match of_place(place, facts) {
                Some(shown) => text.push_str(&shown),
                None => {
                    has_gap = true;
                    text.push_str(GAP);
                }
            },
        }
    }
    (text, has_gap)
}

/// What a place shows; nothing for a gap.
fn of_place(place: &str, facts: &Facts<'_>) -> Option<String> {
    if let Some(moment) = time_of_place(place, facts) {
        return Some(facts.clock().show(moment));
    }
    let shown = match place.split_once('.') {
        Some(("fields", name)) => facts
            .fields()
            .find(|(field, _)| *field == name)?
            .1
            .to_string(),
        Some(("form", name)) => facts
            .form
            .iter()
            .find(|(field, _)| **field == *name)?
            .1
            .to_string(),
        Some(("call", name)) => match flag_of_call(name, facts) {
            Some(flag) => Value::Bool(flag).to_string(),
            None => facts.call.text(name).to_owned(),
        },
        _ if place == "visit" => facts.visit.to_string(),
        _ => return None,
    };
    (!shown.is_empty()).then_some(shown)
}

fn flag_of_call(name: &str, facts: &Facts<'_>) -> Option<bool> {
    match CALL_FLAGS.iter().position(|flag| *flag == name)? {
        0 => Some(facts.call.is_chargeable),
        _ => Some(facts.call.has_ended),
    }
}

/// An environment with this one template and nothing that a text may not use.
pub(super) fn environment(name: &'static str, source: &str) -> Result<Environment<'static>, Error> {
    let mut environment = SANDBOX.clone();
    environment.add_template_owned(name, source.to_owned())?;
    Ok(environment)
}

/// What every text may use; made once, because a workflow has many texts.
static SANDBOX: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_fuel(Some(FUEL));
    // What went wrong while a text was filled in is a gap in it, and nobody reads more of it.
    environment.set_debug(false);
    environment.set_formatter(show);
    environment.add_filter("default", default);
    environment.add_filter("upper", |value: &JinjaValue| {
        on_text(value, str::to_uppercase)
    });
    environment.add_filter("lower", |value: &JinjaValue| {
        on_text(value, str::to_lowercase)
    });
    environment.add_filter("title", |value: &JinjaValue| {
        on_text(value, |text| filters::title(text.into()))
    });
    environment.add_filter("capitalize", |value: &JinjaValue| {
        on_text(value, capitalize)
    });
    environment.add_filter("trim", |value: &JinjaValue| {
        on_text(value, |text| text.trim().to_owned())
    });
    environment.add_filter("length", |value: &JinjaValue| match value.as_str() {
        Some(text) => JinjaValue::from(text.chars().count()),
        None => value.clone(),
    });
    environment.add_filter("round", round);
    environment.add_filter("zone", zone);
    environment.add_test("defined", |value: &JinjaValue| !is_gap(value));
    environment.add_test("undefined", is_gap);
    environment
});

/// What is no text stays as it is, a gap too.
fn on_text(value: &JinjaValue, change: impl Fn(&str) -> String) -> JinjaValue {
    value
        .as_str()
        .map_or_else(|| value.clone(), |text| JinjaValue::from(change(text)))
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// With so many digits after the point; none without a number.
fn round(value: &JinjaValue, digits: Option<usize>) -> JinjaValue {
    const DIGITS_MAX: usize = 9;
    let digits = digits.unwrap_or(0).min(DIGITS_MAX);
    match f64::try_from(value.clone()) {
        Ok(number) if value.kind() == ValueKind::Number => {
            JinjaValue::from(format!("{number:.digits$}"))
        }
        _ => value.clone(),
    }
}

/// A time by the clock of a zone: `Tue 2026-11-24 14:02`.
fn zone(value: &JinjaValue, name: &str) -> JinjaValue {
    let moment: Option<jiff::Timestamp> = value.as_str().and_then(|text| text.parse().ok());
    let local = moment.zip(jiff::tz::TimeZone::get(name).ok());
    let shown = local.map(|(moment, zone)| {
        moment
            .to_zoned_datetime(zone)
            .strftime("%a %Y-%m-%d %H:%M")
            .to_string()
    });
    shown.map_or_else(|| value.clone(), JinjaValue::from)
}

/// Stands for a gap until the text is whole: no value can have it, because no text may hold control
/// characters.
const GAP_MARK: char = '\u{1}';
/// Stands after the number of a gap that is told apart.
const GAP_MARK_END: char = '\u{2}';

fn show(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &JinjaValue) -> Result<(), Error> {
    let written = match value.kind() {
        ValueKind::Undefined | ValueKind::None => out.write_char(GAP_MARK),
        ValueKind::Bool => out.write_str(if value.is_true() { "yes" } else { "no" }),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) => write!(out, "{number}"),
            Err(_) => write!(out, "{value}"),
        },
        _ => write!(out, "{value}"),
    };
    written.map_err(Error::from)
}

/// The text, whether it has a gap, and whether it was worked out to its end.
fn by_machine(environment: &Environment<'static>, facts: &Facts<'_>) -> (String, bool, bool) {
    let (mut text, ended) = render(environment, facts, &[]);
    // What cannot be worked out to its end is shown as far as it came.
    if !ended {
        text.push(GAP_MARK);
    }
    let has_gap = text.contains(GAP_MARK);
    (
        if has_gap {
            text.replace(GAP_MARK, GAP)
        } else {
            text
        },
        has_gap,
        ended,
    )
}

/// Which of the places without a value a text with gaps shows: those that stand in for one with
/// `default`, or in a part that is not there, it does not. Where that cannot be told, all of them.
fn shown_as_gaps(
    environment: &Environment<'static>,
    facts: &Facts<'_>,
    without_value: &[&String],
) -> Vec<String> {
    let all = || without_value.iter().map(|place| (*place).clone()).collect();
    let (text, ended) = render(environment, facts, without_value);
    if !ended {
        return all();
    }
    let marks = text
        .split(GAP_MARK)
        .skip(1)
        .filter_map(|rest| rest.split_once(GAP_MARK_END)?.0.parse().ok());
    let shown: BTreeSet<usize> = marks.collect();
    if shown.is_empty() {
        return all();
    }
    shown
        .into_iter()
        .filter_map(|at| without_value.get(at))
        .map(|place| (*place).clone())
        .collect()
}

/// The text with marks for gaps, and whether it was worked out to its end. The gaps that are given
/// are told apart.
fn render(
    environment: &Environment<'static>,
    facts: &Facts<'_>,
    gaps: &[&String],
) -> (String, bool) {
    let mut written = Vec::new();
    let context = context(facts, gaps);
    let rendered = environment
        .get_template(NAME)
        .and_then(|text| text.render_captured_to(context, &mut written).map(drop));
    (
        String::from_utf8_lossy(&written).into_owned(),
        rendered.is_ok(),
    )
}

/// What stands in for a value that is not there, to see where it shows: false, and as the filters
/// leave what is no text.
#[derive(Debug)]
struct NamedGap(usize);

impl Object for NamedGap {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{GAP_MARK}{}{GAP_MARK_END}", self.0)
    }
}

fn is_gap(value: &JinjaValue) -> bool {
    value.is_undefined() || value.downcast_object_ref::<NamedGap>().is_some()
}

fn default(
    state: &State<'_, '_>,
    value: &JinjaValue,
    others: Rest<JinjaValue>,
) -> Result<JinjaValue, Error> {
    filters::default(
        state,
        if is_gap(value) {
            &JinjaValue::UNDEFINED
        } else {
            value
        },
        others,
    )
}

/// What a machine looks names up in.
type Names = BTreeMap<String, JinjaValue>;

fn context(facts: &Facts<'_>, gaps: &[&String]) -> JinjaValue {
    let mut fields: Names = facts
        .fields()
        .map(|(name, value)| (name.to_owned(), jinja(value)))
        .collect();
    let mut form: Names = facts
        .form
        .iter()
        .map(|(name, value)| (name.to_string(), jinja(value)))
        .collect();
    let (mut call, mut caller) = (Names::new(), Names::new());
    for name in CALL_TEXTS {
        let value = facts.call.text(name);
        if value.is_empty() {
            continue;
        }
        match name.strip_prefix("caller.") {
            Some(name) => caller.insert(name.to_owned(), JinjaValue::from(value)),
            None => call.insert(name.to_owned(), JinjaValue::from(value)),
        };
    }
    let flags = CALL_FLAGS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), flag_of_call(name, facts)?.into())));
    call.extend(flags);
    for (at, place) in gaps.iter().enumerate() {
        let gap = JinjaValue::from_object(NamedGap(at));
        match place.split_once('.') {
            Some(("fields", name)) => fields.insert(name.to_owned(), gap),
            Some(("form", name)) => form.insert(name.to_owned(), gap),
            Some(("call", name)) => match name.strip_prefix("caller.") {
                Some(name) => caller.insert(name.to_owned(), gap),
                None => call.insert(name.to_owned(), gap),
            },
            _ => None,
        };
    }
    call.insert("caller".to_owned(), JinjaValue::from_object(caller));
    JinjaValue::from_object(Names::from([
        ("fields".to_owned(), JinjaValue::from_object(fields)),
        ("form".to_owned(), JinjaValue::from_object(form)),
        ("call".to_owned(), JinjaValue::from_object(call)),
        ("visit".to_owned(), JinjaValue::from(facts.visit)),
        ("now".to_owned(), jinja(&Value::Time(facts.now))),
    ]))
}

fn jinja(value: &Value) -> JinjaValue {
    match value {
        Value::Text(text) if text.is_empty() => JinjaValue::UNDEFINED,
        Value::Text(text) => JinjaValue::from(&**text),
        // Whole numbers are put together with texts as they show: `72 EUR`, not `72.0 EUR`.
        Value::Number(number) => {
            whole(*number).map_or_else(|| JinjaValue::from(*number), JinjaValue::from)
        }
        Value::Bool(flag) => JinjaValue::from(*flag),
        Value::Time(_) => JinjaValue::from(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::CallFacts;
    use crate::value::{FieldDeclaration, FieldType};

    fn filled(source: &str) -> (String, String) {
        let filled = all_of(source);
        (filled.text, filled.missing.join(", "))
    }

    fn all_of(source: &str) -> Filled {
        let field = |name: &str, field_type| FieldDeclaration {
            name: name.into(),
            field_type,
            ..FieldDeclaration::default()
        };
        let declared = [
            field("here", FieldType::Text),
            field("gone", FieldType::Text),
            field("lost", FieldType::Number),
            field("no", FieldType::Bool),
            field("none", FieldType::Number),
            field("half", FieldType::Number),
        ];
        let values = [
            (0, Value::Text("H".into())),
            (3, Value::Bool(false)),
            (4, Value::Number(0.0)),
            (5, Value::Number(1.5)),
        ];
        let call = CallFacts {
            source: "s",
            id: "1",
            ..CallFacts::default()
        };
        let facts = Facts {
            declared: &declared,
            values: &values,
            form: &[],
            call,
            visit: 1,
            now: Time(0),
            zone: "UTC",
        };
        Template::parse(source)
            .expect("a text")
            .fill_in(4_096, &facts)
    }

    #[test]
    fn the_gaps_that_show_are_named_and_no_others() {
        for (source, text, missing) in [
            ("{{ fields.here }}{{ fields.gone }}", "H[?]", "fields.gone"),
            ("{{ fields.gone | default('-') }}", "-", ""),
            (
                "{{ fields.gone | default('-') }} {{ fields.lost }}",
                "- [?]",
                "fields.lost",
            ),
            (
                "{{ fields.gone | upper | default('-') }} {{ fields.lost | round(2) }}",
                "- [?]",
                "fields.lost",
            ),
            (
                "{% if fields.no %}{{ fields.gone }}{% else %}{{ call.customer }}{% endif %}",
                "[?]",
                "call.customer",
            ),
            (
                "{% if fields.gone %}yes{% else %}{{ call.caller.name | title }}{% endif %}",
                "[?]",
                "call.caller.name",
            ),
            (
                "{% if fields.gone is defined %}a{% endif %}{{ fields.lost | default(fields.gone) }}",
                "[?]",
                "fields.gone",
            ),
            ("{{ fields.gone or fields.lost }}", "[?]", "fields.lost"),
            (
                "{{ fields.here if fields.no }}{{ fields.here | lower }}",
                "[?]h",
                "",
            ),
            (
                "{{ fields.lost + 1 }}{{ fields.gone }}",
                "[?]",
                "fields.lost, fields.gone",
            ),
            (
                "Each {{ 100 // fields.none }} of {{ fields.here }}",
                "Each [?]",
                "",
            ),
            (
                "{{ fields.none ~ ' EUR' }} {{ fields.half ~ '!' }} {{ fields.none + fields.half }}",
                "0 EUR 1.5! 1.5",
                "",
            ),
        ] {
            assert_eq!(
                filled(source),
                (text.to_owned(), missing.to_owned()),
                "{source}"
            );
        }
        assert_eq!(
            all_of("{{ 100 // fields.none }}").missing,
            [""],
            "that it broke off is told"
        );
        assert_eq!(
            all_of("{{ fields.none ~ '' }}").missing,
            Vec::<String>::new()
        );
    }
}
