//! Tests to whom a claim and a push belong: to an identity, and to a name only where nobody had to prove
//! who they are.

use std::sync::Arc;

use aftercall_engine::Rejection;
use aftercall_engine::command::{Command, ExtendClaim, HandOver, ReleaseClaim, UndoPush};
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::InstanceId;
use aftercall_engine::recipient::Recipient;

use crate::desk::{Desk, MINUTE};

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Ring, team: care }
  - button: Again
    then:
      - alert: { text: Ring again, team: care }
      - button: Done
        then: [ finish: done ]
";

/// Two people of one name.
const BY_TOKEN: &str = "Ann#ann";
const BY_ISSUER: &str = "Ann#https://sso.example.com#u-1";

fn release(id: InstanceId) -> Command {
    Command::from(ReleaseClaim { instance: id })
}

fn is_anothers(asked: &Result<Answer, Rejection>) -> bool {
    matches!(asked, Err(Rejection::ClaimedByAnother(_)))
}

#[test]
fn a_claim_belongs_to_an_identity_not_to_a_name() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.claim(BY_TOKEN, id).unwrap();
    assert!(is_anothers(&desk.claim(BY_ISSUER, id)));
    assert!(is_anothers(&desk.push(BY_ISSUER, id, "again")));
    assert!(is_anothers(&desk.ask(BY_ISSUER, release(id))));
    // A name can change.
    desk.push("Ann Marie#ann", id, "again").unwrap();
    desk.ask(BY_TOKEN, release(id)).unwrap();
}

#[test]
fn a_claim_without_identity_belongs_to_its_name() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.claim("Ann", id).unwrap();
    assert!(is_anothers(&desk.ask("Ben#ben", release(id))));
    let extend = Command::from(ExtendClaim {
        instance: id,
        lease_millis: 60 * MINUTE,
    });
    desk.ask(BY_ISSUER, extend).unwrap();
    // After that it is hers.
    assert!(is_anothers(&desk.ask(BY_TOKEN, release(id))));
    desk.ask(BY_ISSUER, release(id)).unwrap();
}

#[test]
fn what_is_handed_to_a_name_is_for_that_name() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let to = Recipient::Person {
        name: "Ann".into(),
        lease_millis: 15 * MINUTE,
    };
    let reason = "".into();
    let hand = Command::from(HandOver {
        instance: id,
        to,
        reason,
    });
    desk.ask("Ben#ben", hand).unwrap();
    assert!(is_anothers(&desk.push("Ben#ben", id, "again")));
    desk.push(BY_TOKEN, id, "again").unwrap();
}

#[test]
fn a_push_is_undone_by_its_identity_only() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let before = Arc::new(desk.instance(id).clone());
    let pushed_at = desk.now;
    desk.push(BY_TOKEN, id, "again").unwrap();
    let undo = |sequence: u64, subject: Option<&str>| {
        Command::from(UndoPush {
            instance: id,
            sequence,
            pushed_by: "Ann".into(),
            pushed_by_subject: subject.map(Into::into),
            pushed_at,
            before: before.clone(),
            within_millis: 30 * MINUTE,
            as_supervisor: false,
            reason: "".into(),
        })
    };
    let sequence = desk.instance(id).sequence;
    let other = desk.ask(BY_ISSUER, undo(sequence, Some("ann")));
    assert!(matches!(other, Err(Rejection::PushedByAnother { .. })));
    desk.ask(BY_TOKEN, undo(sequence, Some("ann"))).unwrap();
}
