//! Finds circles of links in which nothing waits, because an instance would run through them
//! forever. A timer that counts from the start of the instance, or from a field, delays only the
//! first round. In later rounds it is due when its stage is entered.

use crate::fault::{Fault, FaultCode};
use crate::model::{Definition, Stage, TimerStart};
use crate::validate::placed::in_action;
use crate::validate::scene::Events;

/// How many ids of a circle a message names.
const NAMED_MAX: usize = 6;

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    /// On the present path of the walk.
    OnPath,
    Done,
}

/// A stage on the path: its index, and its links that are not followed yet.
struct Step<'d> {
    place: usize,
    links: Vec<(usize, &'d str)>,
}

/// Reports each link that closes a circle. Follows all links depth first, without recursion.
pub(super) fn check(definition: &Definition, events: &Events<'_>, faults: &mut Vec<Fault>) {
    let stages = &definition.stages;
    let mut marks = vec![Mark::New; stages.len()];
    for start in 0..stages.len() {
        if marks[start] != Mark::New {
            continue;
        }
        let mut path = vec![Step {
            place: start,
            links: automatic_links(&stages[start]),
        }];
        marks[start] = Mark::OnPath;
        while let Some(step) = path.last_mut() {
            let Some((action, event)) = step.links.pop() else {
                marks[step.place] = Mark::Done;
                path.pop();
                continue;
            };
            let from = step.place;
            let Some(next) = events.place(event) else {
                continue;
            };
            match marks[next] {
                Mark::Done => {}
                Mark::OnPath => {
                    let message = describe(stages, &path, next);
                    faults.push(in_action(
                        &stages[from],
                        action,
                        FaultCode::CircleWithoutWait,
                        message,
                    ));
                }
                Mark::New => {
                    marks[next] = Mark::OnPath;
                    path.push(Step {
                        place: next,
                        links: automatic_links(&stages[next]),
                    });
                }
            }
        }
    }
}

/// The events that a stage leads to automatically once the instance has run long enough, with the
/// index of the action.
fn automatic_links(stage: &Stage) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (place, action) in stage.actions.iter().enumerate() {
        let has_elapsed = action
            .timer()
            .is_some_and(|timer| timer.from != TimerStart::Stage);
        let followed = action
            .targets()
            .filter(|target| has_elapsed || target.leads.is_link());
        links.extend(followed.map(|target| (place, target.event)));
    }
    links
}

fn describe(stages: &[Stage], path: &[Step<'_>], back_to: usize) -> String {
    let ids = path
        .iter()
        .skip_while(|step| step.place != back_to)
        .map(|step| stages[step.place].event.id.as_str());
    let count = ids.clone().count();
    let mut named: Vec<&str> = ids.take(NAMED_MAX).collect();
    if count > NAMED_MAX {
        named.push("…");
    }
    named.push(&stages[back_to].event.id);
    let circle = named.join(" → ");
    format!(
        "the links form a circle in which nothing waits: {circle}; put a button in it, or a timer that counts from its stage"
    )
}
