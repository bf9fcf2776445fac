//! A removed team, and a team that was declared again, after the scenario.

use aftercall_engine::Reach;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::{Command, ImportTeam, RemoveTeam};

use crate::hands::play_hands;
use crate::scenario::Played;

/// Declares two teams, removes both, and declares one of them again.
pub(crate) fn play_teams() -> Played {
    let mut played = play_hands();
    let declare = |name: &str| {
        Command::from(ImportTeam {
            name: name.into(),
            title: name.into(),
            expected: None,
            claim_next_only: None,
        })
    };
    let remove = |name: &str| {
        Command::from(RemoveTeam {
            name: name.into(),
            expected: None,
            found: None,
        })
    };
    for command in [
        declare("biling"),
        declare("nights"),
        remove("biling"),
        remove("nights"),
        declare("nights"),
    ] {
        played.ask(ActorKind::Author, command);
    }
    let teams = &played.world.root().teams;
    assert_eq!(
        (teams.place("biling"), teams.place("nights").is_some()),
        (None, true)
    );
    played
}

/// A team whose agents only claim the next follow-up, and a batch of such an agent.
pub(crate) fn play_fair_shares() -> Played {
    let mut played = play_teams();
    let share = Command::from(ImportTeam {
        name: "nights".into(),
        title: "nights".into(),
        claim_next_only: Some(true),
        expected: None,
    });
    played.ask(ActorKind::Author, share);
    played.reach = Reach::EVERYTHING.taking_next(true);
    let start = StartBatch {
        work: BatchWork::Claim {
            lease_millis: 900_000,
        },
        items: BatchItems::default(),
        reason: "none are left".into(),
        per_second: 100,
    };
    played.ask(ActorKind::Person, Command::from(start));
    let (_, newest) = played.world.root().batches.get_max().unwrap();
    assert!(newest.takes_next);
    played
}
