//! Visits across versions. A click names a button and a visit, and each stage counts its own
//! visits. A version may move a button to another stage. Without a correction, that stage could
//! show the button with a visit that people saw in the stage before.

use aftercall_definition::{Action, Definition, Stage};

use crate::instance::Count;
use crate::world::definitions::Workflow;

/// Raises the visits of each stage of `after` that has a button which it does not have in `before`.
/// The new count is the highest visit with which people may have seen that button in another stage,
/// in any version. The next visit of the stage is then unused.
pub(super) fn raise(
    workflow: &Workflow,
    before: &Definition,
    after: &Definition,
    visits: &mut Box<[Count]>,
) {
    let moved = |stage: &'_ &Stage, event: &str| {
        before
            .stage(stage.number)
            .is_none_or(|was| !has_button(was, event))
    };
    for stage in &after.stages {
        let gained = buttons(stage).filter(|event| moved(&stage, event));
        let shown = gained
            .map(|event| shown_elsewhere(workflow, event, stage.number, visits))
            .max()
            .unwrap_or(0);
        raise_one(visits, stage.number, shown);
    }
}

/// The highest visit of another stage that has this button in any version.
fn shown_elsewhere(workflow: &Workflow, event: &str, stage: u32, visits: &[Count]) -> u32 {
    let shows = |count: &Count| {
        let mut stages = workflow
            .versions
            .iter()
            .filter_map(|version| version.definition.stage(count.stage));
        count.stage != stage && stages.any(|stage| has_button(stage, event))
    };
    visits
        .iter()
        .filter(|count| shows(count))
        .map(|count| count.times)
        .max()
        .unwrap_or(0)
}

fn raise_one(visits: &mut Box<[Count]>, stage: u32, least: u32) {
    if least == 0 {
        return;
    }
    if let Some(count) = visits.iter_mut().find(|count| count.stage == stage) {
        count.times = count.times.max(least);
    } else {
        let mut grown = std::mem::take(visits).into_vec();
        grown.push(Count {
            stage,
            action: 0,
            times: least,
        });
        *visits = grown.into();
    }
}

fn buttons(stage: &Stage) -> impl Iterator<Item = &str> {
    stage
        .actions
        .iter()
        .filter_map(Action::button)
        .map(|button| button.event.as_str())
}

fn has_button(stage: &Stage, event: &str) -> bool {
    buttons(stage).any(|other| other == event)
}
