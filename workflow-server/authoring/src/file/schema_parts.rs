//! The parts of the JSON Schema.

use serde_json::{Map, Value, json};

use crate::file::mapping::Keys;

/// A key, its schema, and the description for an editor.
pub(super) type Property = (&'static str, Value, &'static str);

/// A mapping with exactly the keys that the reader knows. A key without a description accepts
/// anything, and a test refuses this.
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

/// A reference to a definition of the JSON Schema.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// One of these words.
pub(super) fn words<T>(known: &[(&'static str, T)]) -> Value {
    json!({ "enum": known.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
}

/// The condition of an action.
pub(super) fn condition() -> Property {
    (
        "when",
        reference("expression"),
        "The condition for the action",
    )
}
