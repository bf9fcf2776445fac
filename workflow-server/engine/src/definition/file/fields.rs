//! The fields that a workflow or a button's form declares.

use crate::definition::fault::FaultCode;
use crate::definition::file::faults::Faults;
use crate::definition::file::mapping::{self, Keys, Mapping};
use crate::definition::file::tree::Node;
use crate::definition::rules;
use crate::limits;
use crate::value::{FieldDeclaration, FieldType};

const FIELD: Keys = Keys { known: &["type", "required"], later: &["default", "values", "label", "min", "max"] };

const TYPES: [(&str, FieldType); 4] =
    [("text", FieldType::Text), ("number", FieldType::Number), ("bool", FieldType::Bool), ("time", FieldType::Time)];

/// Reads `{ NAME: { type, required } }`; `what` is `fields` or `form`.
pub(super) fn read(node: &Node, what: &str, faults: &mut Faults) -> Vec<FieldDeclaration> {
    let Some(fields) = Mapping::of(node, &format!("`{what}`"), faults) else { return Vec::new() };
    if fields.entries.len() > limits::FIELDS_MAX {
        let message =
            format!("`{what}` has {} fields; at most {} are allowed", fields.entries.len(), limits::FIELDS_MAX);
        faults.add(FaultCode::TooLarge, node.at, message);
        return Vec::new();
    }
    let mut declared = Vec::with_capacity(fields.entries.len());
    for (key, value) in fields.entries {
        faults.check(key.at, what, rules::field_name(&key.text));
        let Some(field) = Mapping::of(value, "a field", faults) else { continue };
        field.check_keys(&FIELD, faults);
        let field_type =
            field.require("type", "a field", faults).and_then(|node| mapping::word(node, "type", &TYPES, &[], faults));
        let required = field.get("required").and_then(|node| mapping::flag(node, "required", faults));
        declared.push(FieldDeclaration {
            name: key.text.clone(),
            field_type: field_type.unwrap_or(FieldType::Text),
            required: required.unwrap_or(false),
        });
    }
    declared
}
