//! A removed team, and a team that was declared again, after the scenario.

use aftercall_engine::actor::ActorKind;
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
