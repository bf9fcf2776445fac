//! The JSON Schema of the file form accepts the files that the reader accepts, as far as a schema
//! can. It describes every key.

use aftercall_authoring::file::{read, schema, write_json};
use aftercall_definition::testing::definitions;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::Value;

fn validator() -> Validator {
    jsonschema::validator_for(&schema())
        .unwrap_or_else(|error| panic!("the schema is invalid: {error}"))
}

fn json(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Finds the properties in the schema that have no description.
fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (key, property) in properties {
            // The keys inside of a kind of action describe it.
            let is_kind = properties.len() == 1;
            if property.get("description").is_none() && !is_kind {
                found.push(format!("{path}.{key}"));
            }
        }
    }
    match schema {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| undescribed(value, &format!("{path}/{key}"), found)),
        Value::Array(items) => items
            .iter()
            .for_each(|value| undescribed(value, path, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_described() {
    let mut found = Vec::new();
    undescribed(&schema(), "", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_examples_match_the_schema_and_name_it() {
    let validator = validator();
    let examples = format!("{}/../../examples", env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_workflow = name.ends_with(".yaml")
            && !name.ends_with(".test.yaml")
            && !["teams.yaml", "calendars.yaml"].contains(&&*name);
        if is_workflow {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                text.starts_with(
                    "# yaml-language-server: $schema=aftercall-workflow.schema.json\n"
                ),
                "{name}"
            );
            let value = json(&text);
            let faults: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| error.to_string())
                .collect();
            assert_eq!(faults, Vec::<String>::new(), "{name}");
            checked += 1;
        }
    }
    assert_eq!(checked, 8);
}

#[test]
fn the_schema_refuses_files_of_an_invalid_form() {
    let validator = validator();
    let start = "format: 1\nworkflow: w\ntitle: T\n";
    for (rest, why) in [
        ("on_new_call: []\ncolour: red\n", "an unknown key"),
        ("on_new_call: [ { buton: Go } ]\n", "an unknown action"),
        ("on_new_call: [ { finish: Not A Name } ]\n", "a bad name"),
        (
            "on_new_call: [ { alert: { text: a } } ]\n",
            "an alert without a team",
        ),
        (
            "on_new_call: [ { alert: { text: a, team: care, due: soon } } ]\n",
            "a bad span",
        ),
        (
            "on_new_call: [ { alert: { text: a, team: care, priority: highest } } ]\n",
            "a bad word",
        ),
        (
            "on_new_call: [ { timer: { at: noon } } ]\n",
            "a bad time of day",
        ),
        (
            "fields: { a: { type: money } }\non_new_call: []\n",
            "a bad type",
        ),
        ("deadline: 5d\n", "nothing to do"),
    ] {
        let text = format!("{start}{rest}");
        assert!(read(&text, None).is_err(), "{why}: {text}");
        assert!(!validator.is_valid(&json(&text)), "{why}: {text}");
    }
}

proptest! {
    #[test]
    fn every_export_matches_the_schema(definition in definitions()) {
        let validator = validator();
        let value: Value = serde_json::from_str(&write_json(&definition)).unwrap();
        let faults: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        prop_assert!(faults.is_empty(), "{:?}", faults);
    }
}
