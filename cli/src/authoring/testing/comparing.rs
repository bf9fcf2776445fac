//! Compares what a test expected with what was found.

use aftercall_authoring::simulate::Simulation;
use aftercall_definition::model::Action;
use aftercall_definition::{Definition, rules};
use aftercall_engine::instance::{Instance, Status};

use super::form::{Expected, Scalar};
use super::values;

pub(super) fn compare_refusal(expected: Option<&str>, found: Option<&str>) -> Option<String> {
    match (expected, found) {
        (Some(words), Some(said)) if said.contains(words) => None,
        (Some(words), Some(said)) => Some(format!(
            "it should be refused with “{words}”, and was with “{said}”"
        )),
        (Some(words), None) => Some(format!("it should be refused with “{words}”, and was not")),
        (None, Some(said)) => Some(format!("it is refused: {said}")),
        (None, None) => None,
    }
}

/// The end of a sentence about a button that is not offered: the one that was meant.
pub(super) fn there_is(definition: &Definition, pushed: &str, buttons: &[String]) -> String {
    if buttons.iter().any(|button| button == pushed) {
        return String::new();
    }
    // A button of another stage is gone, or has still to come; one of no stage is misspelt.
    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    let is_known = actions
        .filter_map(Action::button)
        .any(|button| button.event == pushed);
    let unknown = if is_known {
        String::new()
    } else {
        format!("; there is no button {}", rules::quoted(pushed))
    };
    let hint = rules::suggestion(
        &pushed.to_lowercase().replace(' ', "-"),
        buttons.iter().map(String::as_str),
    );
    let hint = match (hint.is_empty(), buttons) {
        (false, _) => hint,
        (true, []) => "; no button can be pushed here".to_owned(),
        (true, buttons) => format!("; available: {}", buttons.join(", ")),
    };
    unknown + &hint
}

/// What is not as expected.
pub(super) fn compare(
    simulation: &mut Simulation,
    definition: &Definition,
    expected: &Expected,
) -> Vec<String> {
    let warnings = simulation.take_warnings().len();
    let Some(instance) = simulation.instance() else {
        return vec!["nothing runs".to_owned()];
    };
    let mut faults = Vec::new();
    if let Some(stage) = &expected.stage {
        let found = definition
            .stage(instance.stage)
            .map_or("", |stage| &stage.event.id);
        faults.extend(should_be("the stage", stage, found));
    }
    if let Some(visit) = expected.visit {
        faults.extend(should_be(
            "the visit",
            &visit.to_string(),
            &instance.visit().to_string(),
        ));
    }
    if let Some(status) = &expected.status {
        faults.extend(compare_status(status, instance.status));
    }
    if let Some(outcome) = &expected.outcome {
        faults.extend(should_be("the outcome", outcome, &instance.ending));
    }
    if let Some(buttons) = &expected.buttons {
        let found = offered(definition, instance);
        faults.extend(should_be(
            "the buttons",
            &buttons.join(", "),
            &found.join(", "),
        ));
    }
    if let Some(count) = expected.warnings {
        faults.extend(should_be(
            "the number of warnings",
            &count.to_string(),
            &warnings.to_string(),
        ));
    }
    for (name, written) in &expected.fields {
        faults.extend(compare_field(definition, instance, name, written.as_ref()).err());
    }
    if let Some(alerts) = &expected.alerts {
        faults.extend(compare_alerts(alerts, instance));
    }
    faults
}

/// An empty value is shown as none.
fn should_be(what: &str, expected: &str, found: &str) -> Option<String> {
    let or_none = |text: &str| match text {
        "" => "none".to_owned(),
        // An outcome can be called so.
        "none" => rules::quoted(text),
        text => text.to_owned(),
    };
    (expected != found).then(|| {
        format!(
            "{what} should be {}, and is {}",
            or_none(expected),
            or_none(found)
        )
    })
}

fn compare_status(expected: &str, found: Status) -> Option<String> {
    let known = Status::ALL.map(Status::word);
    if known.contains(&expected) {
        return should_be("the status", expected, found.word());
    }
    let known = rules::all_if_few(known.into_iter());
    Some(format!(
        "expect.status: there is no status {}{known}",
        rules::quoted(expected)
    ))
}

/// Whether a field holds what it should; the sentence where it does not.
fn compare_field(
    definition: &Definition,
    instance: &Instance,
    name: &str,
    written: Option<&Scalar>,
) -> Result<(), String> {
    const AT: &str = "expect.fields";
    let (place, field) = values::declared_as(AT, &definition.fields, name)?;
    let wanted = written
        .map(|written| values::typed(AT, field, written))
        .transpose()?;
    let held = instance
        .fields
        .iter()
        .find(|(at, _)| usize::from(*at) == place)
        .map(|(_, value)| value);
    match (wanted.as_ref(), held) {
        (wanted, held) if wanted == held => Ok(()),
        (Some(wanted), Some(held)) => Err(format!("{name} should be {wanted}, and is {held}")),
        (Some(wanted), None) => Err(format!("{name} should be {wanted}, and has no value")),
        (None, held) => {
            let held = held.map(ToString::to_string).unwrap_or_default();
            Err(format!("{name} should have no value, and is {held}"))
        }
    }
}

fn compare_alerts(expected: &[String], instance: &Instance) -> Option<String> {
    let found: Vec<&str> = instance.alerts.iter().map(|alert| &*alert.text).collect();
    let fit = expected.len() == found.len()
        && expected
            .iter()
            .zip(&found)
            .all(|(words, text)| text.contains(words.as_str()));
    let (words, texts) = (expected.join("”, “"), found.join("”, “"));
    let sentence = match (expected, found.as_slice()) {
        ([], _) => format!("there should be no alerts, and there are “{texts}”"),
        (_, []) => format!("the alerts should say “{words}”, and there are none"),
        _ => format!("the alerts should say “{words}”, and are “{texts}”"),
    };
    (!fit).then_some(sentence)
}

/// The ids of the buttons that can be pushed.
pub(super) fn offered(definition: &Definition, instance: &Instance) -> Vec<String> {
    let actions = definition
        .stage(instance.stage)
        .map(|stage| stage.actions.as_slice())
        .unwrap_or_default();
    let is_over = instance.status.is_ended();
    let all = actions
        .iter()
        .enumerate()
        .filter(|(place, _)| !is_over && instance.has_done(*place));
    all.filter_map(|(_, action)| action.button())
        .map(|button| button.event.clone())
        .collect()
}
