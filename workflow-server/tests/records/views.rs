//! Saved views, after the scenario.

use aftercall_definition::model::Priority;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{Command, RemoveView, SaveView};
use aftercall_engine::saved_view::ViewFilter;

use crate::hands::play_hands;
use crate::scenario::Played;

/// Saves views of a person and of a team, changes one, and removes one.
pub(crate) fn play_views() -> Played {
    let mut played = Played {
        subject: Some("https://sso.example.com#u-1".into()),
        ..play_hands()
    };
    let team = played.world.root().teams.by_name().next().expect("a team");
    let team: Box<str> = team.name.as_str().into();
    let filter = ViewFilter {
        teams: vec![team.clone()],
        customers: vec!["acme".into()],
        workflows: vec!["refund".into()],
        stages: vec![("refund".into(), 2)],
        priorities: vec![Priority::High, Priority::Urgent],
        holders: vec!["Ann Árbol".into()],
        unclaimed: false,
        overdue: true,
        text: "crate".into(),
    };
    let save = |team: Option<Box<str>>, name: &str, filter: &ViewFilter| {
        Command::from(SaveView {
            team,
            name: name.into(),
            filter: filter.clone(),
            expected: None,
        })
    };
    let unclaimed = ViewFilter {
        unclaimed: true,
        ..ViewFilter::default()
    };
    let commands = [
        save(None, "Late", &filter),
        save(Some(team.clone()), "Nobody has it", &unclaimed),
        save(Some(team.clone()), "Gone", &unclaimed),
        save(None, "Late", &unclaimed),
        Command::from(RemoveView {
            team: Some(team),
            name: "Gone".into(),
            expected: Some(1),
        }),
        save(None, "All of it", &filter),
    ];
    for command in commands {
        played.ask(ActorKind::Person, command);
    }
    assert_eq!(played.world.root().views.len(), 3);
    played
}
