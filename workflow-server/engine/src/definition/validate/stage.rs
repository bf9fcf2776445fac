//! One stage by itself, and where its actions point.

use std::collections::HashSet;

use crate::definition::fault::{Fault, FaultCode};
use crate::definition::model::{Action, AlertAction, Definition, LinkAction, Stage};
use crate::definition::rules;
use crate::definition::template::Place;
use crate::definition::validate::{Events, in_action, in_stage, is_unlinked_end, is_wait};

pub(super) fn check(
    definition: &Definition,
    stage: &Stage,
    events: &Events<'_>,
    is_team: &impl Fn(&str) -> bool,
    faults: &mut Vec<Fault>,
) {
    check_end(definition, stage, faults);
    check_order(stage, faults);
    let mut labels = HashSet::new();
    for (place, action) in stage.actions.iter().enumerate() {
        let mut fault = |field: &str, code, message| {
            faults.push(Fault { field: field.to_owned(), ..in_action(stage, place, code, message) });
        };
        match action {
            Action::Alert(alert) => check_alert((definition, events), alert, is_team, fault),
            Action::Button(button) => {
                if !labels.insert(button.label.as_str()) {
                    let message = format!("the stage has another button {}", rules::quoted(&button.label));
                    fault("button", FaultCode::DuplicateLabel, message);
                }
                if events.place(&button.event).is_none() {
                    fault("id", FaultCode::UnknownEvent, unknown_event(&button.event, events));
                }
            }
            Action::Timer(timer) if events.place(&timer.event).is_none() => {
                fault("id", FaultCode::UnknownEvent, unknown_event(&timer.event, events));
            }
            Action::Link(link) => check_link(link, events, fault),
            Action::Timer(_) | Action::Finish(_) => {}
        }
    }
}

fn check_end(definition: &Definition, stage: &Stage, faults: &mut Vec<Fault>) {
    if is_unlinked_end(stage) {
        let message = format!(
            "`{}` is an unlinked end: it neither waits (button, timer), links nor finishes; add one of these",
            stage.event.id
        );
        let fault = in_stage(stage, FaultCode::UnlinkedEnd, message);
        faults.push(Fault { warning: definition.allow_unlinked_ends, ..fault });
    }
    let buttons = stage.actions.iter().any(|action| matches!(action, Action::Button(_)));
    if buttons && !stage.actions.iter().any(is_alert) {
        let message = format!("`{}` has buttons and no alert: nobody is told that they wait", stage.event.id);
        faults.push(Fault { warning: true, ..in_stage(stage, FaultCode::NoAlert, message) });
    }
}

/// A link or a finish leaves the stage at once: nothing comes after it, and what came before would never be seen.
fn check_order(stage: &Stage, faults: &mut Vec<Fault>) {
    let Some(end) = stage.actions.iter().position(|action| end_word(action).is_some()) else { return };
    let word = end_word(&stage.actions[end]).unwrap_or_default();
    if end > 0 {
        let before = &stage.actions[..end];
        let what = match (before.iter().any(is_alert), before.iter().any(is_wait)) {
            (true, false) => "its alert",
            (false, _) => "its buttons and timers",
            (true, true) => "its alert, buttons and timers",
        };
        let message = format!(
            "`{word}` leaves the stage at once, so {what} would never be seen: move `{word}` to a stage of its own"
        );
        faults.push(in_action(stage, end, FaultCode::ActionAfterEnd, message));
    }
    for (place, _) in stage.actions.iter().enumerate().skip(end + 1) {
        let message = format!("nothing after `{word}` is ever done: it must be the last action");
        faults.push(in_action(stage, place, FaultCode::ActionAfterEnd, message));
    }
}

fn is_alert(action: &Action) -> bool {
    matches!(action, Action::Alert(_))
}

fn end_word(action: &Action) -> Option<&'static str> {
    match action {
        Action::Link(_) => Some("link"),
        Action::Finish(_) => Some("finish"),
        Action::Alert(_) | Action::Button(_) | Action::Timer(_) => None,
    }
}

fn check_alert(
    (definition, events): (&Definition, &Events<'_>),
    alert: &AlertAction,
    is_team: &impl Fn(&str) -> bool,
    mut fault: impl FnMut(&str, FaultCode, String),
) {
    let rungs =
        alert.escalate.iter().flat_map(|rung| [("escalate.team", &rung.team), ("escalate.add-team", &rung.add_team)]);
    let of_rungs = rungs.filter_map(|(field, team)| Some((field, team.as_ref()?)));
    for (field, team) in std::iter::once(("team", &alert.team)).chain(of_rungs).filter(|(_, team)| !is_team(team)) {
        let message = format!("the team {} is not declared: import it, or correct the name", rules::quoted(team));
        fault(field, FaultCode::UnknownTeam, message);
    }
    if alert.due.is_none() && !alert.escalate.is_empty() {
        let message = "`escalate` counts from the alert's due: give the alert a `due`".to_owned();
        fault("escalate", FaultCode::MissingKey, message);
    }
    for place in alert.text.places() {
        let Place::Field(name) = place else { continue };
        if definition.fields.iter().all(|field| field.name != *name) {
            let hint = events.suggestion(name, definition.fields.iter().map(|field| field.name.as_str()));
            let hint = if hint.is_empty() { "; declare it under `fields`".to_owned() } else { hint };
            let message = format!("the text names the field {}, which is not declared{hint}", rules::quoted(name));
            fault("text", FaultCode::UnknownField, message);
        }
    }
}

fn check_link(link: &LinkAction, events: &Events<'_>, mut fault: impl FnMut(&str, FaultCode, String)) {
    if events.place(&link.to).is_none() {
        fault("to", FaultCode::UnknownEvent, unknown_event(&link.to, events));
    }
    if let Some(at_most) = link.at_most.as_ref().filter(|at_most| events.place(&at_most.otherwise).is_none()) {
        fault("else", FaultCode::UnknownEvent, unknown_event(&at_most.otherwise, events));
    }
}

fn unknown_event(event: &str, events: &Events<'_>) -> String {
    let hint = events.suggestion(event, events.places.keys().copied());
    format!("there is no event {}{hint}", rules::quoted(event))
}
