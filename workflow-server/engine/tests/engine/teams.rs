//! Tests that a team without a use can be removed, and a team that an alert may need cannot.

use aftercall_authoring::file;
use aftercall_engine::Rejection;
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::{
    Command, HandOver, ImportTeam, ImportWorkflow, PublishWorkflow, RemoveTeam, StopBatch,
};
use aftercall_engine::query::{TeamUse, never};
use aftercall_engine::recipient::Recipient;

use crate::desk::Desk;

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Ring, team: care, due: 1h, escalate: [ { at: due, add-team: leads } ] }
  - button: Done
    then: [ finish: done ]
";

fn declare(desk: &mut Desk, name: &str, title: &str) {
    desk.ask(
        "author",
        Command::from(ImportTeam {
            name: name.into(),
            title: title.into(),
            expected: None,
            claim_next_only: None,
        }),
    )
    .unwrap();
}

fn remove(desk: &mut Desk, name: &str) -> Result<(), Rejection> {
    desk.ask(
        "author",
        Command::from(RemoveTeam {
            name: name.into(),
            expected: None,
            found: None,
        }),
    )
    .map(|_| ())
}

fn used_by(removed: Result<(), Rejection>) -> String {
    match removed {
        Err(Rejection::TeamInUse { by, .. }) => by.into(),
        other => panic!("{other:?}"),
    }
}

fn publish(desk: &mut Desk, text: &str) {
    let definition = Box::new(file::read(text, None).unwrap());
    desk.ask(
        "author",
        Command::from(ImportWorkflow {
            definition,
            expected: None,
        }),
    )
    .unwrap();
    desk.ask(
        "author",
        Command::from(PublishWorkflow {
            name: "repair".into(),
            expected: None,
            validated: None,
        }),
    )
    .unwrap();
}

#[test]
fn a_removed_team_can_be_declared_again() {
    let mut desk = Desk::new(WORKFLOW);
    declare(&mut desk, "biling", "Billing");
    let place = desk.world.root().teams.place("biling").unwrap();
    remove(&mut desk, "biling").unwrap();
    let teams = &desk.world.root().teams;
    assert!(teams.place("biling").is_none() && teams.by_name().all(|team| team.name != "biling"));
    assert_eq!(
        teams.at(place).unwrap().name,
        "biling",
        "the history still names it"
    );
    assert_eq!(
        remove(&mut desk, "biling"),
        Err(Rejection::NoSuchTeam("biling".into()))
    );
    declare(&mut desk, "biling", "Billing");
    let team = desk.world.root().teams.at(place).unwrap();
    assert_eq!(
        (
            desk.world.root().teams.place("biling"),
            team.revision,
            team.removed
        ),
        (Some(place), 3, false)
    );
}

#[test]
fn a_team_used_by_a_workflow_cannot_be_removed() {
    let mut desk = Desk::new(WORKFLOW);
    publish(
        &mut desk,
        &WORKFLOW.replace("add-team: leads", "priority: urgent"),
    );
    assert_eq!(
        used_by(remove(&mut desk, "care")),
        "workflow repair (version 2)"
    );
    assert_eq!(
        used_by(remove(&mut desk, "leads")),
        "workflow repair (version 1)",
        "it can be set by its number"
    );
    let definition = Box::new(file::read(&WORKFLOW.replace("leads", "billing"), None).unwrap());
    desk.ask(
        "author",
        Command::from(ImportWorkflow {
            definition,
            expected: None,
        }),
    )
    .unwrap();
    assert_eq!(
        used_by(remove(&mut desk, "billing")),
        "workflow repair (its draft)"
    );
}

#[test]
fn a_team_that_gets_work_cannot_be_removed() {
    let mut desk = Desk::new(WORKFLOW);
    for name in ["night", "late"] {
        declare(&mut desk, name, name);
    }
    let id = desk.set("1", true);
    let place = |desk: &Desk, name: &str| desk.world.root().teams.place(name).unwrap();
    let (night, late) = (place(&desk, "night"), place(&desk, "late"));
    let found = TeamUse::search(desk.world.root(), night, &never).unwrap();
    assert_eq!(&*found.used_by, "");
    let to = Recipient::Team { team: night };
    desk.ask(
        "ann",
        Command::from(HandOver {
            instance: id,
            to,
            reason: "late".into(),
        }),
    )
    .unwrap();
    assert_eq!(used_by(remove(&mut desk, "night")), "1 open follow-up");
    let found = Some(Box::new(found));
    let late_look = Command::from(RemoveTeam {
        name: "night".into(),
        expected: None,
        found,
    });
    assert_eq!(
        desk.ask("author", late_look).map(|_| ()),
        Err(Rejection::TeamMoved),
        "the search was before"
    );

    let (items, reason) = (BatchItems::named([id]), "a drill".into());
    let start = StartBatch {
        work: BatchWork::HandOver(Recipient::Team { team: late }),
        items,
        reason,
        per_second: 1,
    };
    desk.ask("ops", Command::from(start)).unwrap();
    assert!(used_by(remove(&mut desk, "late")).starts_with("batch "));
    let (batch, _) = *desk.world.root().batches.get_max().unwrap();
    desk.ask(
        "ops",
        Command::from(StopBatch {
            batch,
            reason: "enough".into(),
        }),
    )
    .unwrap();
    remove(&mut desk, "late").unwrap();
    let to = Recipient::Team { team: late };
    let refused = desk.ask(
        "ann",
        Command::from(HandOver {
            instance: id,
            to,
            reason: "late".into(),
        }),
    );
    assert_eq!(
        refused.map(|_| ()),
        Err(Rejection::NoSuchTeam("late".into()))
    );
}
