//! Fills in templates that need the template library.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::Environment;
use minijinja::value::Value as JinjaValue;

use super::library::{GAP_MARK, GAP_MARK_END, NumberedGap};
use super::program::{GAP, NAME};
use crate::facts::{CALL_FLAGS, CALL_TEXTS, Facts};
use crate::value::{Value, whole};

/// A filled-in text.
pub(super) struct Rendered {
    pub(super) text: String,
    /// Whether it shows a gap.
    pub(super) has_gap: bool,
    /// Whether the text was filled in completely.
    pub(super) is_complete: bool,
}

/// Fills in a template with the library.
pub(super) fn render(
    environment: &Environment<'static>,
    places: &[String],
    facts: &Facts<'_>,
) -> Rendered {
    let (mut text, is_complete) = render_marked(environment, (places, &[]), facts);
    // An incomplete text is shown up to the error.
    if !is_complete {
        text.push(GAP_MARK);
    }
    let has_gap = text.contains(GAP_MARK);
    if has_gap {
        text = text.replace(GAP_MARK, GAP);
    }
    Rendered {
        text,
        has_gap,
        is_complete,
    }
}

/// The places without a value that show as gaps. A place with a `default`, or in a part that is not
/// shown, is not a gap. Returns all places if this cannot be determined.
pub(super) fn shown_as_gaps(
    environment: &Environment<'static>,
    (places, without_value): (&[String], &[&String]),
    facts: &Facts<'_>,
) -> Vec<String> {
    let all = || without_value.iter().map(|place| (*place).clone()).collect();
    let (text, is_complete) = render_marked(environment, (places, without_value), facts);
    if !is_complete {
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

/// The text with marks for gaps, and whether it is complete. It names `places`; those in `gaps` get
/// numbered marks.
fn render_marked(
    environment: &Environment<'static>,
    (places, gaps): (&[String], &[&String]),
    facts: &Facts<'_>,
) -> (String, bool) {
    let mut written = Vec::new();
    let context = context(places, gaps, facts);
    let rendered = environment
        .get_template(NAME)
        .and_then(|text| text.render_captured_to(context, &mut written).map(drop));
    (
        String::from_utf8_lossy(&written).into_owned(),
        rendered.is_ok(),
    )
}

/// Names with their values.
type Names = BTreeMap<String, JinjaValue>;

/// The names of the language that the text uses: one of its places, or what is inside of one.
/// `gaps` are missing values that get a numbered gap.
fn context(places: &[String], gaps: &[&String], facts: &Facts<'_>) -> JinjaValue {
    let is_used = |root: &str, name: &str| places.iter().any(|place| is_of(place, root, name));
    let mut fields: Names = facts
        .fields()
        .filter(|(name, _)| is_used("fields", name))
        .map(|(name, value)| (name.to_owned(), jinja(value)))
        .collect();
    let mut form: Names = facts
        .form
        .iter()
        .filter(|(name, _)| is_used("form", name))
        .map(|(name, value)| (name.to_string(), jinja(value)))
        .collect();
    let (mut call, mut caller) = (Names::new(), Names::new());
    for name in CALL_TEXTS {
        let value = facts.call.text(name);
        if value.is_empty() || !is_used("call", name) {
            continue;
        }
        match name.strip_prefix("caller.") {
            Some(name) => caller.insert(name.to_owned(), JinjaValue::from(value)),
            None => call.insert(name.to_owned(), JinjaValue::from(value)),
        };
    }
    let flags = CALL_FLAGS
        .iter()
        .filter(|name| is_used("call", name))
        .filter_map(|name| Some(((*name).to_owned(), facts.call.flag(name)?.into())));
    call.extend(flags);
    for (at, place) in gaps.iter().enumerate() {
        let gap = JinjaValue::from_object(NumberedGap(at));
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
    let mut roots = Names::from([
        ("fields".to_owned(), JinjaValue::from_object(fields)),
        ("form".to_owned(), JinjaValue::from_object(form)),
        ("call".to_owned(), JinjaValue::from_object(call)),
        ("visit".to_owned(), JinjaValue::from(facts.visit)),
    ]);
    if places.iter().any(|place| is_inside(place, "now")) {
        roots.insert("now".to_owned(), jinja(&Value::Time(facts.now)));
    }
    JinjaValue::from_object(roots)
}

/// Whether a place of a text is this value, has it inside, or is inside of it.
fn is_of(place: &str, root: &str, name: &str) -> bool {
    let Some(rest) = place.strip_prefix(root) else {
        return false;
    };
    let Some(rest) = rest.strip_prefix('.') else {
        return rest.is_empty();
    };
    is_inside(rest, name) || is_inside(name, rest)
}

fn is_inside(inner: &str, outer: &str) -> bool {
    let rest = inner.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn jinja(value: &Value) -> JinjaValue {
    match value {
        Value::Text(text) if text.is_empty() => JinjaValue::UNDEFINED,
        Value::Text(text) => JinjaValue::from(&**text),
        // A whole number has no point when it is joined with a text: `72 EUR`, not `72.0 EUR`.
        Value::Number(number) => {
            whole(*number).map_or_else(|| JinjaValue::from(*number), JinjaValue::from)
        }
        Value::Bool(flag) => JinjaValue::from(*flag),
        Value::Time(_) => JinjaValue::from(value.to_string()),
    }
}
