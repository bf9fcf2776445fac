//! Differences as sentences, and pictures.

use aftercall_authoring::diff::{diff, vanished};
use aftercall_authoring::file::read;
use aftercall_authoring::graph::{Graph, Trail, dot, mermaid, svg, text};
use aftercall_definition::Definition;
use aftercall_definition::model::FIRST_STAGE;
use aftercall_definition::testing::definitions;
use proptest::prelude::*;

const OLD: &str = r#"
format: 1
workflow: w
title: Old
deadline: 5d
fields: { amount: { type: number }, gone: { type: text } }
on_new_call:
  - alert: { text: Look at it, team: care, due: 4h }
  - button: Approve
    id: pay-out
    then:
      - alert: { text: Pay, team: payments }
      - button: Paid
        then: [ finish: paid ]
  - button: Reject
    then: [ finish: rejected ]
"#;

const NEW: &str = r#"
format: 1
workflow: w
title: New
fields: { amount: { type: number, required: true, min: 5 }, kind: { type: text, values: [a, b] } }
on_new_call:
  - alert: { text: Look at it soon, team: care, due: 2h }
  - button: Approve it
    id: pay-out
    stage: 2
    then:
      - alert: { text: Pay, team: payments }
      - button: Paid
        stage: 3
        then: [ finish: paid ]
      - timer: 2h
        stage: 5
        then: [ link: new-call ]
"#;

fn workflow(text: &str) -> Definition {
    read(text, None).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn differences_are_described_in_sentences() {
    let (old, new) = (workflow(OLD), workflow(NEW));
    assert_eq!(
        diff(&old, &new),
        [
            "the title was Old, and is New",
            "the deadline was 5d, and is none",
            "the field amount was number, and is number, required, at least 5",
            "the field gone is gone",
            "the field kind is new: text, one of a, b",
            "stage 1 \"New call\" changed: Alert care (normal, due in 4h): Look at it; now: Alert care (normal, due in 2h): Look at it soon",
            "stage 1 \"New call\" changed: Button \"Approve\" → pay-out; now: Button \"Approve it\" → pay-out",
            "stage 1 \"New call\" lost: Button \"Reject\" → reject",
            "stage 2 \"After Approve it\" was called \"After Approve\"",
            "stage 2 \"After Approve it\" gained: Timer: after 2h in this stage → after-2h",
            "stage 4 \"After Reject\" is gone",
            "stage 5 \"After 2h\" is new: Link → new-call",
        ]
    );
    assert_eq!(vanished(&old, &new), [4]);
    assert_eq!(diff(&old, &old), Vec::<String>::new());
}

#[test]
fn differences_beyond_the_line_are_described_too() {
    let file = |action: &str| {
        workflow(&format!(
            "format: 1\nworkflow: w\ntitle: W\non_new_call:\n  - {action}\n"
        ))
    };
    let check = |old: &str, new: &str, expected: &str| {
        let found = diff(&file(old), &file(new));
        assert_eq!(found, [format!("stage 1 \"New call\" changed: {expected}")]);
    };
    let button = "button: Go, id: go, note: required";
    check(
        &format!("{{ {button}, form: {{ a: {{ type: text, max: 5 }}, b: {{ type: number }} }} }}"),
        &format!(
            "{{ {button}, form: {{ a: {{ type: text, values: [x, y], sensitive: true }}, b: {{ type: number, label: How many? }} }} }}"
        ),
        "Button \"Go\" (note required; form: a, b) → go; its form's field a was text, at most 5, and is text, sensitive, one of x, y; \
         its form's field b was number, and is number, called \"How many?\"",
    );
    check(
        &format!("{{ {button}, confirm: Sure? }}"),
        &format!("{{ {button}, confirm: Really? }}"),
        "Button \"Go\" (asks \"Sure?\"; note required) → go; now: Button \"Go\" (asks \"Really?\"; note required) → go",
    );
    let long = "word ".repeat(20);
    let line = "Alert care (normal): word word word word word word word word word word word word …";
    check(
        &format!("alert: {{ text: {long}and then pay, team: care }}"),
        &format!("alert: {{ text: {long}and then write, team: care }}"),
        &format!(
            "{line}; its text said \"…word word and then pay\", and says \"…word word and then write\""
        ),
    );
    check(
        &format!("alert: {{ text: {long}, team: care }}"),
        &format!("alert: {{ text: Please {long}, team: care }}"),
        &format!(
            "{line}; now: Alert care (normal): Please word word word word word word word word word word wor…"
        ),
    );
    check(
        "alert: { text: Alpha, team: care }",
        &format!("alert: {{ text: Beta {long}, team: care }}"),
        &format!(
            "Alert care (normal): Alpha; now: Alert care (normal): {}…; its text continues \"…{}…\"",
            &format!("Beta {long}")[..60],
            &format!("Beta {long}")[40..100],
        ),
    );
    check(
        &format!("alert: {{ text: \"{long}and\", team: care }}"),
        &format!("alert: {{ text: \"{long}\\nand\", team: care }}"),
        &format!("{line}; its text has other spaces or lines"),
    );
    check(
        &format!(
            "alert: {{ text: a, team: care, when: '{}1 == visit' }}",
            "visit > 0 && ".repeat(6)
        ),
        &format!(
            "alert: {{ text: a, team: care, when: '{}2 == visit' }}",
            "visit > 0 && ".repeat(6)
        ),
        "If visit > 0 && visit > 0 && visit > 0 && visit > 0 && visit > …: Alert care (normal): a; its condition said \
         \"…> 0 && visit > 0 && 1 == visit\", and says \"…> 0 && visit > 0 && 2 == visit\"",
    );
}

proptest! {
    #[test]
    fn only_different_definitions_have_differences(old in definitions(), new in definitions()) {
        prop_assert_eq!(diff(&old, &old.clone()), Vec::<String>::new());
        prop_assert_eq!(diff(&old, &new).is_empty(), old == new);
        let renamed = Definition { title: format!("{} again", old.title), ..old.clone() };
        prop_assert_eq!(diff(&old, &renamed).len(), 1);
    }

    #[test]
    fn every_picture_contains_every_stage(definition in definitions()) {
        let trail = Trail { visits: vec![(FIRST_STAGE, 2)], present: Some(FIRST_STAGE) };
        let graph = Graph::new(&definition, &trail);
        let (in_text, in_mermaid, in_dot) = (text(&definition, &trail), mermaid(&graph), dot(&graph));
        let in_svg = svg(&graph).unwrap();
        prop_assert_eq!(&in_svg, &svg(&graph).unwrap(), "a second picture is the same");
        for line in in_text.lines() {
            prop_assert!(line.chars().count() <= 80, "{}", line);
        }
        for stage in &definition.stages {
            let number = stage.number;
            prop_assert!(in_mermaid.contains(&format!("    s{number}")), "{}", in_mermaid);
            prop_assert!(in_dot.contains(&format!("    s{number} [")), "{}", in_dot);
            prop_assert!(in_svg.contains(&format!(">{number} ")), "{}", in_svg);
        }
        // Texts of authors stay texts: every tag in the picture is one of the program.
        let tags = in_svg.split('<').skip(1).map(|rest| rest.split([' ', '>', '/']).next().unwrap());
        let ours = ["svg", "defs", "marker", "path", "rect", "text", "g", ""];
        for tag in tags {
            prop_assert!(ours.contains(&tag), "{} in {}", tag, in_svg);
        }
        // Pages refuse inline styles.
        prop_assert!(!in_svg.contains(" style="), "{}", in_svg);
    }
}

#[test]
fn ids_with_equal_beginnings_are_different() {
    let head = "format: 1\nworkflow: w\ntitle: W\non_new_call:\n";
    let paid = |id: &str| {
        format!(
            "  - button: {id}\n    id: {id}\n    stage: {}\n    then: [ finish: x ]\n",
            id.len()
        )
    };
    let old = workflow(&format!("{head}{}{}", paid("paid-2"), paid("paid")));
    let new = workflow(&format!("{head}{}", paid("paid")));
    let said = diff(&old, &new);
    assert!(said.iter().all(|line| !line.contains("gained")), "{said:?}");
    assert_eq!(
        said.iter().filter(|line| line.contains("lost")).count(),
        1,
        "{said:?}"
    );
}

#[test]
fn a_workflow_reads_as_a_tree_in_eighty_columns() {
    let trail = Trail {
        visits: vec![(1, 1), (2, 3)],
        present: Some(2),
    };
    assert_eq!(
        text(&workflow(NEW), &trail),
        r#"w: New

1 New call   (was here)
  - Alert care (normal, due in 2h): Look at it soon
  - Button "Approve it" → 2

    2 After Approve it   <== it is here, 3 times so far
      - Alert payments (normal): Pay
      - Button "Paid" → 3
      - Timer: after 2h in this stage → 5

        3 After Paid
          - Finish: paid

        5 After 2h
          - Link → 1 New call
"#
    );
}

#[test]
fn mermaid_marks_visited_stages_and_escapes_labels() {
    let mut definition = workflow(NEW);
    definition.stages[1].event.label = "Approve \"it\" | now".to_owned();
    let trail = Trail {
        visits: vec![(1, 1), (2, 1)],
        present: Some(2),
    };
    assert_eq!(
        mermaid(&Graph::new(&definition, &trail)),
        r##"flowchart TD
    s1["<b>1 New call</b><br/>care, 2h: Look at it soon"]
    s2["<b>2 After Approve #34;it#34; #124; now</b><br/>payments: Pay"]
    s3(["<b>3 After Paid</b><br/>finish: paid"])
    s5["<b>5 After 2h</b>"]
    s1 -->|"Approve it"| s2
    s2 -->|"Paid"| s3
    s2 -.->|"after 2h"| s5
    s5 --> s1
    classDef visited fill:#e3f1e5,stroke:#3c7a4b
    class s1 visited
    classDef present fill:#ffe9b8,stroke:#b26a00,stroke-width:3px
    class s2 present
"##
    );
}

#[test]
fn the_picture_in_the_guides_is_current() {
    let file = |path: &str| {
        std::fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let drawn = svg(&Graph::new(
        &workflow(&file("examples/boiler-visit.yaml")),
        &Trail::default(),
    ))
    .unwrap();
    assert_eq!(
        file("docs/boiler-visit.svg").trim_end(),
        drawn.trim_end(),
        "draw it again: `aftercall workflow graph`"
    );
}
