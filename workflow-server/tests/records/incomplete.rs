//! Follow-ups that their workflow cannot continue, after the scenario. A person claims one and
//! finishes it with an outcome.

use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{ClaimInstance, Command, FinishFollowUp, SetWorkflow};
use aftercall_engine::instance::{InstanceId, Status};

use crate::clock::play_retention;
use crate::scenario::{Played, publish, setting};

/// A workflow that is one unlinked end.
const UNLINKED: &str = "
format: 1
workflow: unlinked
title: Unlinked
allow_unlinked_ends: true
on_new_call:
  - alert: { text: Look, team: care }
";

/// Plays both, and what follows.
pub(crate) fn play_incomplete() -> Played {
    let mut played = play_retention();
    publish(&mut played, UNLINKED, "unlinked");
    let [finished, held] = ["finished", "held"].map(|call| start_unlinked(&mut played, call));
    let asked = FinishFollowUp {
        instance: finished,
        stage: 1,
        visit: 1,
        outcome: "settled".into(),
        note: "rang, all is well".into(),
        expected: None,
    };
    played.ask(ActorKind::Person, Command::from(asked));
    // A claim that is still held goes into the snapshot.
    played.ask(
        ActorKind::Person,
        Command::from(ClaimInstance {
            instance: held,
            lease_millis: 900_000,
        }),
    );
    let of = |id: InstanceId| played.world.root().instance(id).unwrap();
    assert_eq!(
        (of(finished).status, &*of(finished).ending),
        (Status::Finished, "settled")
    );
    assert_eq!(
        (of(held).status, of(held).claim.is_some()),
        (Status::Incomplete, true)
    );
    played
}

fn start_unlinked(played: &mut Played, call: &str) -> InstanceId {
    let setting = SetWorkflow {
        workflow: "unlinked".into(),
        fields: Vec::new(),
        ..setting(call, false)
    };
    played.ask(ActorKind::ScriptEngine, Command::from(setting))
}
