//! Decisions of operations about the server, after the scenario. The time is set forward and back,
//! and a shorter retention waits.

use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{
    AcceptClock, Command, ConfirmRetention, ImportTeam, Release, SetWorkflow,
};
use workflow_server::records::LastSeen;

use crate::authors::play_authors;
use crate::scenario::{Played, publish, setting};

/// Accepts a clock that shows this time.
fn accept_clock(played: &mut Played, wall: Time) {
    played.ask(
        ActorKind::Operations,
        Command::from(AcceptClock { to: Some(wall) }),
    );
    played.now = wall.0;
}

/// Plays both changes of the clock, and what follows.
pub(crate) fn play_clock() -> Played {
    let mut played = play_authors();
    let newest = played.world.root().at;
    accept_clock(&mut played, Time(newest.0 + 90 * 86_400_000));
    let team = |name: &str| {
        Command::from(ImportTeam {
            name: name.into(),
            title: name.into(),
            expected: None,
            claim_next_only: None,
        })
    };
    played.ask(ActorKind::Author, team("ahead"));
    accept_clock(&mut played, Time(newest.0 + 60_000));
    played.ask(ActorKind::Author, team("back"));
    assert!(played.world.root().at < Time(newest.0 + 86_400_000));
    assert_eq!(played.world.root().time_set_back.len(), 1);
    played
}

/// Differs only in its retention.
const KEPT: &str = "
format: 1
workflow: briefly-kept
title: Briefly kept
retention: 90d
on_new_call: [ finish: done ]
";

/// Then plays retentions: one is confirmed, and a shorter one waits in the snapshot.
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
    assert_eq!(from(&played), 1, "the shorter retention waits");
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

/// Plays a follow-up that waits for the end of its call. It is set again when it is overdue, and
/// then released.
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
fn a_stored_sign_of_life_does_not_change() {
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
