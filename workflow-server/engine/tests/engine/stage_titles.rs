//! Tests the titles of stages: the author's title, or the event that leads to the stage. A title is
//! shown wherever a stage is shown, and has no other effect.

use aftercall_authoring::builder::{add_action, update_action};
use aftercall_authoring::diff::diff;
use aftercall_authoring::file::{format_yaml, read, read_header, write_json, write_yaml};
use aftercall_authoring::graph::{Graph, Trail, dot, mermaid, svg, text};
use aftercall_definition::numbering::Numbering;
use aftercall_definition::{Definition, FaultCode};
use aftercall_engine::command::{Command, ImportWorkflow, MigrateInstance, PublishWorkflow};

use crate::desk::Desk;

const FILE: &str = "format: 1
workflow: repair
title: Repair
on_new_call_title: To be decided
on_new_call:
  - alert: { text: Decide, team: care }
  - button: Approve
    id: approve
    title: To be paid
    then:
      - alert: { text: Pay, team: billing }
      - button: Paid
        then:
          - finish: paid
      - timer: 2h
        label: Remind
        title: To be paid at once
        then:
          - link: approve
  - button: Reject
    then:
      - finish: rejected
  - timer: 3d
    then:
      - finish: late
  - timer: 4d
    label: Reminder
    then:
      - finish: later
";

fn workflow(text: &str) -> Definition {
    read(text, None).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn titles(definition: &Definition) -> Vec<String> {
    definition
        .stages
        .iter()
        .map(|stage| stage.title().into_owned())
        .collect()
}

#[test]
fn an_untitled_stage_is_named_after_its_event() {
    let own = "To be decided, To be paid, After Paid, To be paid at once, After Reject, After 3d, After Reminder";
    assert_eq!(titles(&workflow(FILE)).join(", "), own);
    let plain: String = FILE
        .lines()
        .filter(|line| !line.contains("title: To be"))
        .map(|line| format!("{line}\n"))
        .collect();
    let default =
        "New call, After Approve, After Paid, After Remind, After Reject, After 3d, After Reminder";
    assert_eq!(titles(&workflow(&plain)).join(", "), default);
}

#[test]
fn stage_titles_survive_writing_and_formatting() {
    let definition = workflow(FILE);
    for written in [write_yaml(&definition), write_json(&definition)] {
        assert_eq!(read(&written, None).as_ref(), Ok(&definition));
        assert_eq!(written.matches("title").count(), 4, "{written}");
    }
    let formatted = format_yaml(FILE).unwrap();
    assert_eq!(formatted.matches("title: To be").count(), 3, "{formatted}");
    assert_eq!(format_yaml(&formatted), Ok(formatted));
    let header = read_header(FILE.split_once("on_new_call:").unwrap().0).unwrap();
    assert_eq!(header.stages[0].title(), "To be decided");
}

#[test]
fn an_empty_stage_title_is_an_error() {
    for (from, to) in [
        ("title: To be paid\n", "title: ''\n"),
        ("on_new_call_title: To be decided", "on_new_call_title: ' '"),
    ] {
        let faults = read(&FILE.replacen(from, to, 1), None).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(
            faults[0].code == FaultCode::BadValue
                && faults[0].message.contains("the stage's title"),
            "{faults:#?}"
        );
    }
}

#[test]
fn a_changed_title_is_a_difference_in_words() {
    let old = workflow(FILE);
    let check = |from: &str, to: &str, said: &[&str]| {
        assert!(FILE.contains(from), "{from}");
        assert_eq!(
            diff(&old, &workflow(&FILE.replacen(from, to, 1))),
            said,
            "{from} -> {to}"
        );
    };
    check(
        "To be paid\n",
        "Payment\n",
        &["stage 2 \"Payment\" was called \"To be paid\""],
    );
    check(
        "    title: To be paid\n",
        "",
        &["stage 2 \"After Approve\" was called \"To be paid\""],
    );
    check(
        "on_new_call_title: To be decided\n",
        "",
        &["stage 1 \"New call\" was called \"To be decided\""],
    );
    let written_out = "button: Reject\n    title: After Reject\n";
    check(
        "button: Reject\n",
        written_out,
        &["stage 5 \"After Reject\" has its title written out"],
    );
    let label = "label: Now\n        id: remind\n";
    let said = "what leads to stage 4 \"To be paid at once\" was called \"Remind\", and is \"Now\"";
    check("label: Remind\n", label, &[said]);
}

#[test]
fn every_picture_shows_the_titles() {
    let definition = workflow(FILE);
    let (graph, trail) = (Graph::new(&definition, &Trail::default()), Trail::default());
    for picture in [
        text(&definition, &trail),
        mermaid(&graph),
        dot(&graph),
        svg(&graph).unwrap(),
    ] {
        for title in titles(&definition) {
            assert!(picture.contains(&title), "{title} is not in\n{picture}");
        }
    }
}

#[test]
fn steps_give_and_change_titles_as_a_file_does() {
    let none = Numbering::default();
    let start = read_header("format: 1\nworkflow: w\ntitle: T\non_new_call: []\n").unwrap();
    let (built, _) = add_action(
        &start,
        &none,
        "new-call",
        0,
        "{ button: Go, title: To be done }",
    )
    .unwrap();
    assert_eq!(titles(&built), ["New call", "To be done"]);
    let (changed, _) = update_action(
        &built,
        &none,
        "new-call",
        1,
        "{ button: Go, title: To be finished }",
    )
    .unwrap();
    assert_eq!(titles(&changed), ["New call", "To be finished"]);
    let (without, _) = update_action(&changed, &none, "new-call", 1, "{ button: Go }").unwrap();
    assert_eq!(titles(&without), ["New call", "After Go"]);
}

#[test]
fn a_migration_shows_the_new_stage_title() {
    let mut desk = Desk::new(FILE);
    let id = desk.set("1", true);
    desk.push("Ann", id, "approve").unwrap();
    let definition = Box::new(workflow(&FILE.replace("To be paid\n", "Payment\n")));
    desk.ask(
        "author",
        Command::from(ImportWorkflow {
            definition,
            expected: None,
        }),
    )
    .unwrap();
    desk.ask(
        "author",
        Command::from(PublishWorkflow {
            name: "repair".into(),
            expected: None,
            validated: None,
        }),
    )
    .unwrap();
    let title = |desk: &Desk| {
        let definition = desk.world.root().definition_of(desk.instance(id)).unwrap();
        definition
            .stage(desk.instance(id).stage)
            .unwrap()
            .title()
            .into_owned()
    };
    assert_eq!(title(&desk), "To be paid", "it keeps its version");
    let asked = MigrateInstance {
        instance: id,
        version: 2,
        stages: Vec::new(),
        reason: "new words".into(),
        expected: None,
    };
    desk.ask("ops", Command::from(asked)).unwrap();
    assert_eq!(
        (title(&desk).as_str(), desk.instance(id).visit()),
        ("Payment", 1),
        "clicks on the stage before are still accepted"
    );
}
