//! Tests claims: who may push, how a claim ends, and that nobody gets an instance that another
//! person has claimed.

mod pausing;

use aftercall_definition::time::Time;
use aftercall_engine::Rejection;
use aftercall_engine::command::{
    CancelInstance, ClaimInstance, Command, ExtendClaim, FinishFollowUp, HandOver, ReleaseClaim,
    TakeOver,
};
use aftercall_engine::entry::{Answer, ChangeKind};
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::{InstanceId, Status, Wake};
use aftercall_engine::recipient::Recipient;

use crate::desk::{Desk, MINUTE};

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
fields:
  urgent: { type: bool }
on_new_call:
  - alert: { text: Ring, team: care, due: 4h }
  - button: Again
    then:
      - alert: { text: Ring again, team: care }
      - alert: { text: Look, team: billing }
      - button: Pass on
        then:
          - alert: { text: Pay, team: billing }
          - button: Paid
            then: [ finish: paid ]
      - timer: 1h
        id: late
        then:
          - alert: { text: Late, team: care }
          - button: Done
            then: [ finish: done ]
  - button: Hand on
    then:
      - alert: { text: Theirs, team: billing }
      - button: Theirs
        then: [ finish: theirs ]
  - button: Patience
    then:
      - alert: { text: Patience, team: care }
      - button: Hurry
        then: [ finish: hurried ]
      - timer: { after: 10m, wait-for-claim: true }
        id: patient
        then: [ finish: late ]
  - button: No team
    then:
      - button: Back
        then: [ link: new-call ]
";

#[test]
fn only_the_holder_can_push_until_the_claim_lapses() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.claim("Ann", id).unwrap();
    assert!(matches!(
        desk.push("Ben", id, "again"),
        Err(Rejection::ClaimedByAnother(_))
    ));
    assert!(matches!(
        desk.claim("Ben", id),
        Err(Rejection::ClaimedByAnother(_))
    ));
    assert_eq!(desk.pass(15 * MINUTE - 1), []);
    assert!(desk.push("Ben", id, "again").is_err());
    // The claim ends at this moment, even before an entry removes it.
    desk.now = Time(desk.now.0 + 1);
    assert_eq!(desk.instance(id).claim_at(desk.now), None);
    assert_eq!(desk.pass(0), [ChangeKind::ClaimLapsed]);
    assert_eq!(desk.holder(id), "");
    desk.push("Ben", id, "again").unwrap();
}

#[test]
fn a_holder_extends_and_releases_and_never_shortens_a_lease() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let extend = |minutes: i64| {
        Command::from(ExtendClaim {
            instance: id,
            lease_millis: minutes * MINUTE,
        })
    };
    assert!(matches!(
        desk.ask("Ann", extend(15)),
        Err(Rejection::NotClaimed(_))
    ));
    desk.claim("Ann", id).unwrap();
    let (began, until) = (desk.now, desk.instance(id).claim.as_ref().unwrap().until);
    desk.pass(MINUTE);
    assert!(matches!(
        desk.ask("Ben", extend(15)),
        Err(Rejection::ClaimedByAnother(_))
    ));
    assert_eq!(
        desk.entry("Ann", extend(1)).unwrap().0,
        None,
        "it would shorten the lease"
    );
    assert_eq!(desk.instance(id).claim.as_ref().unwrap().until, until);
    desk.ask("Ann", extend(60)).unwrap();
    let claim = desk.instance(id).claim.clone().unwrap();
    assert_eq!(
        (claim.since, claim.until),
        (began, Time(desk.now.0 + 60 * MINUTE))
    );
    let again = desk
        .entry(
            "Ann",
            Command::from(ClaimInstance {
                instance: id,
                lease_millis: 120 * MINUTE,
            }),
        )
        .unwrap()
        .0
        .unwrap();
    assert_eq!(
        again.kind,
        ChangeKind::ClaimExtended,
        "claiming again extends the claim"
    );
    assert!(matches!(
        desk.ask("Ben", Command::from(ReleaseClaim { instance: id })),
        Err(Rejection::ClaimedByAnother(_))
    ));
    desk.ask("Ann", Command::from(ReleaseClaim { instance: id }))
        .unwrap();
    assert!(matches!(
        desk.ask("Ann", Command::from(ReleaseClaim { instance: id })),
        Err(Rejection::NotClaimed(_))
    ));
    assert_eq!(
        desk.world
            .timers()
            .due(Time::NEVER)
            .filter(|key| key.wake() == Wake::Lapse)
            .count(),
        0
    );
}

#[test]
fn a_take_over_needs_a_reason_and_moves_the_claim() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.claim("Ann", id).unwrap();
    let take = |reason: &str| {
        Command::from(TakeOver {
            instance: id,
            lease_millis: 15 * MINUTE,
            reason: reason.into(),
        })
    };
    assert!(
        matches!(desk.ask("Ben", take(" ")), Err(Rejection::Invalid(faults)) if faults[0].field == "reason")
    );
    let entry = desk.entry("Ben", take("Ann is ill")).unwrap().0.unwrap();
    assert_eq!(
        (entry.kind, &*entry.details.note),
        (ChangeKind::TakenOver, "Ann is ill")
    );
    assert_eq!(&*entry.instances[0].before.as_ref().unwrap().holder, "Ann");
    assert!(desk.push("Ann", id, "again").is_err());
    desk.push("Ben", id, "again").unwrap();
}

#[test]
fn a_claim_ends_in_a_stage_of_another_team() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.claim("Ann", id).unwrap();
    for (button, holder) in [("no-team", "Ann"), ("back", "Ann"), ("again", "Ann")] {
        desk.push("Ann", id, button).unwrap();
        assert_eq!(desk.holder(id), holder, "after {button}");
    }
    desk.push("Ann", id, "pass-on").unwrap();
    assert_eq!(
        desk.holder(id),
        "Ann",
        "billing also had an alert in the stage before"
    );
    desk.push("Ann", id, "paid").unwrap();
    assert_eq!(
        desk.holder(id),
        "",
        "nobody has a claim on an ended instance"
    );
    let theirs = desk.set("3", true);
    desk.claim("Ann", theirs).unwrap();
    desk.push("Ann", theirs, "hand-on").unwrap();
    assert_eq!(desk.holder(theirs), "", "the stage is for another team");
    desk.push("Ben", theirs, "theirs").unwrap();
    let other = desk.set("2", true);
    desk.claim("Ann", other).unwrap();
    desk.push("Ann", other, "again").unwrap();
    desk.ask(
        "Ann",
        Command::from(ExtendClaim {
            instance: other,
            lease_millis: 600 * MINUTE,
        }),
    )
    .unwrap();
    assert_eq!(desk.pass(60 * MINUTE), [ChangeKind::TimerElapsed]);
    assert_eq!(
        desk.holder(other),
        "Ann",
        "a timer moved it, and it is still for her team"
    );
}

#[test]
fn a_waiting_timer_fires_when_the_claim_ends() {
    let mut desk = Desk::new(WORKFLOW);
    let patient = |desk: &mut Desk, call: &str| {
        let id = desk.set(call, true);
        desk.claim("Ann", id).unwrap();
        desk.push("Ann", id, "patience").unwrap();
        id
    };
    let lapses = patient(&mut desk, "1");
    assert_eq!(desk.pass(15 * MINUTE - 1), [], "it is due, but claimed");
    assert_eq!(
        desk.pass(1),
        [ChangeKind::TimerElapsed],
        "it fires when the lease is over"
    );
    assert_eq!(&*desk.instance(lapses).ending, "late");

    let released = patient(&mut desk, "2");
    desk.pass(11 * MINUTE);
    desk.ask("Ann", Command::from(ReleaseClaim { instance: released }))
        .unwrap();
    assert_eq!(desk.pass(0), [ChangeKind::TimerElapsed]);

    let extended = patient(&mut desk, "3");
    desk.ask(
        "Ann",
        Command::from(ExtendClaim {
            instance: extended,
            lease_millis: 60 * MINUTE,
        }),
    )
    .unwrap();
    assert_eq!(desk.pass(59 * MINUTE), []);
    assert_eq!(desk.pass(MINUTE), [ChangeKind::TimerElapsed]);

    let unheld = patient(&mut desk, "4");
    desk.ask("Ann", Command::from(ReleaseClaim { instance: unheld }))
        .unwrap();
    assert_eq!(
        desk.pass(10 * MINUTE),
        [ChangeKind::TimerElapsed],
        "without a claim, it is a timer like any other"
    );
}

#[test]
fn work_can_be_handed_to_a_person_or_team() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let to_ben = || Recipient::Person {
        name: "Ben".into(),
        lease_millis: 60 * MINUTE,
    };
    let give = |to: Recipient, reason: &str| {
        Command::from(HandOver {
            instance: id,
            to,
            reason: reason.into(),
        })
    };
    desk.claim("Ann", id).unwrap();
    assert!(matches!(
        desk.ask("Cem", give(to_ben(), " ")),
        Err(Rejection::ClaimedByAnother(_))
    ));
    desk.ask("Ann", give(to_ben(), "")).unwrap();
    let claim = desk.instance(id).claim.clone().unwrap();
    assert_eq!(
        (&*claim.by, claim.until),
        ("Ben", Time(desk.now.0 + 60 * MINUTE))
    );
    assert!(desk.push("Ann", id, "again").is_err());
    let entry = desk
        .entry("Cem", give(Recipient::Team { team: 1 }, "it is billing's"))
        .unwrap()
        .0
        .unwrap();
    assert_eq!(
        (entry.kind, &*entry.details.note),
        (ChangeKind::HandedOver, "it is billing's")
    );
    assert_eq!(
        entry.instances[0].before.as_ref().unwrap().alerts[0].team,
        0
    );
    assert_eq!((desk.holder(id), desk.instance(id).alerts[0].team), ("", 1));
    assert_eq!(desk.instance(id).visit(), 1, "the stage does not change");
    let nobody = Recipient::Person {
        name: " ".into(),
        lease_millis: 0,
    };
    let Err(Rejection::Invalid(faults)) = desk.ask("Ann", give(nobody, "")) else {
        panic!("it is invalid")
    };
    assert_eq!(
        faults
            .iter()
            .map(|fault| fault.field.as_str())
            .collect::<Vec<_>>(),
        ["to_person", "lease"]
    );
}

#[test]
fn handing_over_to_the_holder_never_shortens_the_lease() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let to = |lease_millis| {
        let to = Recipient::Person {
            name: "Ann".into(),
            lease_millis,
        };
        Command::from(HandOver {
            instance: id,
            to,
            reason: "".into(),
        })
    };
    desk.ask(
        "Ann",
        Command::from(ClaimInstance {
            instance: id,
            lease_millis: 60 * MINUTE,
        }),
    )
    .unwrap();
    let held = desk.instance(id).claim.clone().unwrap();
    desk.ask("Ann", to(5_000)).unwrap();
    assert_eq!(desk.instance(id).claim.as_ref().unwrap(), &held);
    desk.ask("Ann", to(90 * MINUTE)).unwrap();
    let longer = desk.instance(id).claim.clone().unwrap();
    assert!(longer.until > held.until && longer.since == held.since);
}

#[test]
fn claim_next_returns_the_most_urgent_unclaimed_instance() {
    let mut desk = Desk::new(WORKFLOW);
    let ids: Vec<InstanceId> = ["1", "2", "3"].map(|call| desk.set(call, true)).into();
    desk.set("hidden", false);
    assert_eq!(desk.next("Ann"), Some(ids[0]));
    assert_eq!(desk.next("Ben"), Some(ids[1]));
    assert_eq!(desk.next("Ann"), Some(ids[2]), "she may claim several");
    assert_eq!(desk.next("Cem"), None);
    desk.ask("Ben", Command::from(ReleaseClaim { instance: ids[1] }))
        .unwrap();
    assert_eq!(desk.next("Cem"), Some(ids[1]));
    assert_eq!(
        desk.next_of("Dan", FollowUpFilter::default()).unwrap(),
        Answer::Done
    );
    let of_billing = FollowUpFilter {
        teams: vec![1],
        ..FollowUpFilter::default()
    };
    desk.ask("Ann", Command::from(ReleaseClaim { instance: ids[0] }))
        .unwrap();
    assert_eq!(
        desk.next_of("Dan", of_billing).unwrap(),
        Answer::Done,
        "it is not for billing"
    );
}

#[test]
fn hidden_or_ended_instances_cannot_be_claimed() {
    let mut desk = Desk::new(WORKFLOW);
    let hidden = desk.set("1", false);
    assert!(matches!(
        desk.claim("Ann", hidden),
        Err(Rejection::NotVisible(_))
    ));
    let id = desk.set("2", true);
    for lease_millis in [0, 999, 24 * 60 * MINUTE + 1, i64::MIN, i64::MAX] {
        let refused = desk.ask(
            "Ann",
            Command::from(ClaimInstance {
                instance: id,
                lease_millis,
            }),
        );
        assert!(
            matches!(refused, Err(Rejection::Invalid(faults)) if faults[0].field == "lease"),
            "{lease_millis}"
        );
    }
    for lease_millis in [1_000, 24 * 60 * MINUTE] {
        desk.ask(
            "Ann",
            Command::from(ClaimInstance {
                instance: id,
                lease_millis,
            }),
        )
        .unwrap();
    }
    desk.ask(
        "ops",
        Command::from(CancelInstance {
            instance: id,
            reason: "a test".into(),
            expected: None,
        }),
    )
    .unwrap();
    assert!(matches!(
        desk.claim("Ann", id),
        Err(Rejection::IllegalMove { .. })
    ));
    assert_eq!(desk.world.timers().len(), 0);
}

#[test]
fn only_the_holder_can_finish_an_incomplete_instance() {
    let file = "format: 1\nworkflow: repair\ntitle: Repair\nallow_unlinked_ends: true\non_new_call:\n  - alert: { text: Look, team: care }\n  - button: Nowhere\n    then: [ alert: { text: Decide, team: care, due: 1h, escalate: [ { at: due, priority: raise } ] } ]\n";
    let mut desk = Desk::new(file);
    let id = desk.set("1", true);
    desk.claim("Ann", id).unwrap();
    desk.push("Ann", id, "nowhere").unwrap();
    assert_eq!(
        (desk.instance(id).status, desk.holder(id)),
        (Status::Incomplete, "Ann"),
        "there is work left to do"
    );
    assert!(matches!(
        desk.claim("Ben", id),
        Err(Rejection::ClaimedByAnother(_))
    ));
    assert_eq!(desk.pass(15 * MINUTE), [ChangeKind::ClaimLapsed]);
    assert_eq!(desk.next("Ben"), Some(id), "nobody has a claim");
    let finish = |stage: u32, visit: u32| {
        let (outcome, note) = ("settled".into(), "".into());
        Command::from(FinishFollowUp {
            instance: id,
            stage,
            visit,
            outcome,
            note,
            expected: None,
        })
    };
    assert!(matches!(
        desk.ask("Ann", finish(2, 1)),
        Err(Rejection::ClaimedByAnother(_))
    ));
    assert!(
        matches!(desk.ask("Ben", finish(1, 1)), Err(Rejection::StaleVisit(_))),
        "he saw another stage"
    );
    assert!(
        matches!(desk.ask("Ben", finish(2, 2)), Err(Rejection::Invalid(_))),
        "the visit does not exist yet"
    );
    desk.ask("Ben", finish(2, 1)).unwrap();
    let finished = desk.instance(id);
    assert_eq!(
        (finished.status, &*finished.ending, finished.ended_at),
        (Status::Finished, "settled", Some(desk.now))
    );
    assert_eq!((finished.alerts.len(), &finished.claim), (0, &None));
}
