//! The actions that add no event: alert, link, finish.

use crate::definition::fault::{Fault, FaultCode};
use crate::definition::file::escalation;
use crate::definition::file::faults::Faults;
use crate::definition::file::mapping::{self, Keys, Mapping};
use crate::definition::file::tree::{Content, Node};
use crate::definition::model::{Action, AlertAction, AtMost, FinishAction, LinkAction, Priority};
use crate::definition::rules;
use crate::definition::template::{Template, TemplateFault};
use crate::limits;

const ALERT: Keys =
    Keys { known: &["text", "team", "priority", "due", "escalate"], later: &["when", "calendar", "at", "id"] };
const LINK: Keys = Keys { known: &["to", "max", "else"], later: &["when"] };
const LATER_BESIDE: [&str; 1] = ["when"];
const LATER_IN_FINISH: [&str; 1] = ["when"];

/// The words of the priorities.
pub(super) const PRIORITIES: [(&str, Priority); 4] =
    [("low", Priority::Low), ("normal", Priority::Normal), ("high", Priority::High), ("urgent", Priority::Urgent)];

/// Refuses what stands beside the one key of such an action; most often it was meant to be inside.
pub(super) fn check_beside(kind: &str, action: Mapping<'_>, faults: &mut Faults) {
    let inside = match kind {
        "alert" => ALERT.known,
        "link" => LINK.known,
        _ => &[],
    };
    for (key, _) in action.entries.iter().filter(|(key, _)| key.text != kind) {
        if inside.contains(&key.text.as_str()) {
            let message = format!("`{}` belongs inside `{kind}`: indent it by two more spaces", key.text);
            faults.add(FaultCode::UnknownKey, key.at, message);
        } else if LATER_BESIDE.contains(&key.text.as_str()) {
            faults.put(key.at, mapping::later(&key.text));
        } else {
            let message = format!("unknown key {}; nothing stands beside `{kind}`", rules::quoted(&key.text));
            faults.add(FaultCode::UnknownKey, key.at, message);
        }
    }
}

/// Reads the action of this kind; nothing where it is at fault.
pub(super) fn read(kind: &str, value: &Node, faults: &mut Faults) -> Option<Action> {
    match kind {
        "alert" => alert(value, faults),
        "link" => link(value, faults),
        _ => finish(value, faults),
    }
}

fn alert(value: &Node, faults: &mut Faults) -> Option<Action> {
    let alert = Mapping::of(value, "`alert`", faults)?;
    alert.check_keys(&ALERT, faults);
    let text = alert.require("text", "`alert`", faults).and_then(|node| template(node, "text", faults));
    let team = alert.require("team", "`alert`", faults).and_then(|node| mapping::name(node, "team", faults));
    let priority = alert.get("priority").and_then(|node| mapping::word(node, "priority", &PRIORITIES, &[], faults));
    let due = alert.get("due").and_then(|node| mapping::span(node, "due", faults));
    let escalate = alert.get("escalate").map(|node| escalation::read(node, faults)).unwrap_or_default();
    let priority = priority.unwrap_or(Priority::Normal);
    Some(Action::Alert(AlertAction { text: text?, team: team?, priority, due, escalate }))
}

fn template(node: &Node, field: &str, faults: &mut Faults) -> Option<Template> {
    let rule = |text: &str| rules::text(format_args!("`{field}`"), text, limits::TEXT_BYTES_MAX);
    let source = mapping::checked(node, field, rule, faults)?;
    match Template::parse(&source) {
        Ok(template) => Some(template),
        Err(fault) => {
            let code = match fault {
                TemplateFault::Unclosed => FaultCode::BadValue,
                TemplateFault::NotPlain(_) => FaultCode::NotSupportedYet,
                TemplateFault::NoSuchCallPlace(_) => FaultCode::UnknownField,
            };
            faults.put(node.at, Fault { field: field.to_owned(), ..Fault::new(code, fault.to_string()) });
            None
        }
    }
}

fn link(value: &Node, faults: &mut Faults) -> Option<Action> {
    if mapping::is_scalar(value) {
        return Some(Action::Link(LinkAction { to: mapping::name(value, "link", faults)?, at_most: None }));
    }
    let link = Mapping::of(value, "`link`", faults)?;
    link.check_keys(&LINK, faults);
    let to = link.require("to", "`link`", faults).and_then(|node| mapping::name(node, "to", faults));
    let times = link.get("max").map(|node| mapping::whole(node, "max", 1, limits::LINK_TIMES_MAX, faults));
    let otherwise = link.get("else").map(|node| mapping::name(node, "else", faults));
    let at_most = match (times, otherwise) {
        (None, None) => None,
        (Some(times), Some(otherwise)) => Some(AtMost { times: times?, otherwise: otherwise? }),
        (times, _) => {
            let (there, missing) = if times.is_some() { ("max", "else") } else { ("else", "max") };
            let message = format!("`{there}` needs `{missing}`: how often to go there, and where to go from then on");
            faults.put(link.at, Fault { field: missing.to_owned(), ..Fault::new(FaultCode::MissingKey, message) });
            return None;
        }
    };
    Some(Action::Link(LinkAction { to: to?, at_most }))
}

fn finish(value: &Node, faults: &mut Faults) -> Option<Action> {
    if let Content::Map(entries) = &value.content
        && let Some((key, _)) = entries.iter().find(|(key, _)| LATER_IN_FINISH.contains(&key.text.as_str()))
    {
        faults.put(key.at, mapping::later(&key.text));
        return None;
    }
    Some(Action::Finish(FinishAction { outcome: mapping::name(value, "finish", faults)? }))
}
