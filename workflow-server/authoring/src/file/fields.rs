//! The fields that a workflow or the form of a button declares.

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::{FIELD_VALUES_MAX, FIELDS_MAX, TEXT_BYTES_MAX};
use aftercall_definition::rules;
use aftercall_definition::time::{Offset, Time};
use aftercall_definition::value::{FieldDeclaration, FieldType, Value};

use crate::file::faults::Faults;
use crate::file::mapping::{self, Keys, Mapping};
use crate::file::tree::{Content, Node};

pub(super) const FIELD: Keys = Keys {
    known: &[
        "type",
        "label",
        "required",
        "sensitive",
        "default",
        "values",
        "min",
        "max",
    ],
    later: &[],
};

pub(super) const TYPES: [(&str, FieldType); 4] = [
    ("text", FieldType::Text),
    ("number", FieldType::Number),
    ("bool", FieldType::Bool),
    ("time", FieldType::Time),
];

/// Reads `{ NAME: { type, required, … } }`. `what` is `fields` or `form`.
pub(super) fn read(node: &Node, what: &str, faults: &mut Faults) -> Vec<FieldDeclaration> {
    let Some(fields) = Mapping::from_node(node, &format!("`{what}`"), faults) else {
        return Vec::new();
    };
    if fields.entries.len() > FIELDS_MAX {
        let message = format!(
            "`{what}` has {} fields; at most {} are allowed",
            fields.entries.len(),
            FIELDS_MAX
        );
        faults.add(FaultCode::TooLarge, node.at, message);
        return Vec::new();
    }
    let mut declared = Vec::with_capacity(fields.entries.len());
    for (key, value) in fields.entries {
        faults.check(key.at, what, rules::field_name(&key.text));
        let Some(field) = Mapping::from_node(value, "a field", faults) else {
            continue;
        };
        field.check_keys(&FIELD, faults);
        declared.push(declaration(key.text.clone(), field, faults));
    }
    declared
}

fn declaration(name: String, field: Mapping<'_>, faults: &mut Faults) -> FieldDeclaration {
    let field_type = field
        .require("type", "a field", faults)
        .and_then(|node| mapping::word(node, "type", &TYPES, &[], faults));
    let required = field
        .get("required")
        .and_then(|node| mapping::flag(node, "required", faults));
    let sensitive = field
        .get("sensitive")
        .and_then(|node| mapping::flag(node, "sensitive", faults));
    let label = field.get("label").and_then(|node| {
        mapping::checked(node, "label", |text| rules::label("`label`", text), faults)
    });
    let mut declared = FieldDeclaration {
        name,
        required: required.unwrap_or(false),
        sensitive: sensitive.unwrap_or(false),
        label: label.unwrap_or_default(),
        ..FieldDeclaration::default()
    };
    // The other keys of a field cannot be checked without its type.
    let Some(field_type) = field_type else {
        return declared;
    };
    declared.field_type = field_type;
    declared.values = field
        .get("values")
        .map(|node| values(node, field_type, faults))
        .unwrap_or_default();
    if field_type == FieldType::Time {
        for (key, bound) in [
            ("min", &mut declared.earliest),
            ("max", &mut declared.latest),
        ] {
            *bound = field.get(key).and_then(|node| offset(node, key, faults));
        }
    } else {
        for (key, bound) in [("min", &mut declared.min), ("max", &mut declared.max)] {
            *bound = field.get(key).and_then(|node| number(node, key, faults));
        }
    }
    declared.default = field
        .get("default")
        .and_then(|node| value(node, "default", field_type, faults));
    if let Err(fault) = rules::field_bounds(&declared) {
        let at = field.get(&fault.field).map_or(field.at, |node| node.at);
        faults.put(at, fault);
    }
    declared
}

fn values(node: &Node, field_type: FieldType, faults: &mut Faults) -> Vec<Value> {
    let items = mapping::list(node, "`values`", faults);
    items
        .iter()
        .take(FIELD_VALUES_MAX + 1)
        .filter_map(|item| value(item, "values", field_type, faults))
        .collect()
}

fn number(node: &Node, field: &str, faults: &mut Faults) -> Option<f64> {
    match value(node, field, FieldType::Number, faults)? {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

fn offset(node: &Node, field: &str, faults: &mut Faults) -> Option<Offset> {
    match rules::offset(mapping::text(node, field, faults)?) {
        Ok(offset) => Some(offset),
        Err(fault) => {
            faults.put(
                node.at,
                Fault {
                    field: field.to_owned(),
                    ..fault
                },
            );
            None
        }
    }
}

fn value(node: &Node, field: &str, field_type: FieldType, faults: &mut Faults) -> Option<Value> {
    let Content::Scalar { text, plain } = &node.content else {
        mapping::text(node, field, faults);
        return None;
    };
    let value = match field_type {
        FieldType::Text => {
            faults.check(
                node.at,
                field,
                rules::text(format_args!("`{field}`"), text, TEXT_BYTES_MAX),
            );
            Some(Value::Text(text.as_str().into()))
        }
        FieldType::Bool => return mapping::flag(node, field, faults).map(Value::Bool),
        FieldType::Number => text
            .parse()
            .ok()
            .filter(|number: &f64| *plain && number.is_finite())
            .map(Value::Number),
        FieldType::Time => text
            .parse()
            .ok()
            .map(|moment: jiff::Timestamp| Value::Time(Time(moment.as_millisecond()))),
    };
    if value.is_none() {
        let like = if field_type == FieldType::Time {
            "a time such as 2026-11-24T09:00:00Z"
        } else {
            "a number"
        };
        let message = format!("`{field}` must be {like}, not {}", rules::quoted(text));
        faults.put(
            node.at,
            Fault {
                field: field.to_owned(),
                ..Fault::new(FaultCode::BadValue, message)
            },
        );
    }
    value
}
