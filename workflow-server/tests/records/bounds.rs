//! A workflow whose times have bounds that count from now.

use aftercall_authoring::file::read;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{Command, ImportTeam};

use crate::scenario::{Played, publish};

const FILE: &str = "
format: 1
workflow: bounded
title: Bounded
fields:
  ring_at: { type: time, min: now, max: 90d }
  bought_at: { type: time, min: -3640d, max: -1h }
on_new_call:
  - alert: { text: Ring, team: care }
  - button: Visit
    form: { visit_at: { type: time, min: -15m } }
    then: [ finish: done ]
";

/// Publishes the workflow.
pub(crate) fn play_bounds() -> Played {
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
    publish(&mut played, FILE, "bounded");
    let workflow = played.world.root().workflows.named("bounded").unwrap();
    assert_eq!(
        *workflow.version(1).unwrap().definition,
        read(FILE, None).unwrap()
    );
    played
}
