//! Checks one stage, and the events that its actions lead to.

use std::collections::HashSet;

use crate::calendar::NextDay;
use crate::fault::{Fault, FaultCode};
use crate::model::{
    Action, AlertAction, ButtonAction, Definition, EscalationStep, LinkAction, Stage, StepTime,
    TimerAction, TimerStart,
};
use crate::rules;
use crate::validate::header::{unknown_calendar, without_calendar};
use crate::validate::placed::{in_action, in_stage};
use crate::validate::scene::{Events, Scene};
use crate::validate::{expressions, forms, warnings};

pub(super) fn check<'d>(scene: &Scene<'d>, stage: &'d Stage, faults: &mut Vec<Fault>) {
    check_end(scene.definition, stage, faults);
    check_order(stage, faults);
    let mut labels = HashSet::new();
    for (place, action) in stage.actions.iter().enumerate() {
        expressions::check(scene, action, &mut |field, part, code, message| {
            let (field, part) = (field.to_owned(), part.to_owned());
            faults.push(Fault {
                field,
                part,
                ..in_action(stage, place, code, message)
            });
        });
        let report = |field: &str, code, message| {
            faults.push(Fault {
                field: field.to_owned(),
                ..in_action(stage, place, code, message)
            });
        };
        check_action(scene, stage, action, &mut labels, report);
        for (field, message) in warnings::action_warnings(scene, action) {
            let of_action = in_action(stage, place, FaultCode::BadValue, message);
            faults.push(Fault {
                field: field.to_owned(),
                warning: true,
                ..of_action
            });
        }
    }
}

/// Checks one action. `labels` has the labels of the buttons before it.
fn check_action<'d>(
    scene: &Scene<'d>,
    stage: &'d Stage,
    action: &'d Action,
    labels: &mut HashSet<&'d str>,
    mut report: impl FnMut(&str, FaultCode, String),
) {
    let report_form = |field: &str, code, message: String| {
        let subject = if field == "text" {
            "the text".to_owned()
        } else {
            format!("`{field}`")
        };
        report(field, code, format!("{subject} {message}"));
    };
    forms::check(&scene.forms, &scene.names, stage, action, report_form);
    if let Some(alert) = action.alert() {
        check_alert(scene, alert, &mut report);
    }
    if let Some(button) = action.button() {
        check_button(scene, button, labels, &mut report);
    }
    if let Some(timer) = action.timer() {
        check_timer(scene, timer, &mut report);
    }
    if let Some(link) = action.link() {
        check_link(link, scene.events, &mut report);
    }
}

fn check_button<'d>(
    scene: &Scene<'d>,
    button: &'d ButtonAction,
    labels: &mut HashSet<&'d str>,
    mut report: impl FnMut(&str, FaultCode, String),
) {
    if !labels.insert(button.label.as_str()) {
        let message = format!(
            "the stage has another button {}",
            rules::quoted(&button.label)
        );
        report("button", FaultCode::DuplicateLabel, message);
    }
    if scene.events.place(&button.event).is_none() {
        let message = unknown_event(&button.event, scene.events);
        report("id", FaultCode::UnknownEvent, message);
    }
}

fn check_end(definition: &Definition, stage: &Stage, faults: &mut Vec<Fault>) {
    if stage.is_unlinked_end() {
        let has_conditional = stage
            .actions
            .iter()
            .any(|action| action.waits() || action.ends());
        let (always, one) = match has_conditional {
            true => (
                " if none of its conditions is true",
                "one of these without a condition",
            ),
            false => ("", "one of these"),
        };
        let message = format!(
            "`{}` is an unlinked end: it neither waits (button, timer), links nor finishes{always}; add {one}",
            stage.event.id
        );
        let fault = in_stage(stage, FaultCode::UnlinkedEnd, message);
        faults.push(Fault {
            warning: definition.allow_unlinked_ends,
            ..fault
        });
    }
    let buttons = stage.actions.iter().any(|action| action.button().is_some());
    if buttons && !stage.actions.iter().any(is_alert) {
        let message = format!(
            "`{}` has buttons but no alert: nobody sees that they wait",
            stage.event.id
        );
        faults.push(Fault {
            warning: true,
            ..in_stage(stage, FaultCode::NoAlert, message)
        });
    }
}

/// Checks the order of actions. A link or finish without a condition leaves the stage immediately.
/// So no action may follow it, and people would never see an alert or button before it. Only set
/// fields, and links and finishes with conditions, may precede it.
fn check_order(stage: &Stage, faults: &mut Vec<Fault>) {
    let leaves = |action: &Action| action.when.is_none() && action.ends();
    let Some(end) = stage.actions.iter().position(leaves) else {
        return;
    };
    let word = if stage.actions[end].link().is_some() {
        "link"
    } else {
        "finish"
    };
    let before = &stage.actions[..end];
    let what = match (
        before.iter().any(is_alert),
        before.iter().any(Action::waits),
    ) {
        (false, false) => None,
        (true, false) => Some("its alert"),
        (false, true) => Some("its buttons and timers"),
        (true, true) => Some("its alert, buttons and timers"),
    };
    if let Some(what) = what {
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
    action.alert().is_some()
}

fn check_alert(
    scene: &Scene<'_>,
    alert: &AlertAction,
    mut report: impl FnMut(&str, FaultCode, String),
) {
    let steps = alert.escalate.iter().flat_map(|step| {
        [
            ("escalate.team", &step.team),
            ("escalate.add-team", &step.add_team),
        ]
    });
    let of_steps = steps.filter_map(|(field, team)| Some((field, team.as_ref()?)));
    let is_team = scene.declared.is_team;
    for (field, team) in std::iter::once(("team", &alert.team))
        .chain(of_steps)
        .filter(|(_, team)| !is_team(team))
    {
        let message = scene.not_declared("team", team, scene.declared.like_team);
        report(field, FaultCode::UnknownTeam, message);
    }
    if alert.due.is_none() && !alert.escalate.is_empty() {
        let message = "`escalate` counts from the alert's due: give the alert a `due`".to_owned();
        report("escalate", FaultCode::MissingKey, message);
    }
    check_calendar(scene, alert.calendar.as_deref(), &mut report);
    let calendar = scene.definition.calendar_for(alert.calendar.as_deref());
    let after = |step: &EscalationStep| {
        if let StepTime::After(span) = step.at {
            Some(span)
        } else {
            None
        }
    };
    let of_steps = alert
        .escalate
        .iter()
        .flat_map(|step| [after(step), step.again.map(|again| again.every)]);
    let spans = [("due", alert.due), ("seen-for", alert.seen_for)]
        .into_iter()
        .chain(of_steps.map(|span| ("escalate", span)));
    for (field, (code, message)) in
        spans.filter_map(|(field, span)| Some((field, without_calendar(span?, calendar)?)))
    {
        report(field, code, message);
    }
}

fn check_calendar(
    scene: &Scene<'_>,
    own: Option<&str>,
    report: &mut impl FnMut(&str, FaultCode, String),
) {
    if let Some((code, message)) = own.and_then(|name| unknown_calendar(scene, name)) {
        report("calendar", code, message);
    }
}

fn check_timer(
    scene: &Scene<'_>,
    timer: &TimerAction,
    mut report: impl FnMut(&str, FaultCode, String),
) {
    if scene.events.place(&timer.event).is_none() {
        report(
            "id",
            FaultCode::UnknownEvent,
            unknown_event(&timer.event, scene.events),
        );
    }
    check_calendar(scene, timer.calendar.as_deref(), &mut report);
    let calendar = scene.definition.calendar_for(timer.calendar.as_deref());
    if let Some((code, message)) = timer
        .after
        .and_then(|span| without_calendar(span, calendar))
    {
        report("after", code, message);
    }
    if calendar.is_none() && timer.at.is_some_and(|at| at.day == NextDay::NextWorkingDay) {
        let message =
            "`at` counts working days, and there is no calendar: name one with `calendar`"
                .to_owned();
        report("at", FaultCode::MissingKey, message);
    }
    if timer.after.is_none() && timer.at.is_none() && !matches!(timer.from, TimerStart::Field(_)) {
        report(
            "after",
            FaultCode::MissingKey,
            "`timer` needs `after`".to_owned(),
        );
    }
}

fn check_link(
    link: &LinkAction,
    events: &Events<'_>,
    mut report: impl FnMut(&str, FaultCode, String),
) {
    if events.place(&link.to).is_none() {
        report(
            "to",
            FaultCode::UnknownEvent,
            unknown_event(&link.to, events),
        );
    }
    if let Some(at_most) = link
        .at_most
        .as_ref()
        .filter(|at_most| events.place(&at_most.otherwise).is_none())
    {
        report(
            "else",
            FaultCode::UnknownEvent,
            unknown_event(&at_most.otherwise, events),
        );
    }
}

fn unknown_event(event: &str, events: &Events<'_>) -> String {
    let hint = events.suggestions.hint(event, events.ids());
    let hint = if hint.is_empty() {
        events.all_if_few()
    } else {
        hint
    };
    format!("there is no event {}{hint}", rules::quoted(event))
}
