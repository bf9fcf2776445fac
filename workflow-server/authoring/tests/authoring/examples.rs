//! The examples are valid and can be published.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use aftercall_authoring::file::{
    format_yaml, read, read_calendars, read_teams, write_json, write_yaml,
};
use aftercall_definition::Definition;
use aftercall_definition::validate::{Declared, validate};

const WORKFLOWS: [&str; 8] = [
    "boiler-visit",
    "brochure",
    "call-back",
    "complaint",
    "missed-delivery",
    "refund",
    "repeat-prescription",
    "warranty-claim",
];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn text_of(name: &str) -> String {
    std::fs::read_to_string(examples().join(format!("{name}.yaml"))).expect("an example")
}

fn example(name: &str) -> (String, Definition) {
    let text = text_of(name);
    let definition = read(&text, None).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
    (text, definition)
}

#[test]
fn every_example_has_no_error_and_no_warning() {
    let teams: HashSet<String> = read_teams(&text_of("teams"))
        .expect("teams")
        .into_iter()
        .map(|team| team.name)
        .collect();
    let calendars = read_calendars(&text_of("calendars")).expect("calendars");
    let named = RefCell::new(HashSet::new());
    for name in WORKFLOWS {
        let (text, definition) = example(name);
        assert_eq!(definition.name, name, "a file has the name of its workflow");
        let is_team = |team: &str| {
            named.borrow_mut().insert(team.to_owned());
            teams.contains(team)
        };
        let is_calendar = |name: &str| calendars.iter().any(|calendar| calendar.name == name);
        let faults = validate(&definition, Declared::new(&is_team, &is_calendar));
        assert_eq!(faults, [], "{name}");
        assert!(
            text.starts_with("# "),
            "{name} begins with a comment about its purpose"
        );
    }
    assert_eq!(named.into_inner(), teams, "every declared team has work");
}

#[test]
fn every_workflow_is_in_the_form_of_fmt() {
    for name in WORKFLOWS {
        let text = text_of(name);
        assert_eq!(
            format_yaml(&text).as_ref(),
            Ok(&text),
            "{name}: run `aftercall workflow fmt --write`"
        );
    }
}

#[test]
fn the_list_of_examples_matches_the_folder() {
    let entries = std::fs::read_dir(examples())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name());
    let names = entries.map(|name| name.to_string_lossy().into_owned());
    let mut files: Vec<String> = names
        .filter(|name| name.ends_with(".yaml") && !name.ends_with(".test.yaml"))
        .collect();
    files.sort_unstable();
    let mut expected: Vec<String> = WORKFLOWS
        .iter()
        .chain(&["teams", "calendars"])
        .map(|name| format!("{name}.yaml"))
        .collect();
    expected.sort_unstable();
    assert_eq!(files, expected);
}

#[test]
fn an_exported_example_reads_back_as_the_same_workflow() {
    for name in WORKFLOWS {
        let (_, definition) = example(name);
        assert_eq!(
            read(&write_yaml(&definition), None).as_ref(),
            Ok(&definition),
            "{name}"
        );
        assert_eq!(
            read(&write_json(&definition), None).as_ref(),
            Ok(&definition),
            "{name}"
        );
    }
}

#[test]
fn the_comments_of_the_refund_have_the_right_numbers() {
    let (_, refund) = example("refund");
    let stages: Vec<(u32, &str, usize)> = refund
        .stages
        .iter()
        .map(|stage| (stage.number, stage.event.id.as_str(), stage.actions.len()))
        .collect();
    assert_eq!(
        stages,
        [
            (1, "new-call", 3),
            (2, "pay-out", 2),
            (3, "paid", 1),
            (4, "reject", 1)
        ]
    );
}
