//! What the end of a call releases does not wait for the time.

use std::time::Duration;

use aftercall_engine::call::CallKey;
use aftercall_engine::command::{CallChanges, Command, IfRunning, Release, SetWorkflow};
use aftercall_engine::definition::file;
use aftercall_engine::instance::Status;
use aftercall_engine::limits::{FIELDS_MAX, RELEASED_BYTES_MAX, TEXT_BYTES_MAX};
use aftercall_engine::time::Time;
use aftercall_engine::value::Value;
use workflow_server::ledger::Clock as _;

use crate::support::{Bench, PATIENCE, team};

/// More of the largest than one entry releases.
const COUNT: usize = 2 * RELEASED_BYTES_MAX / (FIELDS_MAX * TEXT_BYTES_MAX);

fn field(nth: usize) -> String {
    format!("f{nth}")
}

async fn set_waiting(bench: &Bench, name: &str) {
    let fields: String = (0..FIELDS_MAX).map(|nth| format!("  {}: {{ type: text }}\n", field(nth))).collect();
    let file = format!(
        "format: 1
workflow: {name}
title: Large
fields:
{fields}on_new_call:
  - alert: {{ text: Ring, team: billing }}
  - button: Done
    then: [ finish: done ]
"
    );
    let definition = Box::new(file::read(&file, None).unwrap());
    bench.commit(Command::ImportWorkflow { definition, expected: None }).await;
    bench.commit(Command::PublishWorkflow { name: name.into(), expected: None, validated: None }).await;
    let text = Value::Text("x".repeat(TEXT_BYTES_MAX).into());
    let set = SetWorkflow {
        call: call(),
        changes: CallChanges { chargeable: Some(true), ..CallChanges::default() },
        workflow: name.into(),
        version: None,
        fields: (0..FIELDS_MAX).map(|nth| (field(nth).as_str().into(), text.clone())).collect(),
        release: Some(Release::CallEnded),
        release_within_millis: None,
        if_running: IfRunning::ReturnIt,
    };
    bench.commit(Command::SetWorkflow(Box::new(set))).await;
}

fn call() -> CallKey {
    CallKey { source: "scripts".into(), id: "large".into() }
}

fn count(root: &aftercall_engine::Root, status: Status) -> usize {
    root.counters.of(status) as usize
}

#[tokio::test]
async fn all_that_a_call_releases_is_released_while_the_clock_is_held_and_no_timer_fires() {
    let bench = Bench::new().await;
    bench.commit(team("billing")).await;
    bench.set_slow().await;
    for nth in 0..COUNT {
        set_waiting(&bench, &format!("large-{nth}")).await;
    }
    bench.clock.set_wall(Time(bench.clock.wall().0 + Duration::from_secs(2 * 86_400).as_millis() as i64));
    let mut health = bench.handle.conditions().watch();
    let held = health.wait_for(workflow_server::ledger::Health::is_clock_held);
    tokio::time::timeout(PATIENCE, held).await.expect("in time").expect("it runs");
    let ended = bench.commit(Command::EndCall { call: call() }).await;
    bench.until("all are released", |root| count(root, Status::WaitingForCallEnd) == 0).await;
    assert!(bench.handle.root().sequence > ended, "they do not fit into one entry");
    assert!(bench.handle.health().is_clock_held());
    assert_eq!(count(&bench.handle.root(), Status::Active), COUNT + 1);
    assert_eq!(bench.stage(), 1, "what depends on the time waits");
}

/// A wall clock that is a few minutes behind the newest entry is believed, and its time has not come yet.
#[tokio::test]
async fn all_that_a_call_releases_is_released_at_once_where_the_clock_is_a_little_behind() {
    let bench = Bench::new().await;
    bench.commit(team("billing")).await;
    for nth in 0..COUNT {
        set_waiting(&bench, &format!("large-{nth}")).await;
    }
    bench.clock.set_wall(Time(bench.clock.wall().0 - Duration::from_secs(240).as_millis() as i64));
    bench.commit(Command::EndCall { call: call() }).await;
    bench.until("all are released", |root| count(root, Status::WaitingForCallEnd) == 0).await;
}
