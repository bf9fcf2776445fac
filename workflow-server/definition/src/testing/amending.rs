//! Other versions of a workflow: changes that authors make to a running workflow. Each change alone
//! results in a valid workflow.

use std::collections::HashSet;

use proptest::sample::Index;

use super::words::TEAMS;
use crate::expression::Expression;
use crate::model::{AlertAction, FinishAction, LinkAction, Priority};
use crate::template::Template;
use crate::time::{Span, SpanUnit};
use crate::{Action, ActionKind, Definition, Stage};

/// The number of kinds of change.
pub const AMENDMENTS: u8 = 14;

/// The workflow with another title and one kind of change. `at` chooses the stage, if only one
/// changes.
pub fn amended(mut definition: Definition, how: u8, at: &Index) -> Definition {
    definition.title = format!("{} {how}", definition.title.trim());
    match how % AMENDMENTS {
        1 => each_alert(&mut definition, |alert| {
            alert.due = Some(Span {
                amount: 90,
                unit: SpanUnit::Minutes,
            });
        }),
        2 => each_stage(&mut definition, |stage| {
            stage.actions.retain(|action| !is_alert(action));
        }),
        3 => no_longer_waits(&mut definition, at),
        4 => each_stage(&mut definition, put_alert_in_front),
        5 => each_stage(&mut definition, remove_first_alert),
        6 => each_stage(&mut definition, |stage| {
            reverse(&mut stage.actions, is_alert);
            reverse(&mut stage.actions, is_wait);
        }),
        7 => each_alert(&mut definition, |alert| {
            alert.text = Template::parse("Something else").expect("a text without places");
        }),
        8 => each_alert(&mut definition, |alert| {
            alert.team = TEAMS
                .iter()
                .find(|team| **team != alert.team)
                .copied()
                .unwrap_or_default()
                .to_owned();
        }),
        9 => each_finish(&mut definition, |finish| {
            finish.outcome = "another".to_owned();
        }),
        10 => relabel(&mut definition),
        11 => only_alerts(&mut definition, at),
        12 => no_condition_holds(&mut definition),
        13 => move_button(&mut definition, at),
        _ => {}
    }
    definition
}

fn each_stage(definition: &mut Definition, change: impl FnMut(&mut Stage)) {
    definition.stages.iter_mut().for_each(change);
}

fn each_action(definition: &mut Definition, change: impl FnMut(&mut Action)) {
    definition
        .stages
        .iter_mut()
        .flat_map(|stage| &mut stage.actions)
        .for_each(change);
}

fn each_alert(definition: &mut Definition, mut change: impl FnMut(&mut AlertAction)) {
    each_action(definition, |action| {
        if let ActionKind::Alert(alert) = &mut action.kind {
            change(alert);
        }
    });
}

fn each_finish(definition: &mut Definition, mut change: impl FnMut(&mut FinishAction)) {
    each_action(definition, |action| {
        if let ActionKind::Finish(finish) = &mut action.kind {
            change(finish);
        }
    });
}

fn is_alert(action: &Action) -> bool {
    matches!(action.kind, ActionKind::Alert(_))
}

fn is_wait(action: &Action) -> bool {
    action.adds().is_some()
}

fn put_alert_in_front(stage: &mut Stage) {
    if !stage.actions.iter().any(is_wait) {
        return;
    }
    let alert = AlertAction {
        text: Template::parse("Look at this first").expect("a text without places"),
        team: TEAMS[0].to_owned(),
        priority: Priority::Urgent,
        due: None,
        calendar: None,
        escalate: Vec::new(),
        seen_for: None,
    };
    stage.actions.insert(0, ActionKind::Alert(alert).into());
}

fn remove_first_alert(stage: &mut Stage) {
    if let Some(first) = stage.actions.iter().position(is_alert) {
        stage.actions.remove(first);
    }
}

/// Reverses the order of the actions of one kind. They stay in the places of that kind.
fn reverse(actions: &mut [Action], is_meant: impl Fn(&Action) -> bool) {
    let places: Vec<usize> = (0..actions.len())
        .filter(|place| is_meant(&actions[*place]))
        .collect();
    let half = places.len() / 2;
    for (one, other) in places.iter().zip(places.iter().rev()).take(half) {
        actions.swap(*one, *other);
    }
}

/// Changes the labels of buttons, but not their ids.
fn relabel(definition: &mut Definition) {
    let mut relabelled = HashSet::new();
    each_action(definition, |action| {
        if let ActionKind::Button(button) = &mut action.kind {
            button.label = format!("Not {}", button.label);
            relabelled.insert(button.event.clone());
        }
    });
    for event in definition
        .stages
        .iter_mut()
        .map(|stage| &mut stage.event)
        .filter(|event| relabelled.contains(&event.id))
    {
        event.label = format!("Not {}", event.label);
    }
}

/// A waiting stage now only links to another waiting stage. If there is none, it finishes.
fn no_longer_waits(definition: &mut Definition, at: &Index) {
    let Some(place) = any_waiting(definition, at) else {
        return;
    };
    let number = definition.stages[place].number;
    definition.stages[place].actions.clear();
    remove_unreachable(definition);
    let target =
        any_waiting(definition, at).map(|target| definition.stages[target].event.id.clone());
    let kind = match target {
        Some(to) => ActionKind::Link(LinkAction { to, at_most: None }),
        None => ActionKind::Finish(FinishAction {
            outcome: "at-once".to_owned(),
        }),
    };
    if let Some(stage) = definition
        .stages
        .iter_mut()
        .find(|stage| stage.number == number)
    {
        stage.actions.push(kind.into());
    }
}

/// A waiting stage becomes an unlinked end with the same alerts.
fn only_alerts(definition: &mut Definition, at: &Index) {
    let Some(place) = any_waiting(definition, at) else {
        return;
    };
    definition.stages[place].actions.retain(is_alert);
    definition.allow_unlinked_ends = true;
    remove_unreachable(definition);
}

/// All buttons and timers get a condition that is false.
fn no_condition_holds(definition: &mut Definition) {
    definition.allow_unlinked_ends = true;
    each_action(definition, |action| {
        if is_wait(action) {
            action.when = Some(Expression::parse("visit > 99").expect("a condition"));
        }
    });
}

/// Moves a button to another waiting stage. A stage that has no other exit becomes an unlinked end.
fn move_button(definition: &mut Definition, at: &Index) {
    let count = definition.stages.len();
    let moves: Vec<Definition> = (0..count * count)
        .filter_map(|pair| with_button_moved(definition, pair / count, pair % count))
        .collect();
    if let Some(moved) = (!moves.is_empty()).then(|| at.get(&moves)) {
        *definition = moved.clone();
    }
}

/// The workflow with the first button of one stage moved to the end of another one, if every stage
/// can still be reached.
fn with_button_moved(definition: &Definition, from: usize, to: usize) -> Option<Definition> {
    let is_button = |action: &Action| matches!(action.kind, ActionKind::Button(_));
    let button = definition.stages[from].actions.iter().position(is_button)?;
    if from == to
        || !definition.stages[to]
            .actions
            .iter()
            .any(|action| action.when.is_none() && is_wait(action))
    {
        return None;
    }
    let mut moved = definition.clone();
    let action = moved.stages[from].actions.remove(button);
    moved.stages[to].actions.push(action);
    moved.allow_unlinked_ends = true;
    (reached(&moved).len() == moved.stages.len()).then_some(moved)
}

/// The place of a stage that waits under all conditions.
fn any_waiting(definition: &Definition, at: &Index) -> Option<usize> {
    let waits = |stage: &Stage| {
        stage
            .actions
            .iter()
            .any(|action| action.when.is_none() && is_wait(action))
    };
    let places: Vec<usize> = (0..definition.stages.len())
        .filter(|place| waits(&definition.stages[*place]))
        .collect();
    (!places.is_empty()).then(|| *at.get(&places))
}

/// Removes the events that no action adds any more. Links to them finish instead.
fn remove_unreachable(definition: &mut Definition) {
    let reached = reached(definition);
    definition
        .stages
        .retain(|stage| reached.contains(&stage.event.id));
    each_action(definition, |action| {
        let leads_nowhere = action
            .targets()
            .any(|target| target.leads.is_link() && !reached.contains(target.event));
        if leads_nowhere {
            action.kind = ActionKind::Finish(FinishAction {
                outcome: "gone".to_owned(),
            });
        }
    });
}

/// The events that actions add, from the first stage on.
fn reached(definition: &Definition) -> HashSet<String> {
    let mut reached = HashSet::new();
    let mut open: Vec<&Stage> = definition.stages.first().into_iter().collect();
    while let Some(stage) = open.pop() {
        if reached.insert(stage.event.id.clone()) {
            let added = stage.actions.iter().filter_map(Action::adds);
            open.extend(added.filter_map(|event| definition.stage_of(event)));
        }
    }
    reached
}
