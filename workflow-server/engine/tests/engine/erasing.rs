//! Tests calls that arrive, change or end between the search for a caller's calls and the decision
//! to erase them. Also tests outcomes that a person typed.

use std::sync::Arc;

use aftercall_engine::Rejection;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    CallChanges, Command, EraseCaller, FinishFollowUp, Look, StepErasure, UpdateCall,
};
use aftercall_engine::erasure::Erasure;
use aftercall_engine::mask::masked;
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::world::caller_index::CallerKey;

use crate::desk::Desk;

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: 'Ring {{ call.caller.name }}', team: care }
  - button: Done
    then: [ finish: done ]
";

fn ada() -> Caller {
    Caller {
        name: "Ada".into(),
        reference: "C-7".into(),
        ..Caller::default()
    }
}

fn key(call: &str) -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: call.into(),
    }
}

impl Desk {
    fn update(&mut self, call: &str, customer: &str, caller: Option<Caller>) {
        let changes = CallChanges {
            customer: Some(customer.into()),
            caller,
            ..CallChanges::default()
        };
        self.ask(
            "script",
            Command::from(UpdateCall {
                call: key(call),
                changes,
                expected: None,
            }),
        )
        .unwrap();
    }

    /// The command that `EraseCaller` sends after a search at this moment.
    fn erase_request(&self, customer: &str) -> EraseCaller {
        let (root, caller) = (
            self.world.root(),
            CallerKey::new(&ada(), Country::NONE).unwrap(),
        );
        EraseCaller {
            customer: customer.into(),
            reason: "asked for it".into(),
            calls: calls_in_memory(root, &caller, customer),
            look: Some(Look {
                caller,
                sequence: root.sequence,
            }),
            newest_file: root.archive.newest_file,
            is_of_restore: false,
        }
    }

    fn erase(&mut self, looked: EraseCaller) -> Result<Erasure, Rejection> {
        let sequence = self
            .entry("ops", Command::from(looked))?
            .0
            .unwrap()
            .sequence;
        Ok(Erasure::clone(&self.world.root().erasures[&sequence]))
    }
}

/// Erases the caller of a call, who has no other.
pub(crate) fn erase_call(desk: &mut Desk, call: &str) {
    desk.update(call, "", Some(ada()));
    let erasure = desk.erase(desk.erase_request("")).unwrap();
    for _ in 0..erasure.calls.len() {
        let erasure = erasure.id;
        desk.ask("ops", Command::from(StepErasure { erasure }))
            .unwrap();
    }
}

fn ids(erasure: &Erasure) -> Vec<&str> {
    erasure.calls.iter().map(|call| &*call.key.id).collect()
}

#[test]
fn an_erasure_includes_calls_that_arrive_after_the_search() {
    let mut desk = Desk::new(WORKFLOW);
    desk.update("known", "", Some(ada()));
    desk.update("other", "", None);
    let looked = desk.erase_request("");
    desk.update("new", "", Some(ada()));
    desk.set("new", true);
    // An existing call turns out to be hers.
    desk.update("other", "", Some(ada()));
    desk.update(
        "stranger",
        "",
        Some(Caller {
            reference: "C-8".into(),
            ..ada()
        }),
    );
    let erasure = desk.erase(looked).unwrap();
    assert_eq!(ids(&erasure), ["other", "new", "known"]);
    assert_eq!(erasure.calls[1].instances.len(), 1);
    for _ in 0..3 {
        desk.entry(
            "ops",
            Command::from(StepErasure {
                erasure: erasure.id,
            }),
        )
        .unwrap()
        .0
        .unwrap();
    }
    let left: Vec<_> = desk
        .world
        .root()
        .calls
        .iter()
        .flatten()
        .filter(|call| *call.caller.name == *"Ada")
        .collect();
    assert_eq!((left.len(), &*left[0].key.id), (1, "stranger"));
}

#[test]
fn a_call_changed_after_the_search_is_listed_once() {
    let mut desk = Desk::new(WORKFLOW);
    desk.update("1", "", Some(ada()));
    let looked = desk.erase_request("");
    let instance = desk.set("1", true);
    let erasure = desk.erase(looked).unwrap();
    assert_eq!(
        (ids(&erasure), &*erasure.calls[0].instances),
        (vec!["1"], &[instance][..])
    );
}

#[test]
fn an_erasure_includes_calls_newly_assigned_to_the_customer() {
    let mut desk = Desk::new(WORKFLOW);
    for call in ["1", "2"] {
        desk.update(call, "another", Some(ada()));
    }
    let looked = desk.erase_request("acme");
    assert!(looked.calls.is_empty());
    desk.update("1", "acme", None);
    desk.update("3", "another", Some(ada()));
    assert_eq!(ids(&desk.erase(looked).unwrap()), ["1"]);
}

#[test]
fn an_erasure_with_an_outdated_search_is_rejected() {
    let mut desk = Desk::new(WORKFLOW);
    desk.update("known", "", Some(ada()));
    let looked = desk.erase_request("");
    for change in 0..5_000 {
        desk.update("busy", &change.to_string(), None);
    }
    assert_eq!(desk.erase(looked).unwrap_err(), Rejection::CallsMoved);
    let again = desk.erase_request("");
    assert_eq!(ids(&desk.erase(again).unwrap()), ["known"]);
}

/// A workflow in which nothing can move an instance.
const UNLINKED: &str = "
format: 1
workflow: repair
title: Repair
allow_unlinked_ends: true
fields: { reason: { type: text } }
on_new_call:
  - finish: { outcome: known, when: \"fields.reason == 'never'\" }
  - alert: { text: Look, team: care }
";

#[test]
fn an_outcome_typed_by_a_person_is_erased() {
    for (outcome, left) in [("ada-of-elm-street-7", "[erased]"), ("known", "known")] {
        let mut desk = Desk::new(UNLINKED);
        let id = desk.set("1", true);
        desk.update("1", "acme", Some(ada()));
        let asked = FinishFollowUp {
            instance: id,
            stage: 1,
            visit: 1,
            outcome: outcome.into(),
            note: "".into(),
            expected: None,
        };
        let typed = desk.entry("Ann", Command::from(asked)).unwrap().0.unwrap();
        let looked = desk.erase_request("");
        let erasure = desk.erase(looked).unwrap().id;
        let root = desk.world.root();
        let masked = format!("{:?}", masked(&root.erasing, root, Arc::new(typed.clone())));
        assert!(
            format!("{typed:?}").contains(outcome) && !masked.contains("ada-of"),
            "{masked}"
        );
        desk.entry("ops", Command::from(StepErasure { erasure }))
            .unwrap()
            .0
            .unwrap();
        assert_eq!(*desk.instance(id).ending, *left);
    }
}
