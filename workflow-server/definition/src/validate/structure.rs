//! Checks the stages as a whole: their numbers, their ids, and the tree of their events.

use std::collections::HashMap;

use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::model::{Definition, FIRST_STAGE, Stage};
use crate::validate::placed::{in_action, in_stage};
use crate::validate::scene::Events;

/// Checks that the first stage exists, that numbers ascend, and that ids are unique.
pub(super) fn check_identities(definition: &Definition, faults: &mut Vec<Fault>) {
    if definition
        .stages
        .first()
        .is_none_or(|stage| stage.number != FIRST_STAGE)
    {
        let message = format!("the workflow has no stage {FIRST_STAGE}, its new call");
        faults.push(Fault::new(FaultCode::MissingKey, message));
    }
    for pair in definition.stages.windows(2) {
        if pair[0].number >= pair[1].number {
            let message = format!(
                "stage {} does not come after stage {}",
                pair[1].number, pair[0].number
            );
            faults.push(in_stage(&pair[1], FaultCode::Duplicate, message));
        }
    }
    let mut seen = HashMap::new();
    for stage in &definition.stages {
        if let Some(first) = seen.insert(stage.event.id.as_str(), stage.number) {
            let message = format!(
                "its event has the id `{}`, which stage {first} already has",
                stage.event.id
            );
            faults.push(in_stage(stage, FaultCode::Duplicate, message));
        }
    }
}

/// Checks that exactly one action adds each event, except that of the new call. The events must
/// form a tree that starts at the new call. So each event can be reached, and a file can show it.
pub(super) fn check_added(definition: &Definition, events: &Events<'_>, faults: &mut Vec<Fault>) {
    let mut depths: Vec<Option<usize>> = vec![None; definition.stages.len()];
    let mut open = Vec::new();
    if let Some(first) = depths.first_mut() {
        *first = Some(0);
        open.push(0);
    }
    while let Some(place) = open.pop() {
        let stage = &definition.stages[place];
        let depth = depths[place].unwrap_or(0) + 1;
        for (action, event) in stage
            .actions
            .iter()
            .enumerate()
            .filter_map(|(at, action)| Some((at, action.adds()?)))
        {
            // An event that does not exist is reported with its action.
            let Some(next) = events.place(event) else {
                continue;
            };
            if depths[next].is_some() {
                let message = format!("the event `{event}` is added by another action already");
                faults.push(in_action(stage, action, FaultCode::Duplicate, message));
                continue;
            }
            depths[next] = Some(depth);
            open.push(next);
        }
    }
    for (stage, depth) in definition.stages.iter().zip(depths) {
        match depth {
            None => faults.push(in_stage(
                stage,
                FaultCode::UnreachableStage,
                unreachable(stage),
            )),
            Some(depth) if depth > limits::EVENTS_NESTED_MAX => {
                let max = limits::EVENTS_NESTED_MAX;
                let message = format!(
                    "`{}` is nested {depth} events deep; at most {max} are allowed",
                    stage.event.id
                );
                faults.push(in_stage(stage, FaultCode::TooLarge, message));
            }
            Some(_) => {}
        }
    }
}

fn unreachable(stage: &Stage) -> String {
    format!(
        "nothing leads to the event `{}`: give its button or timer to a stage, or remove it",
        stage.event.id
    )
}
