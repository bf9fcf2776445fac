//! Alerts that are new again after somebody has seen them.

use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{AcknowledgeAlert, Command, ImportTeam, SetWorkflow};
use aftercall_engine::instance::Wake;

use crate::scenario::{Played, publish, seen_alert, setting};

const WATCHED: &str = "
format: 1
workflow: watched
title: Watched
on_new_call:
  - alert: { text: Ring, team: care, seen-for: 15m }
  - button: Rang
    then: [ finish: rang ]
";

/// A person sees an alert, and nobody works on it. What is seen again goes into the snapshot.
pub(crate) fn play_unattended() -> Played {
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
    publish(&mut played, WATCHED, "watched");
    let setting = SetWorkflow {
        workflow: "watched".into(),
        fields: Vec::new(),
        ..setting("watched", false)
    };
    let id = played.ask(ActorKind::ScriptEngine, Command::from(setting));
    let see = Command::from(AcknowledgeAlert {
        instance: id,
        alert: seen_alert(1, 1, 0),
    });
    played.ask(ActorKind::Person, see.clone());
    played.elapse(Wake::AlertAgain(0));
    let alert = |played: &Played| played.world.root().instance(id).unwrap().alerts[0].clone();
    assert_eq!(alert(&played).seen, None);
    played.ask(ActorKind::Person, see);
    assert!(alert(&played).seen.unwrap().until.is_some());
    played
}
