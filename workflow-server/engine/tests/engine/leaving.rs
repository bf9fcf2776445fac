//! Tests calls that leave memory: when, and always as a whole. Also tests that arbitrary steps
//! cover this.

mod masking;

use std::collections::BTreeSet;
use std::sync::Arc;

use aftercall_definition::testing::definitions;
use aftercall_engine::archive::Chunk;
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{
    AddNote, ArchiveCalls, CallChanges, Command, EndCall, PauseInstance, ReplaceChunk, UpdateCall,
};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::InstanceId;
use aftercall_engine::query::{Archivable, archivable, archivable_from};
use aftercall_engine::testing::{Player, steps};
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Rejection, decide};
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

    /// Archives the calls that a search found.
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
fn an_ended_call_is_archivable_after_an_hour() {
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
        "the other has an instance that ended just now"
    );
    desk.pass(HOUR);
    assert_eq!(desk.archivable(), ["ended", "two"]);
    desk.pass(22 * HOUR - 1);
    assert_eq!(desk.archivable(), ["ended", "two"]);
    desk.pass(1);
    assert_eq!(desk.archivable(), ["ended", "unended", "two"]);
}

#[test]
fn a_search_in_parts_reads_each_call_once() {
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
            "parts of {most}"
        );
        assert_eq!(from, 20);
    }
}

#[test]
fn all_calls_leave_unchanged_or_none_does() {
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
    assert_eq!(desk.archive(looked_at), None, "the chunk is out of date");
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
    assert_eq!(desk.archive(looked_at), None, "no call leaves twice");
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
fn an_old_file_number_or_a_missing_chunk_changes_nothing() {
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
    // Numbers may be left out: an unfinished file keeps its number.
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

#[test]
fn a_pause_by_operations_keeps_the_claim() {
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

/// Property tests check only what their steps do, so the steps must include these kinds.
#[test]
fn arbitrary_steps_archive_and_erase() {
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
        assert!(kinds.contains(kind), "no step makes {kind}: {kinds:?}");
    }
}
