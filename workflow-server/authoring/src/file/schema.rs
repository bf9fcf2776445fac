//! The JSON Schema of the file form, for editors: made of the same lists of keys and words that
//! reading goes by.
//!
//! Must not be what judges a file: [`super::read`] does, and says more.

use aftercall_definition::limits::{
    ACTIONS_PER_STAGE_MAX, ESCALATION_STEPS_MAX, FIELD_VALUES_MAX, FIELDS_MAX, LABEL_CHARS_MAX,
    LINK_TIMES_MAX, NAME_CHARS_MAX, STAGE_NUMBER_MAX, STEP_REPEATS_MAX, TEXT_BYTES_MAX,
};
use serde_json::{Map, Value, json};

use super::escalation::{RAISES, STEP};
use super::fields::{FIELD, TYPES};
use super::keys::{
    ALERT, BUTTON, FINISH, KINDS, LINK, PRIORITIES, SET_FIELD, TIMER, TIMER_VALUE, WORKFLOW,
};
use super::mapping::Keys;
use super::reading::FORMAT;

/// The schema, as draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let mut root = object(
        &WORKFLOW,
        &workflow(),
        &["format", "workflow", "title", "on_new_call"],
    );
    let definitions = json!({
        "action": action(),
        "actions": { "type": "array", "maxItems": ACTIONS_PER_STAGE_MAX, "items": { "$ref": "#/$defs/action" } },
        "fields": fields(),
        "name": { "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "maxLength": NAME_CHARS_MAX },
        "span": { "type": "string", "pattern": "^([0-9]+(s|m|h|d|wd)|[0-9]+h[0-9]+m([0-9]+s)?|[0-9]+[hm][0-9]+s)$", "description": "90s, 15m, 4h, 1h30m, 3d, or 5wd: working days of the calendar" },
        "label": { "type": "string", "minLength": 1, "maxLength": LABEL_CHARS_MAX },
        "text": { "type": "string", "minLength": 1, "maxLength": TEXT_BYTES_MAX },
        "expression": { "type": ["string", "number", "boolean"], "description": "A condition or value in CEL: fields.NAME, form.NAME, call.NAME, visit, now" },
    });
    if let Value::Object(root) = &mut root {
        root.insert(
            "$schema".to_owned(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        root.insert("title".to_owned(), "A workflow of Aftercall".into());
        root.insert("$defs".to_owned(), definitions);
    }
    root
}

/// A key, what it may be, and what an editor says of it.
pub(super) type Property = (&'static str, Value, &'static str);

/// A mapping with exactly the keys that reading knows; one that is described nowhere may be
/// anything, which a test refuses.
pub(super) fn object(keys: &Keys, described: &[Property], required: &[&str]) -> Value {
    let mut properties = Map::new();
    for key in keys.known {
        let found = described.iter().find(|(name, ..)| name == key);
        let mut value = found.map_or(json!({}), |(_, value, _)| value.clone());
        if let (Value::Object(value), Some((_, _, words))) = (&mut value, found) {
            value.insert("description".to_owned(), (*words).into());
        }
        properties.insert((*key).to_owned(), value);
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn words<T>(known: &[(&'static str, T)]) -> Value {
    json!({ "enum": known.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
}

fn workflow() -> Vec<Property> {
    vec![
        (
            "format",
            json!({ "const": FORMAT }),
            "The form of the file: 1",
        ),
        ("workflow", reference("name"), "Its name; never changes"),
        ("title", reference("label"), "What people call it"),
        (
            "deadline",
            reference("span"),
            "Over all stages, from Set Workflow",
        ),
        (
            "retention",
            reference("span"),
            "How long what has ended is kept: days",
        ),
        (
            "calendar",
            reference("name"),
            "The calendar in which spans count",
        ),
        ("fields", reference("fields"), "What the call script gives"),
        (
            "allow_unlinked_ends",
            json!({ "type": "boolean" }),
            "Publish although a path ends nowhere",
        ),
        (
            "on_new_call_title",
            reference("label"),
            "What people call stage 1; \"New call\" if not said",
        ),
        (
            "on_new_call",
            reference("actions"),
            "Stage 1: what is done when the workflow is set",
        ),
    ]
}

fn fields() -> Value {
    let any = json!({ "type": ["string", "number", "boolean"] });
    let values = json!({ "type": "array", "maxItems": FIELD_VALUES_MAX, "items": any });
    let bound = json!({ "type": ["number", "string"], "pattern": "^(now|-?[0-9]+(s|m|h|d))$" });
    let described = [
        ("type", words(&TYPES), "What it takes"),
        ("label", reference("label"), "What people are asked for"),
        (
            "required",
            json!({ "type": "boolean" }),
            "Whether it must be given",
        ),
        ("default", any, "The value where none is given"),
        ("values", values, "The values that it may have"),
        (
            "min",
            bound.clone(),
            "The least number, the fewest characters, or the earliest time from now: now, 90d, -1d",
        ),
        (
            "max",
            bound,
            "The greatest number, the most characters, or the latest time from now: now, 90d, -1d",
        ),
    ];
    json!({
        "type": "object",
        "maxProperties": FIELDS_MAX,
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": NAME_CHARS_MAX },
        "additionalProperties": object(&FIELD, &described, &["type"]),
    })
}

/// An action is one of its kinds, identified by the key that names it.
fn action() -> Value {
    let kind = |kind: &&str| match *kind {
        "button" => button(),
        "timer" => timer(),
        other => {
            json!({ "type": "object", "properties": { other: plain(other) }, "required": [other], "additionalProperties": false })
        }
    };
    json!({ "anyOf": KINDS.known.iter().map(kind).collect::<Vec<_>>() })
}

fn button() -> Value {
    let described = [
        ("button", reference("label"), "The text on the button"),
        ("id", reference("name"), "The id of its event"),
        ("stage", stage_number(), "The number of its stage"),
        (
            "title",
            reference("label"),
            "What people call its stage, such as To be paid",
        ),
        ("when", reference("expression"), "Whether it is there"),
        ("confirm", reference("text"), "A question to ask first"),
        (
            "note",
            words(&super::actions::NOTES),
            "Whether a note must be given",
        ),
        (
            "form",
            reference("fields"),
            "The fields that the person fills in",
        ),
        (
            "then",
            reference("actions"),
            "What is done when it is pushed",
        ),
    ];
    object(&BUTTON, &described, &["button"])
}

fn timer() -> Value {
    let value = [
        ("after", reference("span"), "How long"),
        (
            "at",
            json!({ "type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}( next day| next working day)?$" }),
            "A time of day: 09:00 next working day",
        ),
        (
            "from",
            json!({ "type": "string", "pattern": "^(stage|start|fields\\.[A-Za-z_][A-Za-z0-9_]*)$" }),
            "From when: stage, start, fields.NAME",
        ),
        (
            "calendar",
            reference("name"),
            "The calendar in which it counts; none for the clock on the wall",
        ),
        (
            "wait-for-claim",
            json!({ "type": "boolean" }),
            "Not while somebody holds the follow-up",
        ),
    ];
    let value = json!({ "anyOf": [reference("span"), object(&TIMER_VALUE, &value, &[])] });
    let described = [
        ("timer", value, "A span, or when it elapses"),
        ("label", reference("label"), "What people call it"),
        ("id", reference("name"), "The id of its event"),
        ("stage", stage_number(), "The number of its stage"),
        (
            "title",
            reference("label"),
            "What people call its stage, such as To be called again",
        ),
        ("when", reference("expression"), "Whether it runs"),
        (
            "then",
            reference("actions"),
            "What is done when it has elapsed",
        ),
    ];
    object(&TIMER, &described, &["timer"])
}

fn stage_number() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": STAGE_NUMBER_MAX })
}

fn plain(kind: &str) -> Value {
    let when = ("when", reference("expression"), "Whether it is done");
    match kind {
        "alert" => object(&ALERT, &alert(when), &["text", "team"]),
        "link" => {
            let times = json!({ "type": "integer", "minimum": 1, "maximum": LINK_TIMES_MAX });
            let described = [
                ("to", reference("name"), "The id of the event"),
                ("max", times, "At most so many times"),
                ("else", reference("name"), "Where to go after that"),
                when,
            ];
            json!({ "anyOf": [reference("name"), object(&LINK, &described, &["to"])] })
        }
        "finish" => {
            let described = [
                (
                    "outcome",
                    reference("name"),
                    "How it ended, as reports count it",
                ),
                when,
            ];
            json!({ "anyOf": [reference("name"), object(&FINISH, &described, &["outcome"])] })
        }
        _ => {
            let field = json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" });
            let described = [
                ("field", field, "A declared field"),
                ("to", reference("expression"), "Its new value"),
                when,
            ];
            object(&SET_FIELD, &described, &["field", "to"])
        }
    }
}

fn alert(when: Property) -> Vec<Property> {
    let step = [
        (
            "at",
            json!({ "type": "string", "pattern": "^(due|[1-9][0-9]?%)$" }),
            "A share of the time, or due",
        ),
        ("after", reference("span"), "How long after the due"),
        ("every", reference("span"), "Again, so much later"),
        (
            "times",
            json!({ "type": "integer", "minimum": 2, "maximum": STEP_REPEATS_MAX }),
            "How often in all",
        ),
        ("priority", words(&RAISES), "Its priority after the step"),
        ("team", reference("name"), "Its team after the step"),
        ("add-team", reference("name"), "One more team"),
    ];
    let steps = json!({ "type": "array", "maxItems": ESCALATION_STEPS_MAX, "items": object(&STEP, &step, &[]) });
    vec![
        (
            "text",
            reference("text"),
            "What is to be done, with places such as {{ fields.NAME }}",
        ),
        ("team", reference("name"), "A declared team"),
        (
            "priority",
            words(&PRIORITIES),
            "How urgent it is; normal if not said",
        ),
        (
            "due",
            reference("span"),
            "When it should be done, from entering the stage",
        ),
        (
            "calendar",
            reference("name"),
            "The calendar in which its due counts; none for the clock on the wall",
        ),
        ("escalate", steps, "What happens as its time goes by"),
        when,
    ]
}
