//! The actions that add no event: alert, link, finish, set-field. Their keys in a file, how they
//! are read, and their JSON Schema.

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::{LINK_TIMES_MAX, TEXT_BYTES_MAX};
use aftercall_definition::model::{
    Action, ActionKind, AlertAction, AtMost, FinishAction, LinkAction, Priority, SetFieldAction,
};
use aftercall_definition::rules;
use aftercall_definition::template::Template;
use serde_json::{Value, json};

use crate::file::escalation;
use crate::file::faults::Faults;
use crate::file::keys::PRIORITIES;
use crate::file::mapping::{self, Keys, Mapping};
use crate::file::schema_parts::{condition, object, reference, words};
use crate::file::tree::Node;

const ALERT: Keys = Keys {
    known: &[
        "text", "team", "priority", "due", "calendar", "escalate", "seen-for", "when",
    ],
    later: &["at", "id"],
};
const LINK: Keys = Keys {
    known: &["to", "max", "else", "when"],
    later: &[],
};
const FINISH: Keys = Keys {
    known: &["outcome", "when"],
    later: &[],
};
const SET_FIELD: Keys = Keys {
    known: &["field", "to", "when"],
    later: &[],
};

/// An action that adds no event.
pub(super) struct Plain {
    /// Its key.
    pub(super) word: &'static str,
    /// The keys inside.
    pub(super) keys: &'static Keys,
    /// The key that a value without a mapping is for.
    pub(super) short_for: Option<&'static str>,
    /// Reads the action; `None` if it is invalid.
    pub(super) read: fn(&Node, &mut Faults) -> Option<Action>,
    /// The JSON Schema of its value.
    pub(super) schema: fn() -> Value,
}

/// The plain actions. Each `word` must equal [`Action::word`], because the writer uses that.
pub(super) const PLAIN: [Plain; 4] = [
    Plain {
        word: "alert",
        keys: &ALERT,
        short_for: None,
        read: alert,
        schema: alert_schema,
    },
    Plain {
        word: "link",
        keys: &LINK,
        short_for: Some("to"),
        read: link,
        schema: link_schema,
    },
    Plain {
        word: "finish",
        keys: &FINISH,
        short_for: Some("outcome"),
        read: finish,
        schema: finish_schema,
    },
    Plain {
        word: "set-field",
        keys: &SET_FIELD,
        short_for: None,
        read: set_field,
        schema: set_field_schema,
    },
];

impl Plain {
    /// Reports keys beside the only key of such an action. Authors mostly meant them to be inside.
    pub(super) fn check_beside(&self, action: Mapping<'_>, faults: &mut Faults) {
        let (kind, inside) = (self.word, self.keys.known);
        for (key, _) in action.entries.iter().filter(|(key, _)| key.text != kind) {
            if inside.contains(&key.text.as_str()) {
                let message = match (kind, action.get(kind).is_some_and(mapping::is_scalar)) {
                    ("link", true) => format!(
                        "`{}` belongs inside: write `link: {{ to: …, {}: … }}`",
                        key.text, key.text
                    ),
                    ("finish", true) => {
                        format!(
                            "`{}` belongs inside: write `finish: {{ outcome: …, {}: … }}`",
                            key.text, key.text
                        )
                    }
                    _ => format!(
                        "`{}` belongs inside `{kind}`: indent it by two more spaces",
                        key.text
                    ),
                };
                faults.add(FaultCode::UnknownKey, key.at, message);
            } else {
                let message = format!(
                    "unknown key {}; `{kind}` has no keys beside it",
                    rules::quoted(&key.text)
                );
                faults.add(FaultCode::UnknownKey, key.at, message);
            }
        }
    }
}

fn alert(value: &Node, faults: &mut Faults) -> Option<Action> {
    let alert = Mapping::from_node(value, "`alert`", faults)?;
    alert.check_keys(&ALERT, faults);
    let text = alert
        .require("text", "`alert`", faults)
        .and_then(|node| template(node, "text", faults));
    let team = alert
        .require("team", "`alert`", faults)
        .and_then(|node| mapping::name(node, "team", faults));
    let priority = alert
        .get("priority")
        .and_then(|node| mapping::word(node, "priority", &PRIORITIES, &[], faults));
    let due = alert
        .get("due")
        .and_then(|node| mapping::span(node, "due", faults));
    let calendar = mapping::calendar(alert, faults);
    let when = mapping::when(alert, faults);
    let escalate = alert
        .get("escalate")
        .map(|node| escalation::read(node, faults))
        .unwrap_or_default();
    let seen_for = alert
        .get("seen-for")
        .and_then(|node| mapping::span(node, "seen-for", faults));
    let priority = priority.unwrap_or(Priority::Normal);
    let alert = AlertAction {
        text: text?,
        team: team?,
        priority,
        due,
        calendar,
        escalate,
        seen_for,
    };
    Some(Action {
        when,
        kind: ActionKind::Alert(alert),
    })
}

fn template(node: &Node, field: &str, faults: &mut Faults) -> Option<Template> {
    let rule = |text: &str| rules::text(format_args!("`{field}`"), text, TEXT_BYTES_MAX);
    let source = mapping::checked(node, field, rule, faults)?;
    let of_field = |fault: Fault| Fault {
        field: field.to_owned(),
        ..fault
    };
    // After the limit is exceeded and reported, no more texts are parsed.
    if rules::logic_bytes(faults.logic_bytes).is_err() && source.contains('{') {
        return None;
    }
    let template = match Template::parse(&source) {
        Ok(template) => template,
        Err(wrong) => {
            let fault = of_field(Fault::new(FaultCode::BadValue, wrong.message));
            faults.put_inside(node.at, (&source, wrong.range), fault);
            // The rest of the file is checked as if the text were valid.
            return Some(Template::stored(&source));
        }
    };
    if template.has_logic() {
        faults.logic_bytes += source.len();
        if let Err(fault) = rules::logic_bytes(faults.logic_bytes) {
            faults.put(node.at, of_field(fault));
            return None;
        }
    }
    Some(template)
}

fn link(value: &Node, faults: &mut Faults) -> Option<Action> {
    if mapping::is_scalar(value) {
        let link = LinkAction {
            to: mapping::name(value, "link", faults)?,
            at_most: None,
        };
        return Some(ActionKind::Link(link).into());
    }
    let link = Mapping::from_node(value, "`link`", faults)?;
    link.check_keys(&LINK, faults);
    let to = link
        .require("to", "`link`", faults)
        .and_then(|node| mapping::name(node, "to", faults));
    let when = mapping::when(link, faults);
    let times = link
        .get("max")
        .map(|node| mapping::whole_number(node, "max", 1, LINK_TIMES_MAX, faults));
    let otherwise = link
        .get("else")
        .map(|node| mapping::name(node, "else", faults));
    let at_most = match (times, otherwise) {
        (None, None) => None,
        (Some(times), Some(otherwise)) => Some(AtMost {
            times: times?,
            otherwise: otherwise?,
        }),
        (times, _) => {
            let (there, missing) = if times.is_some() {
                ("max", "else")
            } else {
                ("else", "max")
            };
            let message = format!(
                "`{there}` needs `{missing}`: how often to go there, and where to go after that"
            );
            faults.put(
                link.at,
                Fault {
                    field: missing.to_owned(),
                    ..Fault::new(FaultCode::MissingKey, message)
                },
            );
            return None;
        }
    };
    Some(Action {
        when,
        kind: ActionKind::Link(LinkAction { to: to?, at_most }),
    })
}

fn finish(value: &Node, faults: &mut Faults) -> Option<Action> {
    if mapping::is_scalar(value) {
        return Some(
            ActionKind::Finish(FinishAction {
                outcome: mapping::name(value, "finish", faults)?,
            })
            .into(),
        );
    }
    let finish = Mapping::from_node(value, "`finish`", faults)?;
    finish.check_keys(&FINISH, faults);
    let when = mapping::when(finish, faults);
    let outcome = finish
        .require("outcome", "`finish`", faults)
        .and_then(|node| mapping::name(node, "outcome", faults))?;
    Some(Action {
        when,
        kind: ActionKind::Finish(FinishAction { outcome }),
    })
}

fn set_field(value: &Node, faults: &mut Faults) -> Option<Action> {
    let set = Mapping::from_node(value, "`set-field`", faults)?;
    set.check_keys(&SET_FIELD, faults);
    let when = mapping::when(set, faults);
    let field = set
        .require("field", "`set-field`", faults)
        .and_then(|node| {
            let named = mapping::text(node, "field", faults)?;
            faults
                .check(node.at, "field", rules::field_name(named))
                .then(|| named.to_owned())
        });
    let to = set
        .require("to", "`set-field`", faults)
        .and_then(|node| mapping::expression(node, "to", faults));
    Some(Action {
        when,
        kind: ActionKind::SetField(SetFieldAction {
            field: field?,
            to: to?,
        }),
    })
}

fn alert_schema() -> Value {
    let described = [
        (
            "text",
            reference("text"),
            "The task, with placeholders such as {{ fields.NAME }}",
        ),
        ("team", reference("name"), "A declared team"),
        (
            "priority",
            words(&PRIORITIES),
            "The priority. The default is normal",
        ),
        (
            "due",
            reference("span"),
            "When it is due, counted from entering the stage",
        ),
        (
            "calendar",
            reference("name"),
            "The calendar for its times, or none to count all hours",
        ),
        ("escalate", escalation::schema(), "The escalation steps"),
        (
            "seen-for",
            reference("span"),
            "When it is new again after somebody has seen it and nobody works on it",
        ),
        condition(),
    ];
    object(&ALERT, &described, &["text", "team"])
}

fn link_schema() -> Value {
    let times = json!({ "type": "integer", "minimum": 1, "maximum": LINK_TIMES_MAX });
    let described = [
        ("to", reference("name"), "The id of the event"),
        ("max", times, "The largest number of times"),
        ("else", reference("name"), "Where to go after that"),
        condition(),
    ];
    json!({ "anyOf": [reference("name"), object(&LINK, &described, &["to"])] })
}

fn finish_schema() -> Value {
    let described = [
        (
            "outcome",
            reference("name"),
            "The outcome, as reports show it",
        ),
        condition(),
    ];
    json!({ "anyOf": [reference("name"), object(&FINISH, &described, &["outcome"])] })
}

fn set_field_schema() -> Value {
    let field = json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" });
    let described = [
        ("field", field, "A declared field"),
        ("to", reference("expression"), "Its new value"),
        condition(),
    ];
    object(&SET_FIELD, &described, &["field", "to"])
}
