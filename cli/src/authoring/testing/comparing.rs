//! What a test expected, held against what was found.

use aftercall_engine::definition::model::ActionKind;
use aftercall_engine::definition::{Definition, rules};
use aftercall_engine::instance::Instance;
use aftercall_engine::simulate::Simulation;

use super::form::Expected;
use crate::authoring::trying;

pub(super) fn compare_refusal(expected: Option<&str>, found: Option<&str>) -> Option<String> {
    match (expected, found) {
        (Some(words), Some(said)) if said.contains(words) => None,
        (Some(words), Some(said)) => Some(format!("it should be refused with “{words}”, and was with “{said}”")),
        (Some(words), None) => Some(format!("it should be refused with “{words}”, and was not")),
        (None, Some(said)) => Some(format!("it is refused: {said}")),
        (None, None) => None,
    }
}

/// The end of a sentence on a button that is not among those: which was meant.
pub(super) fn there_is(pushed: &str, buttons: &[String]) -> String {
    if buttons.iter().any(|button| button == pushed) {
        return String::new();
    }
    let hint = rules::suggestion(&pushed.to_lowercase().replace(' ', "-"), buttons.iter().map(String::as_str));
    match (hint.is_empty(), buttons) {
        (false, _) => hint,
        (true, []) => "; no button can be pushed here".to_owned(),
        (true, buttons) => format!("; there is {}", buttons.join(", ")),
    }
}

/// What is not as expected.
pub(super) fn compare(simulation: &mut Simulation, definition: &Definition, expected: &Expected) -> Vec<String> {
    let warnings = simulation.take_warnings().len();
    let Some(instance) = simulation.instance() else { return vec!["nothing runs".to_owned()] };
    let mut faults = Vec::new();
    let mut check = |what: &str, expected: String, found: String| {
        if expected != found {
            faults.push(format!("{what} should be {expected}, and is {found}"));
        }
    };
    if let Some(stage) = &expected.stage {
        let found = definition.stage(instance.stage).map_or("", |stage| &stage.event.id);
        check("the stage", stage.clone(), found.to_owned());
    }
    if let Some(visit) = expected.visit {
        check("the visit", visit.to_string(), instance.visit().to_string());
    }
    if let Some(status) = &expected.status {
        check("the status", status.clone(), instance.status.word().to_owned());
    }
    if let Some(outcome) = &expected.outcome {
        check("the outcome", outcome.clone(), instance.ending.to_string());
    }
    if let Some(buttons) = &expected.buttons {
        check("the buttons", buttons.join(", "), offered(definition, instance).join(", "));
    }
    if let Some(count) = expected.warnings {
        check("the number of warnings", count.to_string(), warnings.to_string());
    }
    for (name, value) in &expected.fields {
        let place = definition.fields.iter().position(|field| field.name == *name);
        let held =
            instance.fields.iter().find(|(at, _)| Some(usize::from(*at)) == place).map(|(_, value)| value.to_string());
        let wanted = definition.fields.iter().find(|field| field.name == *name);
        let wanted = wanted.and_then(|field| trying::value(&value.text(), field.field_type));
        check(
            name,
            wanted.map_or_else(|| value.text(), |value| value.to_string()),
            held.unwrap_or_else(|| "nothing".to_owned()),
        );
    }
    if let Some(alerts) = &expected.alerts {
        faults.extend(compare_alerts(alerts, instance));
    }
    faults
}

fn compare_alerts(expected: &[String], instance: &Instance) -> Option<String> {
    let found: Vec<&str> = instance.alerts.iter().map(|alert| &*alert.text).collect();
    let fit =
        expected.len() == found.len() && expected.iter().zip(&found).all(|(words, text)| text.contains(words.as_str()));
    (!fit).then(|| format!("the alerts should say “{}”, and are “{}”", expected.join("”, “"), found.join("”, “")))
}

/// The ids of the buttons that can be pushed.
pub(super) fn offered(definition: &Definition, instance: &Instance) -> Vec<String> {
    let actions = definition.stage(instance.stage).map(|stage| stage.actions.as_slice()).unwrap_or_default();
    let is_over = instance.status.is_ended();
    let all = actions.iter().enumerate().filter(|(place, _)| !is_over && instance.does(*place));
    all.filter_map(|(_, action)| match &action.kind {
        ActionKind::Button(button) => Some(button.event.clone()),
        _ => None,
    })
    .collect()
}
