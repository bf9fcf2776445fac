//! What operations decide about the server, on top of the scenario: time goes forward, and back; a
//! shorter retention waits.

use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{
    AcceptClock, Command, ConfirmRetention, ImportTeam, Release, SetWorkflow,
};
use workflow_server::records::LastSeen;

use crate::authors::play_authors;
use crate::scenario::{Played, publish, setting};

/// Operations accept a clock that shows this.
fn accept_clock(played: &mut Played, wall: Time) {
    played.ask(
        ActorKind::Operations,
        Command::from(AcceptClock { to: Some(wall) }),
    );
    played.now = wall.0;
}

/// Plays both, and what is done after them.
pub(crate) fn play_clock() -> Played {
    let mut played = play_authors();
    let newest = played.world.root().at;
    accept_clock(&mut played, Time(newest.0 + 90 * 86_400_000));
    let team = |name: &str| {
        Command::from(ImportTeam {
            name: name.into(),
            title: name.into(),
            expected: None,
        })
    };
    played.ask(ActorKind::Author, team("ahead"));
    accept_clock(&mut played, Time(newest.0 + 60_000));
    played.ask(ActorKind::Author, team("back"));
    assert!(played.world.root().at < Time(newest.0 + 86_400_000));
    assert_eq!(played.world.root().time_set_back.len(), 1);
    played
}

/// Differs in its retention only.
const KEPT: &str = "
format: 1
workflow: briefly-kept
title: Briefly kept
retention: 90d
on_new_call: [ finish: done ]
";

/// Plays retentions, on top of that: one is confirmed, and a shorter one waits in the snapshot.
pub(crate) fn play_retention() -> Played {
    let mut played = play_clock();
    for days in ["90d", "30d", "40d"] {
        publish(&mut played, &KEPT.replace("90d", days), "briefly-kept");
    }
    let from = |played: &Played| {
        played
            .world
            .root()
            .workflows
            .named("briefly-kept")
            .unwrap()
            .retention_from
    };
    assert_eq!(from(&played), 1, "a shorter one waits");
    played.ask(
        ActorKind::Operations,
        Command::from(ConfirmRetention {
            workflow: "briefly-kept".into(),
            version: 3,
        }),
    );
    assert_eq!(from(&played), 0);
    publish(&mut played, &KEPT.replace("90d", "10d"), "briefly-kept");
    assert_eq!(from(&played), 3);
    played
}

/// Plays a follow-up that waits for the end of its call, is set again when it is overdue, and then
/// released.
pub(crate) fn play_set_again() -> Played {
    let mut played = play_retention();
    publish(
        &mut played,
        &KEPT
            .replace("retention: 90d", "deadline: 1h")
            .replace("briefly-kept", "due"),
        "due",
    );
    let set = |release| {
        let set = SetWorkflow {
            workflow: "due".into(),
            fields: Vec::new(),
            release: Some(release),
            release_within_millis: None,
            ..setting("set-again", false)
        };
        Command::from(set)
    };
    played.ask(ActorKind::ScriptEngine, set(Release::CallEnded));
    played.now += 2 * 3_600_000;
    played.ask(ActorKind::ScriptEngine, set(Release::Immediately));
    played
}

#[test]
fn a_sign_of_life_is_written_as_it_always_was() {
    let seen = LastSeen {
        sequence: 7,
        server: Time(1_795_000_000_000),
        wall: Time(1_795_000_000_001),
        boot: "b-1".into(),
        up_millis: 9,
        is_held: true,
        slack_millis: 300_000,
    };
    let stored = "0108071080f8b2e5bd681882f8b2e5bd682203622d312809300138e0a712";
    let bytes: Vec<String> = seen
        .bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(bytes.concat(), stored);
    assert_eq!(LastSeen::read(&seen.bytes()).unwrap(), seen);
    assert!(LastSeen::read(&seen.bytes()[..12]).is_err());
}
