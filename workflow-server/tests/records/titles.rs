//! Stages with their own titles, after the scenario: the first stage, that of a button and that of
//! a timer.

use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{Command, SetWorkflow};

use crate::incomplete::play_incomplete;
use crate::scenario::{Played, publish, push, setting};

const TITLED: &str = "
format: 1
workflow: titled
title: Titled
on_new_call_title: To be decided
on_new_call:
  - alert: { text: Decide, team: care }
  - button: Approve
    title: To be paid
    then:
      - alert: { text: Pay, team: care }
      - button: Paid
        then: [ finish: paid ]
      - timer: 2h
        title: To be paid at once
        then: [ link: approve ]
";

/// Plays the titles, and a follow-up in a stage with a title.
pub(crate) fn play_titles() -> Played {
    let mut played = play_incomplete();
    publish(&mut played, TITLED, "titled");
    let setting = SetWorkflow {
        workflow: "titled".into(),
        fields: Vec::new(),
        ..setting("titled", false)
    };
    let id = played.ask(ActorKind::ScriptEngine, Command::from(setting));
    played.ask(ActorKind::Person, push(id, "approve", 1, &[]));
    let instance = played.world.root().instance(id).unwrap();
    let definition = played.world.root().definition_of(instance).unwrap();
    assert_eq!(
        definition.stage(instance.stage).unwrap().title(),
        "To be paid"
    );
    played
}
