//! The JSON Schema of the file form, for editors. It uses the same lists of keys and words as the
//! reader.
//!
//! Must not decide whether a file is valid: [`super::read`] does, and reports more.

use aftercall_definition::limits::{
    ACTIONS_PER_STAGE_MAX, FIELD_VALUES_MAX, FIELDS_MAX, LABEL_CHARS_MAX, NAME_CHARS_MAX,
    STAGE_NUMBER_MAX, TEXT_BYTES_MAX,
};
use serde_json::{Value, json};

use crate::file::actions::NOTES;
use crate::file::fields::{FIELD, TYPES};
use crate::file::keys::{BUTTON, TIMER, TIMER_VALUE, WORKFLOW};
use crate::file::kinds::{KINDS, Kind};
use crate::file::reading::FORMAT;
use crate::file::schema_parts::{Property, object, reference, words};

/// The JSON Schema, draft 2020-12.
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

fn workflow() -> Vec<Property> {
    vec![
        (
            "format",
            json!({ "const": FORMAT }),
            "The version of the file form: 1",
        ),
        (
            "workflow",
            reference("name"),
            "The name, which never changes",
        ),
        ("title", reference("label"), "The title for people"),
        (
            "deadline",
            reference("span"),
            "The deadline of the whole workflow, counted from Set Workflow",
        ),
        (
            "retention",
            reference("span"),
            "How long ended follow-ups are kept, in days",
        ),
        ("calendar", reference("name"), "The calendar for durations"),
        (
            "fields",
            reference("fields"),
            "The fields that the call script sets",
        ),
        (
            "allow_unlinked_ends",
            json!({ "type": "boolean" }),
            "Publish even if a path has no finish",
        ),
        (
            "on_new_call_title",
            reference("label"),
            "The title of stage 1. The default is \"New call\"",
        ),
        (
            "on_new_call",
            reference("actions"),
            "The actions of stage 1, which begins when the workflow is set",
        ),
    ]
}

fn fields() -> Value {
    let any = json!({ "type": ["string", "number", "boolean"] });
    let values = json!({ "type": "array", "maxItems": FIELD_VALUES_MAX, "items": any });
    let bound = json!({ "type": ["number", "string"], "pattern": "^(now|-?[0-9]+(s|m|h|d))$" });
    let described = [
        ("type", words(&TYPES), "The type of its value"),
        ("label", reference("label"), "The label for people"),
        (
            "required",
            json!({ "type": "boolean" }),
            "Whether a value is required",
        ),
        (
            "sensitive",
            json!({ "type": "boolean" }),
            "Whether the value needs protection: browsers do not keep it, and reports do not show it",
        ),
        ("default", any, "The value if none is given"),
        ("values", values, "The allowed values"),
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

/// An action has exactly one kind. The key that names the kind identifies it.
fn action() -> Value {
    let kind = |kind: &Kind| match kind {
        Kind::Button => button(),
        Kind::Timer => timer(),
        Kind::Plain(plain) => {
            json!({ "type": "object", "properties": { plain.word: (plain.schema)() }, "required": [plain.word], "additionalProperties": false })
        }
    };
    json!({ "anyOf": KINDS.iter().map(kind).collect::<Vec<_>>() })
}

fn button() -> Value {
    let described = [
        ("button", reference("label"), "The text on the button"),
        ("id", reference("name"), "The id of its event"),
        ("stage", stage_number(), "The number of its stage"),
        (
            "title",
            reference("label"),
            "The title of its stage, such as To be paid",
        ),
        (
            "when",
            reference("expression"),
            "The condition for the button",
        ),
        ("confirm", reference("text"), "A question to ask first"),
        ("note", words(&NOTES), "Whether a note is required"),
        (
            "form",
            reference("fields"),
            "The fields that the person fills in",
        ),
        ("then", reference("actions"), "The actions after a push"),
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
            "The calendar for the timer, or none to count all hours",
        ),
        (
            "wait-for-claim",
            json!({ "type": "boolean" }),
            "Wait while a person holds the follow-up",
        ),
    ];
    let value = json!({ "anyOf": [reference("span"), object(&TIMER_VALUE, &value, &[])] });
    let described = [
        ("timer", value, "A duration, or when the timer fires"),
        ("label", reference("label"), "The title for people"),
        ("id", reference("name"), "The id of its event"),
        ("stage", stage_number(), "The number of its stage"),
        (
            "title",
            reference("label"),
            "The title of its stage, such as To be called again",
        ),
        (
            "when",
            reference("expression"),
            "The condition for the timer",
        ),
        (
            "then",
            reference("actions"),
            "The actions after it has fired",
        ),
    ];
    object(&TIMER, &described, &["timer"])
}

fn stage_number() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": STAGE_NUMBER_MAX })
}
