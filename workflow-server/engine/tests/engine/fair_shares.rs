//! Tests teams whose agents only claim the next follow-up.

use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::{Command, HandOver, ImportTeam, StepBatch, TakeOver};
use aftercall_engine::entry::Answer;
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::InstanceId;
use aftercall_engine::query::never;
use aftercall_engine::recipient::Recipient;
use aftercall_engine::{Reach, Rejection, try_batch};
use aftercall_scope::Scope;

use crate::desk::{Desk, MINUTE};

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Ring, team: care }
  - alert: { text: Write, team: billing }
  - button: Rang
    then:
      - alert: { text: Close, team: billing }
      - button: Close
        then: [ finish: closed ]
";

fn import(claim_next_only: Option<bool>) -> Command {
    Command::from(ImportTeam {
        name: "care".into(),
        title: "care".into(),
        claim_next_only,
        expected: None,
    })
}

/// An agent asks at a desk where the team `care` shares its work.
fn fair_desk() -> Desk {
    let mut desk = Desk::new(WORKFLOW);
    desk.ask("author", import(Some(true))).unwrap();
    desk.reach = Reach::EVERYTHING.taking_next(true);
    desk
}

fn is_refused<T: std::fmt::Debug>(asked: &Result<T, Rejection>) -> bool {
    matches!(asked, Err(Rejection::ClaimNextOnly(_)))
}

fn give(instance: InstanceId, to: Recipient) -> Command {
    Command::from(HandOver {
        instance,
        to,
        reason: "yours".into(),
    })
}

fn person(name: &str) -> Recipient {
    Recipient::Person {
        name: name.into(),
        lease_millis: 15 * MINUTE,
    }
}

#[test]
fn an_agent_gets_the_next_one_and_chooses_none() {
    let mut desk = fair_desk();
    let (first, second) = (desk.set("1", true), desk.set("2", true));
    let take_over = Command::from(TakeOver {
        instance: second,
        lease_millis: 15 * MINUTE,
        reason: "mine".into(),
    });
    assert!(is_refused(&desk.claim("ann", second)));
    assert!(is_refused(&desk.push("ann", second, "rang")));
    assert!(is_refused(&desk.ask("ann", take_over)));
    assert!(is_refused(&desk.ask("ann", give(second, person("ann")))));
    // A narrow filter chooses too. That of a team does not.
    let narrow = FollowUpFilter {
        workflows: vec!["repair".into()],
        ..FollowUpFilter::default()
    };
    assert!(is_refused(&desk.next_of("ann", narrow)));
    let of_team = FollowUpFilter {
        teams: vec![0],
        ..FollowUpFilter::default()
    };
    let next = desk.next_of("ann", of_team).unwrap();
    assert!(matches!(next, Answer::Moved { instance, .. } if instance == first));
    // What the agent holds is worked on as ever.
    desk.claim("ann", first).unwrap();
    desk.ask("ann", give(first, person("ben"))).unwrap();
    desk.ask("ben", give(first, Recipient::Release)).unwrap();
    assert_eq!(desk.next("ann"), Some(first));
    desk.push("ann", first, "rang").unwrap();
}

#[test]
fn supervisors_and_agents_of_other_teams_choose() {
    let mut desk = fair_desk();
    let (first, second) = (desk.set("1", true), desk.set("2", true));
    desk.reach = Reach::EVERYTHING;
    desk.push("sue", first, "rang").unwrap();
    // The next stage is for a team that lets its agents choose.
    desk.reach = Reach::EVERYTHING.taking_next(true);
    desk.claim("ann", first).unwrap();
    assert!(is_refused(&desk.claim("ann", second)));
    // Of a follow-up for two teams, each agent follows the rule of the own team.
    desk.reach = Reach::new(&Scope::new(&[], &["billing"])).taking_next(true);
    desk.claim("ben", second).unwrap();
}

#[test]
fn a_batch_of_an_agent_chooses_none_either() {
    let mut desk = fair_desk();
    let ids = ["1", "2"].map(|call| desk.set(call, true));
    assert_eq!(desk.next("ann"), Some(ids[0]));
    let start = StartBatch {
        work: BatchWork::Claim {
            lease_millis: 30 * MINUTE,
        },
        items: BatchItems::named(ids),
        reason: "".into(),
        per_second: 100,
    };
    let actor = aftercall_engine::actor::Actor {
        kind: aftercall_engine::actor::ActorKind::Person,
        name: "ann".into(),
        subject: None,
    };
    let root = desk.world.root();
    let by = (&actor, true, desk.now);
    let tried = try_batch(root, &start, by, |_, tried| tried.map(drop), &never).unwrap();
    assert!(tried[0].is_ok() && is_refused(&tried[1]), "{tried:?}");
    desk.ask("ann", Command::from(start)).unwrap();
    let batch = desk.world.root().sequence;
    // The steps are the server's own.
    desk.reach = Reach::EVERYTHING;
    for _ in ids {
        desk.ask("ann", Command::from(StepBatch { batch })).unwrap();
    }
    let refused = &desk.world.root().batches[&batch].refused;
    let refused: Vec<_> = refused.iter().map(|one| (one.item, &*one.reason)).collect();
    assert_eq!(refused, [(1, "CLAIM_NEXT_ONLY")]);
}

#[test]
fn an_import_without_the_setting_keeps_it() {
    let mut desk = Desk::new(WORKFLOW);
    let is_set = |desk: &Desk| desk.world.root().teams.at(0).unwrap().claim_next_only;
    assert!(!is_set(&desk));
    for (asked, expected) in [
        (Some(true), true),
        (None, true),
        (Some(false), false),
        (None, false),
    ] {
        desk.ask("author", import(asked)).unwrap();
        assert_eq!(is_set(&desk), expected);
    }
    let revision = desk.world.root().teams.at(0).unwrap().revision;
    assert_eq!(revision, 3, "what changes nothing is no change");
}
