//! A workflow with comments, which its draft and its version keep.

use aftercall_authoring::file::{export_yaml, read, source_of};
use aftercall_definition::Definition;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{Command, ImportTeam, ImportWorkflow, PublishWorkflow};

use crate::scenario::Played;

const FILE: &str = "# What it is for.
format: 1
workflow: commented
title: Commented  # for people
on_new_call:
  - alert: { text: Call, team: care }
  - button: Done
    then: [ finish: done ]
";

/// Publishes the workflow, and stores a draft with another comment.
pub(crate) fn play_source() -> Played {
    let mut played = Played::new();
    played.ask(
        ActorKind::Author,
        Command::from(ImportTeam {
            name: "care".into(),
            title: "Care".into(),
            expected: None,
            claim_next_only: None,
        }),
    );
    import(&mut played, FILE);
    let publish = || {
        Command::from(PublishWorkflow {
            name: "commented".into(),
            expected: None,
            validated: None,
        })
    };
    played.ask(ActorKind::Author, publish());
    import(&mut played, &FILE.replace("for people", "for all people"));
    let workflow = played.world.root().workflows.named("commented").unwrap();
    assert!(export_yaml(&workflow.version(1).unwrap().definition).contains("# for people"));
    assert!(
        export_yaml(workflow.draft.as_ref().unwrap()).contains("# for all people"),
        "it is a draft, although only a comment differs"
    );
    played
}

fn import(played: &mut Played, text: &str) {
    let read = read(text, None).unwrap();
    let definition = Definition {
        source: source_of(text, &read),
        ..read
    };
    played.ask(
        ActorKind::Author,
        Command::from(ImportWorkflow {
            definition: Box::new(definition),
            expected: None,
        }),
    );
}
