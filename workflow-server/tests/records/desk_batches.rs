//! Batches of people at their desks: pushes with the visit of each item, snoozes and claims.

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{BatchItems, BatchPush, BatchState, BatchWork, StartBatch};
use aftercall_engine::command::{Command, SetWorkflow, StepBatch};
use aftercall_engine::instance::InstanceId;

use crate::scenario::{Played, setting};
use crate::sensitive::play_sensitive;
use crate::unattended::play_unattended;

/// Plays one of each. The claims still run, and go into the snapshot.
pub(crate) fn play_desk_batches() -> Played {
    let mut played = play_unattended();
    let ids = ["one", "two"].map(|call| {
        let setting = SetWorkflow {
            workflow: "watched".into(),
            fields: Vec::new(),
            ..setting(call, false)
        };
        played.ask(ActorKind::ScriptEngine, Command::from(setting))
    });
    let until = Time(played.now + 3_600_000);
    let push = |button: &str| {
        BatchWork::Push(BatchPush {
            button: button.into(),
            stage: 1,
            visits: [].into(),
            form: [].into(),
        })
    };
    start(&mut played, BatchWork::Snooze { until }, &ids, 2);
    start(&mut played, push("rang"), &ids[..1], 1);
    start(&mut played, push("wrote"), &ids[1..], 1);
    let lease_millis = 900_000;
    start(&mut played, BatchWork::Claim { lease_millis }, &ids, 1);
    let (_, newest) = played.world.root().batches.get_max().unwrap();
    assert_eq!((newest.state, newest.next), (BatchState::Running, 1));
    played
}

/// Plays a batch of pushes with values of a form to its end, and starts another one, which is
/// running in the snapshot.
pub(crate) fn play_batch_forms() -> Played {
    let mut played = play_sensitive();
    let ids = ["one", "two", "three"].map(|call| {
        let setting = SetWorkflow {
            workflow: "protected".into(),
            fields: vec![("account".into(), Value::Text("DE02 1203".into()))],
            ..setting(call, false)
        };
        played.ask(ActorKind::ScriptEngine, Command::from(setting))
    });
    let push = || {
        BatchWork::Push(BatchPush {
            button: "paid".into(),
            stage: 1,
            visits: [].into(),
            form: [("code".into(), Value::Text("K-7".into()))].into(),
        })
    };
    start(&mut played, push(), &ids[..1], 1);
    start(&mut played, push(), &ids[1..], 1);
    let (_, newest) = played.world.root().batches.get_max().unwrap();
    assert_eq!((newest.state, newest.next), (BatchState::Running, 1));
    played
}

fn start(played: &mut Played, work: BatchWork, ids: &[InstanceId], steps: usize) {
    let start = StartBatch {
        work,
        items: BatchItems::named(ids.iter().copied()),
        reason: "the bank is closed".into(),
        per_second: 100,
    };
    played.ask(ActorKind::Person, Command::from(start));
    let batch = played.world.root().sequence;
    for _ in 0..steps {
        played.ask(ActorKind::Person, Command::from(StepBatch { batch }));
    }
}
