//! What leaves memory, when, and that it does so whole; what an erasure leaves; and that arbitrary
//! steps come to all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use aftercall_definition::testing::definitions;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::archive::Chunk;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    AddNote, ArchiveCalls, CallChanges, Command, EndCall, EndErasure, EraseCaller, KnownCall,
    OperationsCommand, PauseInstance, ReplaceChunk, StepErasure, UpdateCall,
};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::erasure::{ErasedCall, ErasureState};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::mask::is_masked;
use aftercall_engine::phone::Country;
use aftercall_engine::query::{Archivable, archivable, archivable_from, calls_in_memory};
use aftercall_engine::testing::{Player, steps};
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_engine::world::erasing::Erasing;
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Rejection, Request, decide, limits};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::desk::{Desk, MINUTE};

const HOUR: i64 = 60 * MINUTE;

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
fields: { reason: { type: text } }
on_new_call:
  - alert: { text: 'Ring {{ call.caller.name }}', team: care, due: 4h }
  - button: Done
    then: [ finish: done ]
";

fn key(call: &str) -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: call.into(),
    }
}

impl Desk {
    fn finish(&mut self, call: &str) -> InstanceId {
        let id = self.set(call, true);
        self.push("Ann", id, "done").unwrap();
        id
    }

    fn end(&mut self, call: &str) {
        self.ask("script", Command::from(EndCall { call: key(call) }))
            .unwrap();
    }

    fn archivable(&self) -> Vec<String> {
        let Archivable { calls, .. } = archivable(self.world.root(), HOUR, self.now, 100);
        let call = |slot: u32| self.world.root().call_at(slot).unwrap().key.id.to_string();
        calls.iter().map(|one| call(one.slot)).collect()
    }

    /// Lets all leave that may, as they stood at a look.
    fn archive(&mut self, looked_at: Archivable) -> Option<ChangeKind> {
        let file = self.world.root().archive.newest_file + 1;
        let entry = self
            .entry(
                "",
                Command::from(ArchiveCalls {
                    file,
                    calls: looked_at.calls,
                }),
            )
            .unwrap()
            .0;
        entry.map(|entry| entry.kind)
    }

    fn leaving(&self) -> Archivable {
        archivable(self.world.root(), HOUR, self.now, 100)
    }
}

#[test]
fn a_call_leaves_an_hour_after_its_last_end_and_one_that_nobody_ended_a_day_after_it_began() {
    let mut desk = Desk::new(WORKFLOW);
    desk.finish("ended");
    desk.end("ended");
    desk.finish("unended");
    desk.set("open", true);
    desk.finish("two");
    desk.end("two");
    desk.pass(HOUR - 1);
    assert_eq!(desk.archivable(), [""; 0]);
    desk.finish("two");
    desk.pass(1);
    assert_eq!(
        desk.archivable(),
        ["ended"],
        "the other has something that ended just now"
    );
    desk.pass(HOUR);
    assert_eq!(desk.archivable(), ["ended", "two"]);
    desk.pass(22 * HOUR - 1);
    assert_eq!(desk.archivable(), ["ended", "two"]);
    desk.pass(1);
    assert_eq!(desk.archivable(), ["ended", "unended", "two"]);
}

#[test]
fn parts_that_are_looked_for_one_after_another_make_the_whole_and_no_call_is_looked_at_twice() {
    let mut desk = Desk::new(WORKFLOW);
    for call in 0..10 {
        desk.finish(&call.to_string());
        desk.end(&call.to_string());
        desk.set(&format!("open {call}"), true);
    }
    desk.pass(HOUR);
    for most in 1..12 {
        let (mut from, mut parts) = (0, Vec::new());
        loop {
            let part = archivable_from(desk.world.root(), from, HOUR, desk.now, most);
            assert!(
                part.calls
                    .iter()
                    .all(|call| (from..part.next_slot).contains(&call.slot))
            );
            from = part.next_slot;
            parts.extend(part.calls.iter().map(|call| call.slot));
            if !part.is_full {
                break;
            }
        }
        assert_eq!(
            parts,
            desk.leaving()
                .calls
                .iter()
                .map(|call| call.slot)
                .collect::<Vec<_>>(),
            "{most} a part"
        );
        assert_eq!(from, 20);
    }
}

#[test]
fn all_leave_as_they_stood_or_none_does() {
    let mut desk = Desk::new(WORKFLOW);
    let ids = ["1", "2"].map(|call| desk.finish(call));
    ["1", "2"].iter().for_each(|call| desk.end(call));
    desk.pass(HOUR);
    let looked_at = desk.leaving();
    desk.ask(
        "Ann",
        Command::from(AddNote {
            instance: ids[1],
            text: "late".into(),
        }),
    )
    .unwrap_err();
    desk.ask(
        "ops",
        Command::from(AddNote {
            instance: ids[1],
            text: "late".into(),
        }),
    )
    .unwrap();
    assert_eq!(
        desk.archive(looked_at),
        None,
        "the chunk does not say how it stands now"
    );
    let looked_at = desk.leaving();
    let changes = CallChanges {
        customer: Some("acme".into()),
        ..CallChanges::default()
    };
    desk.ask(
        "script",
        Command::from(UpdateCall {
            call: key("1"),
            changes,
            expected: None,
        }),
    )
    .unwrap();
    assert_eq!(desk.archive(looked_at), None);
    let looked_at = desk.leaving();
    assert_eq!(desk.archive(looked_at.clone()), Some(ChangeKind::Archived));
    assert!(
        ids.iter()
            .all(|id| desk.world.root().instance(*id).is_none())
    );
    assert_eq!(desk.archive(looked_at), None, "nobody leaves twice");
    assert_eq!(desk.world.root().archive.instances, 2);
    let late = desk.ask(
        "Ann",
        Command::from(AddNote {
            instance: ids[0],
            text: "late".into(),
        }),
    );
    assert_eq!(late, Err(Rejection::NoSuchInstance(ids[0])));
}

#[test]
fn an_old_file_number_or_a_chunk_that_is_gone_changes_nothing() {
    let mut desk = Desk::new(WORKFLOW);
    desk.finish("1");
    desk.end("1");
    desk.pass(HOUR);
    let calls = desk.leaving().calls;
    let stored = desk
        .entry(
            "",
            Command::from(ArchiveCalls {
                file: 0,
                calls: calls.clone(),
            }),
        )
        .unwrap()
        .0;
    assert_eq!(stored, None, "it is not newer than the newest");
    // Numbers may be left out: a file that was begun and not finished keeps its own.
    desk.entry("", Command::from(ArchiveCalls { file: 3, calls }))
        .unwrap()
        .0
        .unwrap();
    let chunk = desk.world.root().archive.chunks[&3].clone();
    for file in [1, 3] {
        let older = Arc::new(Chunk {
            file,
            ..Chunk::clone(&chunk)
        });
        let replaced = desk
            .entry(
                "",
                Command::from(ReplaceChunk {
                    id: 3,
                    new: Some(older),
                }),
            )
            .unwrap()
            .0;
        assert_eq!(replaced, None, "{file} is not newer than the newest");
    }
    desk.entry("", Command::from(ReplaceChunk { id: 3, new: None }))
        .unwrap()
        .0
        .unwrap();
    assert_eq!(
        desk.entry("", Command::from(ReplaceChunk { id: 3, new: None }))
            .unwrap()
            .0,
        None
    );
    assert_eq!(
        (
            desk.world.root().archive.instances,
            desk.world.root().archive.newest_file
        ),
        (0, 3)
    );
}

fn erase(desk: &Desk, reference: &str) -> Command {
    erase_of_customer(desk, reference, "")
}

fn erase_of_customer(desk: &Desk, reference: &str, customer: &str) -> Command {
    let caller = CallerKey::of(
        &Caller {
            reference: reference.into(),
            ..Caller::default()
        },
        Country::NONE,
    )
    .unwrap();
    let newest_file = desk.world.root().archive.newest_file;
    let reason = "asked for it".into();
    let calls = calls_in_memory(desk.world.root(), &caller, customer);
    let erase = EraseCaller {
        customer: customer.into(),
        reason,
        calls,
        look: None,
        newest_file,
        is_of_restore: false,
    };
    Command::from(erase)
}

#[test]
fn an_erasure_masks_call_after_call_and_nothing_leaves_memory_meanwhile() {
    let mut desk = Desk::new(WORKFLOW);
    let ids = ["1", "2"].map(|call| desk.finish(call));
    let open = desk.set("1", true);
    for call in ["1", "2"] {
        desk.end(call);
        let caller = Some(Caller {
            name: "Ada".into(),
            reference: "C-7".into(),
            ..Caller::default()
        });
        let changes = CallChanges {
            caller,
            ..CallChanges::default()
        };
        desk.ask(
            "script",
            Command::from(UpdateCall {
                call: key(call),
                changes,
                expected: None,
            }),
        )
        .unwrap();
    }
    let nobody = erase(&desk, "C-8");
    assert_eq!(desk.ask("ops", nobody), Err(Rejection::NoSuchCaller));
    let started = desk.entry("ops", erase(&desk, "C-7")).unwrap().0.unwrap();
    let erasure = started.sequence;
    desk.pass(HOUR);
    let looked_at = desk.leaving();
    assert_eq!(looked_at.calls.len(), 1);
    assert_eq!(
        desk.archive(looked_at),
        None,
        "what an erasure has found stays where it was found"
    );
    assert_eq!(
        desk.entry("ops", Command::from(EndErasure { erasure }))
            .unwrap()
            .0,
        None,
        "not before all is masked"
    );
    for call in ["2", "1"] {
        let masked = desk
            .entry("ops", Command::from(StepErasure { erasure }))
            .unwrap()
            .0
            .unwrap();
        assert_eq!(*masked.call.unwrap().after.key.id, *call);
        assert!(
            masked
                .instances
                .iter()
                .all(|change| change.kind == ChangeKind::CallerErased)
        );
    }
    assert_eq!(
        desk.entry("ops", Command::from(StepErasure { erasure }))
            .unwrap()
            .0,
        None
    );
    let root = desk.world.root();
    assert_eq!(root.erasures[&erasure].state, ErasureState::Scrubbing);
    assert!(
        root.calls
            .iter()
            .flatten()
            .all(|call| *call.caller.name == *"[erased]")
    );
    assert!(
        root.calls_of(
            &CallerKey::of(
                &Caller {
                    reference: "C-7".into(),
                    ..Caller::default()
                },
                Country::NONE
            )
            .unwrap(),
            ""
        )
        .next()
        .is_none()
    );
    assert_eq!(*root.instance(open).unwrap().alerts[0].text, *"[erased]");
    assert_eq!(
        *root.instance(ids[0]).unwrap().ending,
        *"done",
        "how it ended stays"
    );
    desk.push("Ann", open, "done").unwrap();
    desk.entry("", Command::from(EndErasure { erasure }))
        .unwrap()
        .0
        .unwrap();
    assert!(desk.world.root().erasing.is_empty());
}

fn rename(desk: &mut Desk, call: &str, name: &str) {
    let caller = Some(Caller {
        name: name.into(),
        reference: "C-7".into(),
        ..Caller::default()
    });
    let changes = CallChanges {
        caller,
        ..CallChanges::default()
    };
    desk.ask(
        "script",
        Command::from(UpdateCall {
            call: key(call),
            changes,
            expected: None,
        }),
    )
    .unwrap();
}

#[test]
fn what_is_said_after_the_mask_is_not_about_the_past_and_stays() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    rename(&mut desk, "1", "Ada");
    let before = desk
        .entry(
            "Ann",
            Command::from(AddNote {
                instance: id,
                text: "she rang".into(),
            }),
        )
        .unwrap()
        .0
        .unwrap();
    let erasure = desk
        .entry("ops", erase(&desk, "C-7"))
        .unwrap()
        .0
        .unwrap()
        .sequence;
    let between = desk
        .entry(
            "Ann",
            Command::from(AddNote {
                instance: id,
                text: "she rang".into(),
            }),
        )
        .unwrap()
        .0
        .unwrap();
    desk.entry("ops", Command::from(StepErasure { erasure }))
        .unwrap()
        .0
        .unwrap();
    let after = desk.entry(
        "Ann",
        Command::from(AddNote {
            instance: id,
            text: "the part is here".into(),
        }),
    );
    let after = after.unwrap().0.unwrap();
    let root = desk.world.root();
    let touched = [before, between, after].map(|entry| is_masked(&root.erasing, root, &entry));
    assert_eq!(touched, [true, true, false]);
}

#[test]
fn two_erasures_of_one_call_never_unmask_it_whichever_masks_it_first() {
    for order in [[0, 1], [1, 0]] {
        let mut desk = Desk::new(WORKFLOW);
        let id = desk.set("1", true);
        rename(&mut desk, "1", "Ada");
        let note = |desk: &mut Desk| {
            let note = Command::from(AddNote {
                instance: id,
                text: "she rang".into(),
            });
            desk.entry("Ann", note).unwrap().0.unwrap()
        };
        let mut start = || {
            let command = erase(&desk, "C-7");
            desk.entry("ops", command).unwrap().0.unwrap().sequence
        };
        let erasures = [start(), start()];
        desk.entry(
            "ops",
            Command::from(StepErasure {
                erasure: erasures[order[0]],
            }),
        )
        .unwrap()
        .0
        .unwrap();
        let between = note(&mut desk);
        assert!(
            is_masked(&desk.world.root().erasing, desk.world.root(), &between),
            "the other is still to mask it"
        );
        desk.entry(
            "ops",
            Command::from(StepErasure {
                erasure: erasures[order[1]],
            }),
        )
        .unwrap()
        .0
        .unwrap();
        let after = note(&mut desk);
        let root = desk.world.root();
        for erasing in [
            Arc::clone(&root.erasing),
            Arc::new(Erasing::of(&root.erasures)),
        ] {
            assert!(
                is_masked(&erasing, root, &between),
                "it was said before the second masked"
            );
            assert!(!is_masked(&erasing, root, &after), "it was said afterwards");
        }
    }
}

#[test]
fn a_call_that_is_heard_of_again_takes_over_what_the_archive_knew_unless_that_has_changed() {
    let mut desk = Desk::new(WORKFLOW);
    desk.finish("1");
    rename(&mut desk, "1", "Ada");
    desk.end("1");
    let known = desk.world.root().call(&key("1")).unwrap().clone();
    desk.pass(2 * HOUR);
    // Looked up while it was still in memory.
    let stale = KnownCall {
        newest_file: desk.world.root().archive.newest_file,
        call: None,
    };
    let looked_at = desk.leaving();
    desk.archive(looked_at).unwrap();
    let update = |known: KnownCall| {
        let changes = CallChanges {
            agent: Some("Kim".into()),
            ..CallChanges::default()
        };
        let command = Command::from(UpdateCall {
            call: key("1"),
            changes,
            expected: Some(3),
        });
        let actor = Actor {
            kind: ActorKind::ScriptEngine,
            name: "script".into(),
        };
        Request {
            actor,
            mark: None,
            salt: 1,
            known: Some(known),
            command,
        }
    };
    assert_eq!(
        decide(&desk.world, &update(stale), desk.now),
        Err(Rejection::ArchiveMoved)
    );
    let newest_file = desk.world.root().archive.newest_file;
    let found = update(KnownCall {
        newest_file,
        call: Some(known.clone()),
    });
    let Ok(Decision::Commit(entry)) = decide(&desk.world, &found, desk.now) else {
        panic!("it is updated")
    };
    let after = entry.call.as_ref().unwrap().after.clone();
    assert_eq!(
        (after.ended_at, after.chargeable, &after.caller),
        (known.ended_at, true, &known.caller)
    );
    assert_eq!(
        (&*after.agent, after.revision, after.created_at),
        ("Kim", known.revision + 1, desk.now)
    );
    // An erasure that began after the look masks what the look found.
    let Command::Operations(OperationsCommand::EraseCaller(mut erase)) = erase(&desk, "C-7") else {
        unreachable!()
    };
    erase.calls = vec![ErasedCall {
        key: key("1"),
        created_at: known.created_at,
        instances: Box::default(),
    }];
    desk.entry("ops", Command::from(*erase)).unwrap().0.unwrap();
    let Ok(Decision::Commit(entry)) = decide(&desk.world, &found, desk.now) else {
        panic!("it is updated")
    };
    let caller = &entry.call.as_ref().unwrap().after.caller;
    assert_eq!(
        (&*caller.name, &*caller.reference),
        (aftercall_engine::mask::ERASED, "")
    );
}

#[test]
fn a_call_whose_key_comes_again_while_the_first_is_erased_is_left_alone() {
    let mut desk = Desk::new(WORKFLOW);
    desk.finish("1");
    rename(&mut desk, "1", "Ada");
    let first = desk.world.root().call(&key("1")).unwrap().clone();
    desk.end("1");
    desk.pass(2 * HOUR);
    let looked_at = desk.leaving();
    desk.archive(looked_at).unwrap();
    let again = desk.set("1", true);
    rename(&mut desk, "2", "Ben");
    desk.ask(
        "script",
        Command::from(UpdateCall {
            call: key("1"),
            changes: CallChanges::default(),
            expected: None,
        }),
    )
    .unwrap();
    let Command::Operations(OperationsCommand::EraseCaller(mut command)) = erase(&desk, "C-7")
    else {
        unreachable!()
    };
    command.calls.push(ErasedCall {
        key: key("1"),
        created_at: first.created_at,
        instances: Box::default(),
    });
    let erasure = desk
        .entry("ops", Command::from(*command))
        .unwrap()
        .0
        .unwrap()
        .sequence;
    for _ in 0..2 {
        desk.entry("ops", Command::from(StepErasure { erasure }))
            .unwrap()
            .0
            .unwrap();
    }
    assert_eq!(
        desk.world.root().erasures[&erasure].state,
        ErasureState::Scrubbing
    );
    assert_ne!(*desk.of(again).alerts[0].text, *"[erased]");
    assert_eq!(
        *desk.world.root().call(&key("2")).unwrap().caller.name,
        *"[erased]"
    );
}

#[test]
fn a_customers_calls_are_found_among_more_of_others_than_are_ever_shown() {
    let mut desk = Desk::new(WORKFLOW);
    let of = |customer: &str| CallChanges {
        customer: Some(customer.into()),
        caller: Some(Caller {
            reference: "C-7".into(),
            ..Caller::default()
        }),
        ..CallChanges::default()
    };
    let update = |call: &str, customer: &str| {
        Command::from(UpdateCall {
            call: key(call),
            changes: of(customer),
            expected: None,
        })
    };
    desk.ask("script", update("first", "acme")).unwrap();
    for call in 0..limits::CALLS_OF_CALLER_MAX {
        desk.ask("script", update(&call.to_string(), "another"))
            .unwrap();
    }
    let erase = |desk: &Desk, customer: &str| erase_of_customer(desk, "C-7", customer);
    let erasure = desk
        .entry("ops", erase(&desk, "acme"))
        .unwrap()
        .0
        .unwrap()
        .sequence;
    let found = &desk.world.root().erasures[&erasure];
    assert_eq!(
        (found.calls.len(), &*found.calls[0].key.id, found.more),
        (1, "first", false)
    );
    let erasure = desk
        .entry("ops", erase(&desk, ""))
        .unwrap()
        .0
        .unwrap()
        .sequence;
    let found = &desk.world.root().erasures[&erasure];
    assert_eq!(
        (found.calls.len(), found.more),
        (limits::ERASED_CALLS_MAX, true),
        "it is said that there are more"
    );
}

#[test]
fn operations_pause_what_somebody_holds_who_goes_on_holding_it() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.claim("Ann", id).unwrap();
    let pause = || {
        Command::from(PauseInstance {
            instance: id,
            until: None,
            reason: "a part is missing".into(),
            expected: None,
        })
    };
    assert!(matches!(
        desk.ask("Ben", pause()),
        Err(Rejection::ClaimedByAnother(_))
    ));
    desk.ask("ops", pause()).unwrap();
    assert_eq!(desk.holder(id), "Ann");
}

/// The property tests over arbitrary steps would say nothing of what the steps never come to.
#[test]
fn arbitrary_steps_come_to_everything_that_leaves_and_is_erased() {
    let mut runner = TestRunner::deterministic();
    let mut kinds = BTreeSet::new();
    for _ in 0..200 {
        let definition = definitions().new_tree(&mut runner).unwrap().current();
        let steps = steps(120).new_tree(&mut runner).unwrap().current();
        let (mut player, mut world) = (
            Player::new(vec![definition]),
            World::new(Keeping::default()),
        );
        let mut requests = player.opening();
        for step in &steps {
            for request in requests.drain(..) {
                if let Ok(Decision::Commit(entry)) = decide(&world, &request, player.now()) {
                    world.apply(&entry).unwrap();
                    kinds.insert(format!("{:?}", entry.kind));
                }
            }
            requests = player.requests(step, &world);
        }
    }
    for kind in [
        "Archived",
        "ChunkReplaced",
        "ErasureStarted",
        "CallerErased",
        "ErasureEnded",
    ] {
        assert!(kinds.contains(kind), "{kind} never comes: {kinds:?}");
    }
}
