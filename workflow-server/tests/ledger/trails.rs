//! Trails: which entries changed an instance or a call. They are read once and cached.

use std::sync::Arc;

use aftercall_engine::call::CallKey;
use aftercall_engine::command::{AddNote, CallChanges, Command, UpdateCall};
use aftercall_engine::instance::Instance;
use workflow_server::ledger::history::Trail;

use crate::support::{Bench, team};

fn sequences(trail: &Trail) -> Vec<u64> {
    trail.iter().map(|step| step.sequence).collect()
}

/// Adds a note to the first instance, among other entries.
async fn note(bench: &Bench, text: &str) -> u64 {
    let instance = bench.handle.root().instance_at(0).unwrap().id;
    bench.commit(team(&text.replace(' ', "-"))).await;
    bench
        .commit(Command::from(AddNote {
            instance,
            text: text.into(),
        }))
        .await
}

async fn rename_agent(bench: &Bench, agent: &str) -> u64 {
    let call = CallKey {
        source: "scripts".into(),
        id: "1".into(),
    };
    let changes = CallChanges {
        agent: Some(agent.into()),
        ..CallChanges::default()
    };
    bench
        .commit(Command::from(UpdateCall {
            call,
            changes,
            expected: None,
        }))
        .await
}

#[tokio::test]
async fn a_trail_is_complete_after_another_was_read() {
    let mut bench = Bench::new().await;
    bench.set_slow().await;
    let set_at = bench.handle.root().sequence;
    let (mut expected, mut of_call) = (vec![(set_at, false)], vec![set_at]);
    let mut states: Vec<(Arc<Instance>, usize)> =
        vec![(bench.handle.root().instance_at(0).unwrap().clone(), 1)];
    for round in 0..40 {
        // Enough entries to have the older ones packed.
        if round % 4 == 3 {
            let renamed = rename_agent(&bench, &format!("agent {round}")).await;
            expected.push((renamed, true));
            of_call.push(renamed);
        } else {
            expected.push((note(&bench, &format!("note {round}")).await, true));
        }
        states.push((
            bench.handle.root().instance_at(0).unwrap().clone(),
            expected.len(),
        ));
        if round == 20 {
            bench = bench.restart().await;
        }
    }
    for place in [5, 40, 12, 0, 40, 39, 17, 1] {
        let (instance, upto) = &states[place];
        let trail = bench
            .handle
            .history()
            .trail_of_instance(instance)
            .await
            .unwrap();
        let steps: Vec<(u64, bool)> = trail
            .iter()
            .map(|step| (step.sequence, step.has_note))
            .collect();
        assert_eq!(steps, expected[..*upto], "after change {place}");
    }
    let root = bench.handle.root();
    let call = root.call_at(0).unwrap();
    for _ in 0..2 {
        assert_eq!(
            sequences(&bench.handle.history().trail_of_call(call).await.unwrap()),
            of_call
        );
    }
}
