//! How events get their ids and numbers, in a first version and in later ones.

use std::collections::{BTreeMap, BTreeSet};

use aftercall_authoring::file::{read, write_yaml};
use aftercall_definition::Definition;
use aftercall_definition::numbering::Numbering;
use aftercall_definition::testing::definitions;
use proptest::prelude::*;

fn workflow(actions: &str, earlier: Option<&Numbering>) -> Definition {
    let file = format!("format: 1\nworkflow: w\ntitle: T\non_new_call:{actions}");
    read(&file, earlier).unwrap_or_else(|faults| panic!("{faults:#?}\n{file}"))
}

fn check(actions: &str, earlier: Option<&Numbering>, expected: &[(u32, &str, &str)]) {
    let definition = workflow(actions, earlier);
    let stages: Vec<(u32, &str, &str)> = definition
        .stages
        .iter()
        .map(|stage| {
            (
                stage.number,
                stage.event.id.as_str(),
                stage.event.label.as_str(),
            )
        })
        .collect();
    assert_eq!(stages, expected, "{actions}");
}

#[test]
fn ids_come_from_labels_and_numbers_from_the_order() {
    check(
        "
  - button: Größe prüfen
    then: [ { timer: 4h }, { timer: 4h }, { timer: { after: 2d, from: start }, label: Two days } ]
  - button: Yes
  - button: 1
  - button: ☂☂☂
  - button: Yes!
    id: sure
",
        None,
        &[
            (1, "new-call", "New call"),
            (2, "grosse-prufen", "Größe prüfen"),
            (3, "after-4h", "After 4h"),
            (4, "after-4h-2", "After 4h"),
            (5, "two-days", "Two days"),
            (6, "yes", "Yes"),
            (7, "1", "1"),
            (8, "umbrella-umbrella-umbrella", "☂☂☂"),
            (9, "sure", "Yes!"),
        ],
    );
}

#[test]
fn written_ids_and_numbers_come_first() {
    check(
        "
  - button: Go
  - { button: Go ahead, id: go, stage: 3 }
  - { button: Stop, stage: 2 }
  - button: Wait
",
        None,
        &[
            (1, "new-call", "New call"),
            (2, "stop", "Stop"),
            (3, "go", "Go ahead"),
            (4, "go-2", "Go"),
            (5, "wait", "Wait"),
        ],
    );
    check(
        " [ { button: Go }, { button: Stop, stage: 7 }, { button: Wait } ]",
        None,
        &[
            (1, "new-call", "New call"),
            (7, "stop", "Stop"),
            (8, "go", "Go"),
            (9, "wait", "Wait"),
        ],
    );
    let file = "format: 1\nworkflow: w\ntitle: T\non_new_call: [ { button: A, stage: 1000000 }, { button: B } ]";
    let faults = read(file, None).expect_err("too high");
    assert!(
        faults[0]
            .message
            .starts_with("no stage numbers are left up to 1000000; write lower ones"),
        "{faults:?}"
    );
}

#[test]
fn numbers_are_never_used_again() {
    let mut numbering = Numbering::default();
    numbering.absorb(&workflow(
        " [ { button: A }, { button: B }, { button: C } ]",
        None,
    ));
    check(
        " [ { button: New }, { button: B }, { button: A, id: a } ]",
        Some(&numbering),
        &[
            (1, "new-call", "New call"),
            (2, "a", "A"),
            (3, "b", "B"),
            (5, "new", "New"),
        ],
    );
    numbering.absorb(&workflow(" [ { button: New } ]", Some(&numbering)));
    assert_eq!(
        (
            numbering.number_of("c"),
            numbering.event_of(5),
            numbering.next_free()
        ),
        (Some(4), Some("new"), 6)
    );
}

proptest! {
    /// In any order of versions, an event keeps its number. A new event gets one that was never
    /// used.
    #[test]
    fn an_event_keeps_its_number_in_all_versions(versions in prop::collection::vec(definitions(), 1..5)) {
        let mut numbering = Numbering::default();
        let mut events = BTreeMap::new();
        for version in versions {
            // Without the numbers of the generator, so that reading assigns them.
            let text = write_yaml(&version);
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("stage: "));
            let text: String = lines.map(|line| format!("{line}\n")).collect();
            let read = read(&text, Some(&numbering)).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
            for stage in &read.stages {
                let id = events.entry(stage.number).or_insert_with(|| stage.event.id.clone());
                prop_assert_eq!(&*id, &stage.event.id);
            }
            numbering.absorb(&read);
        }
        let ids: BTreeSet<&String> = events.values().collect();
        prop_assert_eq!(ids.len(), events.len());
    }
}
