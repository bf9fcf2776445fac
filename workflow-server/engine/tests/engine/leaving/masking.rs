//! Tests erasures: what they mask and what they keep.

use std::sync::Arc;

use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::Caller;
use aftercall_engine::command::{
    AddNote, CallChanges, Command, EndErasure, EraseCaller, KnownCall, OperationsCommand,
    StepErasure, UpdateCall,
};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::erasure::{ErasedCall, ErasureState};
use aftercall_engine::mask::is_masked;
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_engine::world::erasing::Erasing;
use aftercall_engine::{Decision, Rejection, Request, decide, limits};

use crate::desk::Desk;
use crate::leaving::{HOUR, WORKFLOW, key};

fn erase(desk: &Desk, reference: &str) -> Command {
    erase_of_customer(desk, reference, "")
}

fn erase_of_customer(desk: &Desk, reference: &str, customer: &str) -> Command {
    let caller = CallerKey::new(
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
fn no_call_leaves_memory_during_an_erasure() {
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
        "a call that an erasure has found stays in memory"
    );
    assert_eq!(
        desk.entry("ops", Command::from(EndErasure { erasure }))
            .unwrap()
            .0,
        None,
        "an erasure does not end before all calls are masked"
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
            &CallerKey::new(
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
        "the outcome is kept"
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
fn a_note_after_the_mask_is_kept() {
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
fn two_erasures_of_one_call_never_unmask_it() {
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
            "the other erasure has not masked it yet"
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
            Arc::new(Erasing::new(&root.erasures)),
        ] {
            assert!(
                is_masked(&erasing, root, &between),
                "it is from before the second mask"
            );
            assert!(
                !is_masked(&erasing, root, &after),
                "it is from after both masks"
            );
        }
    }
}

#[test]
fn a_returning_call_keeps_its_archived_properties() {
    let mut desk = Desk::new(WORKFLOW);
    desk.finish("1");
    rename(&mut desk, "1", "Ada");
    desk.end("1");
    let known = desk.world.root().call(&key("1")).unwrap().clone();
    desk.pass(2 * HOUR);
    // The archive was searched while the call was still in memory.
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
            subject: None,
        };
        Request {
            actor,
            mark: None,
            salt: 1,
            known: Some(known),
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
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
    // An erasure that began after the search masks what the search found.
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
fn a_new_call_with_an_erased_key_stays_unmasked() {
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
    assert_ne!(*desk.instance(again).alerts[0].text, *"[erased]");
    assert_eq!(
        *desk.world.root().call(&key("2")).unwrap().caller.name,
        *"[erased]"
    );
}

#[test]
fn a_customers_calls_are_found_among_many_others() {
    let mut desk = Desk::new(WORKFLOW);
    let changes = |customer: &str| CallChanges {
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
            changes: changes(customer),
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
        "the erasure has more calls"
    );
}
