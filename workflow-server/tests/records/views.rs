//! Saved views, people who are away, and a release, after the scenario.

use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::{Command, EndAway, HandOver, RemoveView, SaveView, SetAway};
use aftercall_engine::recipient::Recipient;
use aftercall_engine::saved_view::ViewFilter;

use crate::hands::play_hands;
use crate::scenario::{Played, setting};

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

/// Sets two people away, ends one of it, hands an instance over to the other, and releases it by a
/// batch.
pub(crate) fn play_away() -> Played {
    let mut played = play_views();
    let away = |person: &str, instead: &str, until: i64| {
        Command::from(SetAway {
            person: person.into(),
            until: Time(until),
            instead: instead.into(),
        })
    };
    let until = played.now + 86_400_000;
    let set = Command::from(setting("away", false));
    let instance = played.ask(ActorKind::ScriptEngine, set);
    let hand_over = HandOver {
        instance,
        to: Recipient::Person {
            name: "Ann".into(),
            lease_millis: 900_000,
        },
        reason: "her turn".into(),
    };
    let commands = [
        away("Ann", "Ben", until),
        away("Cid", "", until),
        away("", "Ben", until),
        Command::from(hand_over),
        Command::from(EndAway {
            person: "Cid".into(),
        }),
    ];
    for command in commands {
        played.ask(ActorKind::Person, command);
    }
    let root = played.world.root();
    let held = root.instance(instance).expect("it");
    assert_eq!(held.claim.as_ref().map(|claim| &*claim.by), Some("Ben"));
    assert_eq!(root.absences.all().count(), 2);
    let start = StartBatch {
        work: BatchWork::HandOver(Recipient::Release),
        items: BatchItems::named([instance]),
        reason: "end of shift".into(),
        per_second: 10,
    };
    played.ask(ActorKind::Operations, Command::from(start));
    played
}
