//! The escalation steps of an alert, read from a file and written to it.

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::{ESCALATION_STEPS_MAX, STEP_REPEATS_MAX};
use aftercall_definition::model::{Again, EscalationStep, Priority, Raise, StepTime};
use aftercall_definition::rules;
use serde_json::{Value, json};

use crate::file::faults::Faults;
use crate::file::keys::PRIORITIES;
use crate::file::mapping::{self, Keys, Mapping};
use crate::file::schema_parts::{object, reference, words};
use crate::file::tree::Node;

pub(super) const STEP: Keys = Keys {
    known: &[
        "at", "after", "every", "times", "priority", "team", "add-team",
    ],
    later: &["when"],
};

/// The words for the priority of a step: "raise by one", and the priorities.
pub(super) const RAISES: [(&str, Raise); 5] = [
    (RAISE, Raise::ByOne),
    (PRIORITIES[0].0, Raise::To(Priority::Low)),
    (PRIORITIES[1].0, Raise::To(Priority::Normal)),
    (PRIORITIES[2].0, Raise::To(Priority::High)),
    (PRIORITIES[3].0, Raise::To(Priority::Urgent)),
];
/// The word of a step that raises the priority by one.
pub(super) const RAISE: &str = "raise";
/// The word of a step at the time when the alert is due.
pub(super) const DUE: &str = "due";

/// The JSON Schema of the escalation steps of an alert.
pub(super) fn schema() -> Value {
    let step = [
        (
            "at",
            json!({ "type": "string", "pattern": "^(due|[1-9][0-9]?%)$" }),
            "A share of the time until the due, or due",
        ),
        ("after", reference("span"), "How long after the due"),
        ("every", reference("span"), "The time between repeats"),
        (
            "times",
            json!({ "type": "integer", "minimum": 2, "maximum": STEP_REPEATS_MAX }),
            "The total number of times",
        ),
        ("priority", words(&RAISES), "Its priority after the step"),
        ("team", reference("name"), "Its team after the step"),
        ("add-team", reference("name"), "One more team"),
    ];
    json!({ "type": "array", "maxItems": ESCALATION_STEPS_MAX, "items": object(&STEP, &step, &[]) })
}

/// Reads the escalation steps of an alert.
pub(super) fn read(node: &Node, faults: &mut Faults) -> Vec<EscalationStep> {
    let items = mapping::list(node, "`escalate`", faults);
    if let Some(item) = items.get(ESCALATION_STEPS_MAX) {
        let message =
            format!("an alert escalates at most {ESCALATION_STEPS_MAX} times, repeats aside");
        put(faults, item, FaultCode::TooLarge, "escalate", message);
    }
    items
        .iter()
        .take(ESCALATION_STEPS_MAX)
        .filter_map(|item| step(item, faults))
        .collect()
}

fn put(faults: &mut Faults, node: &Node, code: FaultCode, field: &str, message: String) {
    faults.put(
        node.at,
        Fault {
            field: field.to_owned(),
            ..Fault::new(code, message)
        },
    );
}

fn step(node: &Node, faults: &mut Faults) -> Option<EscalationStep> {
    let step = Mapping::from_node(node, "a step of `escalate`", faults)?;
    step.check_keys(&STEP, faults);
    let at = time(step, faults);
    let again = again(step, faults);
    let priority = step
        .get("priority")
        .and_then(|node| mapping::word(node, "priority", &RAISES, &[], faults));
    let mut team = |key: &str| step.get(key).map(|node| mapping::name(node, key, faults));
    let (team, add_team) = (team("team"), team("add-team"));
    if ["priority", "team", "add-team"]
        .iter()
        .all(|key| step.get(key).is_none())
    {
        let message =
            "an escalation step changes something: give it `priority`, `team` or `add-team`"
                .to_owned();
        put(faults, node, FaultCode::MissingKey, "escalate", message);
    }
    Some(EscalationStep {
        at: at?,
        again: again?,
        priority,
        team: team.flatten(),
        add_team: add_team.flatten(),
    })
}

fn time(step: Mapping<'_>, faults: &mut Faults) -> Option<StepTime> {
    match (step.get("at"), step.get("after")) {
        (Some(at), None) => {
            let text = mapping::text(at, "at", faults)?;
            let share = text
                .strip_suffix('%')
                .and_then(|share| share.parse().ok())
                .filter(|share| (1..100).contains(share));
            if text == DUE {
                return Some(StepTime::Due);
            }
            if share.is_none() {
                let message = format!(
                    "`at` is `due`, or a share of the time until then such as `50%` (1% to 99%), not {}; write later times as `after: 2h`",
                    rules::quoted(text)
                );
                put(faults, at, FaultCode::BadValue, "at", message);
            }
            share.map(StepTime::Share)
        }
        (None, Some(after)) => mapping::span(after, "after", faults).map(StepTime::After),
        (at, _) => {
            let (code, message) = match at {
                Some(_) => (
                    FaultCode::BadValue,
                    "an escalation step has either `at` or `after`",
                ),
                None => (
                    FaultCode::MissingKey,
                    "an escalation step needs `at` (`50%`, `due`) or `after` (how long after it was due)",
                ),
            };
            faults.put(
                step.at,
                Fault {
                    field: "at".to_owned(),
                    ..Fault::new(code, message.to_owned())
                },
            );
            None
        }
    }
}

/// `None` if it is invalid. `Some(None)` if the step is not repeated.
fn again(step: Mapping<'_>, faults: &mut Faults) -> Option<Option<Again>> {
    match (step.get("every"), step.get("times")) {
        (None, None) => Some(None),
        (Some(every), Some(times)) => {
            let every = mapping::span(every, "every", faults);
            let times = mapping::whole_number(times, "times", 2, STEP_REPEATS_MAX, faults);
            Some(Some(Again {
                every: every?,
                times: times?,
            }))
        }
        (every, _) => {
            let (there, missing) = if every.is_some() {
                ("every", "times")
            } else {
                ("times", "every")
            };
            let message =
                format!("`{there}` needs `{missing}`: how often in all, and how long in between");
            faults.put(
                step.at,
                Fault {
                    field: missing.to_owned(),
                    ..Fault::new(FaultCode::MissingKey, message)
                },
            );
            None
        }
    }
}
