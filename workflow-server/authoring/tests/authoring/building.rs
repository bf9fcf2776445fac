//! A definition that is built step by step equals its file. A refused step changes nothing.

use aftercall_authoring::builder::{
    BuildError, add_action, move_action, remove_action, update_action,
};
use aftercall_authoring::file::{read, write_action, write_yaml};
use aftercall_definition::numbering::Numbering;
use aftercall_definition::testing::definitions;
use aftercall_definition::{Definition, Stage};
use proptest::prelude::*;

/// The definition without its actions, with which building begins.
fn beginning(definition: &Definition) -> Definition {
    let first = Stage {
        actions: Vec::new(),
        ..definition.stages[0].clone()
    };
    Definition {
        stages: vec![first],
        ..definition.clone()
    }
}

/// Adds all actions, stage by stage. Each step keeps the numbers that earlier steps assigned.
fn build(definition: &Definition) -> Definition {
    let (mut built, mut numbering) = (beginning(definition), Numbering::default());
    let mut open = vec![definition.stages[0].event.id.clone()];
    while let Some(event) = open.pop() {
        for action in &definition.stage_of(&event).unwrap().actions {
            numbering.absorb(&built);
            let text = write_action(definition, action);
            let (next, added) = add_action(&built, &numbering, &event, 0, &text)
                .unwrap_or_else(|e| panic!("{e:?}\n{text}"));
            assert_eq!(
                added.as_ref().map(|(event, _)| event.id.as_str()),
                action.adds()
            );
            built = next;
            open.extend(action.adds().map(str::to_owned));
        }
    }
    built
}

proptest! {
    #[test]
    fn a_definition_built_in_steps_equals_its_file(definition in definitions()) {
        let built = build(&definition);
        prop_assert_eq!(&built, &definition);
        prop_assert_eq!(read(&write_yaml(&built), None), Ok(definition));
    }

    #[test]
    fn adding_and_removing_an_action_changes_nothing(definition in definitions(), at in any::<prop::sample::Index>()) {
        let mut numbering = Numbering::default();
        numbering.absorb(&definition);
        let stage = at.get(&definition.stages);
        let first = add_action(&definition, &numbering, &stage.event.id, 1, "button: Quite New Indeed").unwrap().0;
        let again = remove_action(&first, &stage.event.id, 1).unwrap().0;
        prop_assert_eq!(&again, &definition);
        let count = first.stage_of(&stage.event.id).unwrap().actions.len() as u32;
        let moved = move_action(&first, (&stage.event.id, 1), &stage.event.id, 0).unwrap().0;
        let back = move_action(&moved, (&stage.event.id, count), &stage.event.id, 1).unwrap().0;
        prop_assert_eq!(back, first);
    }
}

const FILE: &str = r#"
format: 1
workflow: w
title: W
on_new_call:
  - alert: { text: Do it, team: care }
  - button: Go
    then:
      - alert: { text: Go ahead, team: care }
      - button: Done
        then: [ finish: done ]
  - button: Wait
    then:
      - timer: 1h
        then: [ link: go ]
"#;

fn workflow() -> (Definition, Numbering) {
    let definition = read(FILE, None).unwrap();
    let mut numbering = Numbering::default();
    numbering.absorb(&definition);
    (definition, numbering)
}

#[test]
fn ids_and_numbers_are_assigned_and_never_reused() {
    let (definition, mut numbering) = workflow();
    let (built, added) = add_action(&definition, &numbering, "go", 0, "{ button: Done }").unwrap();
    let (event, number) = added.unwrap();
    assert_eq!((event.id.as_str(), number), ("done-2", 6));
    numbering.absorb(&built);
    let gone = remove_action(&built, "go", 3).unwrap().0;
    assert_eq!(gone, definition);
    let (_, added) = add_action(&gone, &numbering, "go", 2, "timer: { after: 2h }").unwrap();
    assert_eq!(added.unwrap().1, 7, "6 is used already");
    let (_, added) =
        add_action(&gone, &numbering, "go", 2, "{ button: Done, id: done-2 }").unwrap();
    assert_eq!(added.unwrap().1, 6, "the same event gets its number again");
}

#[test]
fn a_replaced_action_keeps_its_event() {
    let (definition, numbering) = workflow();
    let built = update_action(
        &definition,
        &numbering,
        "new-call",
        2,
        "{ button: Go now, confirm: Sure? }",
    )
    .unwrap()
    .0;
    let stage = built.stage_of("go").unwrap();
    assert_eq!(
        (
            stage.number,
            stage.event.label.as_str(),
            stage.actions.len()
        ),
        (2, "Go now", 2)
    );
    let other = update_action(
        &definition,
        &numbering,
        "new-call",
        2,
        "{ button: Go, id: other }",
    );
    assert_eq!(other, Err(BuildError::OtherEvent("go".to_owned())));
    for other in [
        "finish: x",
        "{ button: Go, stage: 9 }",
        "{ button: Go, then: [] }",
    ] {
        assert!(
            update_action(&definition, &numbering, "new-call", 2, other).is_err(),
            "{other}"
        );
    }
}

#[test]
fn a_refused_step_has_its_reason() {
    let (definition, numbering) = workflow();
    let add = |event: &str, before, text: &str| {
        add_action(&definition, &numbering, event, before, text).unwrap_err()
    };
    assert_eq!(
        add("gone", 0, "finish: x"),
        BuildError::NoEvent {
            event: "gone".to_owned(),
            hint: "; did you mean `done`?".to_owned()
        }
    );
    assert!(matches!(
        add("go", 9, "finish: x"),
        BuildError::NoAction {
            action: 9,
            count: 2,
            ..
        }
    ));
    let BuildError::Faulty(faults) = add("go", 0, "{ buton: x }") else {
        panic!("it has an error")
    };
    assert_eq!(
        (faults[0].line, faults[0].column, faults[0].message.as_str()),
        (1, 3, "unknown key `buton`; did you mean `button`?")
    );
    assert!(matches!(
        add("go", 0, "{ button: New, id: done }"),
        BuildError::Faulty(_)
    ));
    assert!(matches!(
        add("go", 0, "{ button: New, stage: 3 }"),
        BuildError::Faulty(_)
    ));
    assert!(matches!(add("go", 0, ""), BuildError::Faulty(_)));
    assert_eq!(
        remove_action(&definition, "new-call", 2).unwrap_err(),
        BuildError::Linked(vec!["stage 5 \"After 1h\", action 1".to_owned()])
    );
    assert_eq!(
        move_action(&definition, ("new-call", 2), "done", 0).unwrap_err(),
        BuildError::IntoItself
    );
    let below = move_action(&definition, ("new-call", 3), "done", 1)
        .unwrap()
        .0;
    assert_eq!(
        below.stage_of("done").unwrap().actions.len(),
        2,
        "with all below it"
    );
    let removed = remove_action(&below, "done", 1).unwrap().0;
    assert_eq!(
        removed.stages.len(),
        3,
        "the events below it are removed too"
    );
}

#[test]
fn a_built_workflow_can_always_be_exported_and_imported() {
    let (definition, numbering) = workflow();
    let add = |definition: &Definition, event: &str, text: &str| {
        add_action(definition, &numbering, event, 0, text)
    };
    let last = add(&definition, "go", "{ button: Last, stage: 1000000 }")
        .unwrap()
        .0;
    assert!(
        matches!(
            add(&last, "go", "button: One more"),
            Err(BuildError::NotAFile(_))
        ),
        "there are no higher numbers"
    );
    let (mut deep, mut event) = (definition.clone(), "done".to_owned());
    let refused = loop {
        match add(&deep, &event, "button: Deeper") {
            Ok((next, added)) => (deep, event) = (next, added.unwrap().0.id),
            Err(refused) => break refused,
        }
    };
    assert!(
        matches!(&refused, BuildError::NotAFile(why) if why.contains("nested deeper")),
        "{refused:?}"
    );
    let alert = format!("alert: {{ text: {}, team: care }}", "x".repeat(4_000));
    let group = |nth: usize| {
        format!(
            "  - button: G{nth}\n    then:\n{}",
            format!("    - {alert}\n").repeat(42)
        )
    };
    let file = FILE.replacen(
        "on_new_call:\n",
        &format!("on_new_call:\n{}", (0..6).map(group).collect::<String>()),
        1,
    );
    let mut large = read(&file, None).unwrap();
    let refused = loop {
        match add(&large, "go", &alert) {
            Ok((next, _)) => large = next,
            Err(refused) => break refused,
        }
    };
    assert!(
        matches!(&refused, BuildError::NotAFile(why) if why.contains("bytes")),
        "{refused:?}"
    );
    assert!(read(&write_yaml(&large), None).is_ok() && read(&write_yaml(&deep), None).is_ok());
}
