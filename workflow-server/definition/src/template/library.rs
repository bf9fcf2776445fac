//! The template library, restricted to the functions that texts may use.

use std::fmt::{self, Write as _};
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, ObjectRepr, Rest, Value as JinjaValue, ValueKind};
use minijinja::{Environment, Error, Output, State, UndefinedBehavior, filters};

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

/// How many steps of the library one text may take. A page of text takes far fewer.
const FUEL: u64 = 20_000;

/// An environment with one template, and only what texts may use.
pub(super) fn environment(name: &'static str, source: &str) -> Result<Environment<'static>, Error> {
    let mut environment = SANDBOX.clone();
    environment.add_template_owned(name, source.to_owned())?;
    Ok(environment)
}

/// What every text may use. Built once, because a workflow has many texts.
static SANDBOX: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_fuel(Some(FUEL));
    // An error shows as a gap in the text; its details are not used.
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

/// Changes a text. Any other value, including a gap, does not change.
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

/// Rounds a number to this many digits after the point; 0 by default. Other values do not change.
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

/// Shows a time in a time zone: `Tue 2026-11-24 14:02`.
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

/// Marks a gap until the text is complete. No value contains it, because texts must not contain
/// control characters.
pub(super) const GAP_MARK: char = '\u{1}';
/// Ends the number of a numbered gap.
pub(super) const GAP_MARK_END: char = '\u{2}';

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

/// Replaces a missing value to find where it shows. It counts as false, and filters do not change
/// it.
#[derive(Debug)]
pub(super) struct NumberedGap(pub(super) usize);

impl Object for NumberedGap {
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
    value.is_undefined() || value.downcast_object_ref::<NumberedGap>().is_some()
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
