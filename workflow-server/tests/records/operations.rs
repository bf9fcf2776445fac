//! Confirmations and stops by operations, after the scenario, with their first answers.

use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{BatchProgress, BatchState};
use aftercall_engine::command::{Command, ConfirmPurge, StopBatch};
use aftercall_engine::entry::Answer;

use crate::incomplete::play_incomplete;
use crate::scenario::Played;

/// Plays both, and what follows.
pub(crate) fn play_operations() -> Played {
    let mut played = play_incomplete();
    let (batch, _) = played.world.root().batches.get_max().unwrap();
    let stop = Command::from(StopBatch {
        batch: *batch,
        reason: "enough".into(),
    });
    played.ask(ActorKind::Operations, stop.clone());
    assert!(matches!(
        played.entries.last().unwrap().answer,
        Answer::BatchStopped(BatchProgress {
            state: BatchState::Stopped | BatchState::Done,
            ended_at: Some(_),
            ..
        })
    ));
    // Requested with another request id, for a batch that has ended.
    played.ask(ActorKind::Operations, stop);
    // A confirmation that waits for a pass goes into the snapshot. If no instance waits, only the
    // request id is stored.
    played.ask(
        ActorKind::Operations,
        Command::from(ConfirmPurge { instances: 40 }),
    );
    played.ask(
        ActorKind::Operations,
        Command::from(ConfirmPurge { instances: 0 }),
    );
    let confirmed = played
        .world
        .root()
        .archive
        .purge_confirmed
        .as_ref()
        .unwrap();
    assert_eq!(
        (confirmed.instances, &*confirmed.actor.name),
        (40, "Ann Árbol")
    );
    played
}
