//! Fills in a template.

use std::borrow::Cow;

use super::program::{GAP, Part, Program};
use super::rendering;
use crate::facts::Facts;
use crate::time::Time;
use crate::value::Value;

/// A filled-in template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The text.
    pub text: String,
    /// The places that show as gaps; empty if the text has no gap. An empty name means that the
    /// text could not be completed.
    pub missing: Vec<String>,
}

/// Fills in a template that names these places, to at most `bytes_max` bytes.
pub(super) fn fill_in(
    program: &Program,
    places: &[String],
    bytes_max: usize,
    facts: &Facts<'_>,
) -> Filled {
    let without_value = || {
        places
            .iter()
            .filter(|place| shown_value(place, facts).is_none())
    };
    let mut filled = match program {
        Program::Plain(parts) => {
            let (text, gaps) = fill_in_parts(parts, facts);
            let shown_as_gaps = places.iter().filter(|place| gaps.contains(&place.as_str()));
            Filled {
                text,
                missing: shown_as_gaps.cloned().collect(),
            }
        }
        Program::Machine(environment) => {
            let rendered = rendering::render(environment, places, facts);
            let mut missing = Vec::new();
            if rendered.has_gap {
                let without_value: Vec<&String> = without_value().collect();
                missing = rendering::shown_as_gaps(environment, (places, &without_value), facts);
            }
            if !rendered.is_complete && missing.is_empty() {
                missing.push(String::new());
            }
            Filled {
                text: with_local_times(rendered.text, places, facts),
                missing,
            }
        }
    };
    if filled.text.len() > bytes_max {
        let end = filled.text.floor_char_boundary(bytes_max);
        filled.text.truncate(end);
    }
    filled
}

/// Shows the times of the text in people's time zone. Conditions and filters use UTC, because they
/// compare times. So only the times in the finished text are converted.
fn with_local_times(text: String, places: &[String], facts: &Facts<'_>) -> String {
    let times = places
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

/// The value of a place, if it is a time.
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

/// The text, and the places that show as gaps.
fn fill_in_parts<'p>(parts: &'p [Part], facts: &Facts<'_>) -> (String, Vec<&'p str>) {
    let (mut text, mut gaps) = (String::new(), Vec::new());
    for part in parts {
        match part {
            Part::Text(piece) => text.push_str(piece),
            Part::Place(place) => match shown_value(place, facts) {
                Some(shown) => text.push_str(&shown),
                None => {
                    gaps.push(place.as_str());
                    text.push_str(GAP);
                }
            },
            Part::Default(place, default) => {
                text.push_str(&shown_value(place, facts).unwrap_or(Cow::Borrowed(default)));
            }
        }
    }
    (text, gaps)
}

/// What a place shows; `None` for a gap.
fn shown_value<'f>(place: &str, facts: &Facts<'f>) -> Option<Cow<'f, str>> {
    if let Some(moment) = time_of_place(place, facts) {
        return Some(facts.clock().show(moment).into());
    }
    let shown = match place.split_once('.') {
        Some(("fields", name)) => text_of(facts.fields().find(|(field, _)| *field == name)?.1),
        Some(("form", name)) => text_of(&facts.form.iter().find(|(field, _)| **field == *name)?.1),
        Some(("call", name)) => match facts.call.flag(name) {
            Some(flag) => Value::Bool(flag).to_string().into(),
            None => facts.call.text(name).into(),
        },
        _ if place == "visit" => facts.visit.to_string().into(),
        _ => return None,
    };
    (!shown.is_empty()).then_some(shown)
}

fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        // A zero is shown without a sign.
        Value::Number(number) => (number + 0.0).to_string().into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests;
