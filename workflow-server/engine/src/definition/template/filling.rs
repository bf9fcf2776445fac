//! Filling a template in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use minijinja::value::{Value as JinjaValue, ValueKind};
use minijinja::{Environment, Error, Output, State, UndefinedBehavior, filters};

use super::{GAP, NAME, Part, Program, Template};
use crate::definition::facts::{CALL_FLAGS, CALL_TEXTS, Facts};
use crate::value::Value;

/// The filters that texts have.
pub(super) const FILTERS: [&str; 9] =
    ["default", "upper", "lower", "title", "capitalize", "trim", "round", "length", "zone"];

/// Steps of the machine for one text: far more than a page of text takes.
const FUEL: u64 = 20_000;

/// What a template came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The text.
    pub text: String,
    /// The places that had no value; empty unless the text has a gap.
    pub missing: Vec<String>,
}

impl Template {
    /// Fills it in, to at most `bytes_max` bytes.
    #[must_use]
    pub fn fill_in(&self, bytes_max: usize, facts: &Facts<'_>) -> Filled {
        let (mut text, has_gap) = match &self.program {
            Program::Plain(parts) => plain(parts, facts),
            Program::Machine(environment) => by_machine(environment, facts),
        };
        let is_missing = |place: &&String| of_place(place, facts).is_none();
        let missing = if has_gap { self.places.iter().filter(is_missing).cloned().collect() } else { Vec::new() };
        if text.len() > bytes_max {
            text.truncate(text.floor_char_boundary(bytes_max));
        }
        Filled { text, missing }
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
    let shown = match place.split_once('.') {
        Some(("fields", name)) => facts.fields().find(|(field, _)| *field == name)?.1.to_string(),
        Some(("form", name)) => facts.form.iter().find(|(field, _)| **field == *name)?.1.to_string(),
        Some(("call", name)) => match flag_of_call(name, facts) {
            Some(flag) => Value::Bool(flag).to_string(),
            None => facts.of_call(name).to_owned(),
        },
        _ if place == "visit" => facts.visit.to_string(),
        _ if place == "now" => Value::Time(facts.now).to_string(),
        _ => return None,
    };
    (!shown.is_empty()).then_some(shown)
}

fn flag_of_call(name: &str, facts: &Facts<'_>) -> Option<bool> {
    match CALL_FLAGS.iter().position(|flag| *flag == name)? {
        0 => Some(facts.call.chargeable),
        _ => Some(facts.call.ended_at.is_some()),
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
    environment.set_formatter(show);
    environment.add_filter("default", filters::default);
    environment.add_filter("upper", |value: &JinjaValue| on_text(value, str::to_uppercase));
    environment.add_filter("lower", |value: &JinjaValue| on_text(value, str::to_lowercase));
    environment.add_filter("title", |value: &JinjaValue| on_text(value, |text| filters::title(text.into())));
    environment.add_filter("capitalize", |value: &JinjaValue| on_text(value, capitalize));
    environment.add_filter("trim", |value: &JinjaValue| on_text(value, |text| text.trim().to_owned()));
    environment.add_filter("length", |value: &JinjaValue| match value.as_str() {
        Some(text) => JinjaValue::from(text.chars().count()),
        None => value.clone(),
    });
    environment.add_filter("round", round);
    environment.add_filter("zone", zone);
    environment.add_test("defined", |value: &JinjaValue| !value.is_undefined());
    environment.add_test("undefined", |value: &JinjaValue| value.is_undefined());
    environment
});

/// What is no text stays as it is, a gap too.
fn on_text(value: &JinjaValue, change: impl Fn(&str) -> String) -> JinjaValue {
    value.as_str().map_or_else(|| value.clone(), |text| JinjaValue::from(change(text)))
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// With so many digits after the point; none without a number.
fn round(value: &JinjaValue, digits: Option<usize>) -> JinjaValue {
    const DIGITS_MAX: usize = 9;
    let digits = digits.unwrap_or(0).min(DIGITS_MAX);
    match f64::try_from(value.clone()) {
        Ok(number) if value.kind() == ValueKind::Number => JinjaValue::from(format!("{number:.digits$}")),
        _ => value.clone(),
    }
}

/// A time by the clock of a zone: `Tue 2026-11-24 14:02`.
fn zone(value: &JinjaValue, name: &str) -> JinjaValue {
    let moment: Option<jiff::Timestamp> = value.as_str().and_then(|text| text.parse().ok());
    let local = moment.zip(jiff::tz::TimeZone::get(name).ok());
    let shown = local.map(|(moment, zone)| moment.to_zoned_datetime(zone).strftime("%a %Y-%m-%d %H:%M").to_string());
    shown.map_or_else(|| value.clone(), JinjaValue::from)
}

/// Stands for a gap until the text is whole: no value can have it, because no text may hold control characters.
const GAP_MARK: char = '\u{1}';

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

fn by_machine(environment: &Environment<'static>, facts: &Facts<'_>) -> (String, bool) {
    let mut written = Vec::new();
    let rendered =
        environment.get_template(NAME).and_then(|text| text.render_captured_to(context(facts), &mut written).map(drop));
    let mut text = String::from_utf8_lossy(&written).into_owned();
    // What cannot be worked out to its end is shown as far as it came.
    if rendered.is_err() {
        text.push(GAP_MARK);
    }
    let has_gap = text.contains(GAP_MARK);
    (if has_gap { text.replace(GAP_MARK, GAP) } else { text }, has_gap)
}

/// What a machine looks names up in.
type Names = BTreeMap<String, JinjaValue>;

fn context(facts: &Facts<'_>) -> JinjaValue {
    let fields: Names = facts.fields().map(|(name, value)| (name.to_owned(), jinja(value))).collect();
    let form: Names = facts.form.iter().map(|(name, value)| (name.to_string(), jinja(value))).collect();
    let (mut call, mut caller) = (Names::new(), Names::new());
    for name in CALL_TEXTS {
        let value = facts.of_call(name);
        if value.is_empty() {
            continue;
        }
        match name.strip_prefix("caller.") {
            Some(name) => caller.insert(name.to_owned(), JinjaValue::from(value)),
            None => call.insert(name.to_owned(), JinjaValue::from(value)),
        };
    }
    let flags = CALL_FLAGS.iter().filter_map(|name| Some(((*name).to_owned(), flag_of_call(name, facts)?.into())));
    call.extend(flags);
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
        Value::Number(number) => JinjaValue::from(*number),
        Value::Bool(flag) => JinjaValue::from(*flag),
        Value::Time(_) => JinjaValue::from(value.to_string()),
    }
}
