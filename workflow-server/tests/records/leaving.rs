//! Archiving and erasing, after the scenario.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::archive::Chunk;
use aftercall_engine::call::Caller;
use aftercall_engine::command::{
    ArchiveCalls, Command, EndErasure, EraseCaller, ReplaceChunk, StepErasure,
};
use aftercall_engine::erasure::{ErasedCall, ErasureState};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::phone::Country;
use aftercall_engine::query::{archivable, calls_in_memory};
use aftercall_engine::world::caller_index::CallerKey;

use crate::scenario::{Played, key, play_batches, publish};

/// A definition that differs from those of the earlier samples.
const KEPT: &str = "
format: 1
workflow: kept
title: Kept
retention: 90d
on_new_call: [ finish: done ]
";

/// Plays archiving and erasing.
pub(crate) fn play_archive() -> Played {
    let mut played = play_batches();
    let long_ago = Time(1_895_000_000_000);
    let calls = archivable(played.world.root(), 0, long_ago, 2).calls;
    assert_eq!(calls.len(), 2);
    played.ask(
        ActorKind::Timer,
        Command::from(ArchiveCalls { file: 1, calls }),
    );
    let chunk = played.world.root().archive.chunks[&1].clone();
    let new = Some(Arc::new(Chunk {
        file: 2,
        ..Chunk::clone(&chunk)
    }));
    played.ask(ActorKind::Timer, Command::from(ReplaceChunk { id: 1, new }));
    let calls = archivable(played.world.root(), 0, long_ago, 1).calls;
    played.ask(
        ActorKind::Timer,
        Command::from(ArchiveCalls { file: 3, calls }),
    );
    played.ask(
        ActorKind::Timer,
        Command::from(ReplaceChunk { id: 3, new: None }),
    );
    let erasures: Vec<u64> = (0..2)
        .map(|_| {
            let caller = CallerKey::new(
                &Caller {
                    reference: "C-7".into(),
                    ..Caller::default()
                },
                Country::NONE,
            )
            .unwrap();
            let gone = InstanceId {
                made_at: 9,
                slot: 1,
                salt: 3,
            };
            let archived = [ErasedCall {
                key: key("gone"),
                created_at: Time(1_795_000_000_000),
                instances: [gone].into(),
            }];
            let (customer, reason) = ("acme".into(), "asked for it".into());
            let mut calls = calls_in_memory(played.world.root(), &caller, "acme");
            calls.extend(archived);
            let erase = EraseCaller {
                customer,
                reason,
                calls,
                look: None,
                newest_file: 3,
                is_of_restore: false,
            };
            played.ask(ActorKind::Operations, Command::from(erase));
            played.world.root().sequence
        })
        .collect();
    // One erasure finishes. The other goes into the snapshot while it runs.
    while played.world.root().erasures[&erasures[0]].state == ErasureState::Masking {
        played.ask(
            ActorKind::Operations,
            Command::from(StepErasure {
                erasure: erasures[0],
            }),
        );
    }
    played.ask(
        ActorKind::Timer,
        Command::from(EndErasure {
            erasure: erasures[0],
        }),
    );
    played.ask(
        ActorKind::Operations,
        Command::from(StepErasure {
            erasure: erasures[1],
        }),
    );
    publish(&mut played, KEPT, "kept");
    played
}
