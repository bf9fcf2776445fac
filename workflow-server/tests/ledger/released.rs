//! The end of a call releases follow-ups, and changes texts that show the call. Neither waits for
//! the server's time.

use std::time::Duration;

use aftercall_authoring::file;
use aftercall_definition::limits::{FIELDS_MAX, TEXT_BYTES_MAX};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    CallChanges, Command, EndCall, IfRunning, ImportWorkflow, PublishWorkflow, Release,
    SetWorkflow, UpdateCall,
};
use aftercall_engine::instance::Status;
use aftercall_engine::limits::RELEASED_BYTES_MAX;
use workflow_server::ledger::Clock as _;

use crate::support::{Bench, PATIENCE, team};

/// More of the largest follow-ups than one entry releases.
const COUNT: usize = 2 * RELEASED_BYTES_MAX / (FIELDS_MAX * TEXT_BYTES_MAX);

fn field(nth: usize) -> String {
    format!("f{nth}")
}

async fn set(bench: &Bench, name: &str, release: Release) {
    let fields: String = (0..FIELDS_MAX)
        .map(|nth| format!("  {}: {{ type: text }}\n", field(nth)))
        .collect();
    let file = format!(
        "format: 1
workflow: {name}
title: Large
fields:
{fields}on_new_call:
  - alert: {{ text: 'Ring {{{{ call.caller.name }}}}', team: billing }}
  - button: Done
    then: [ finish: done ]
"
    );
    let definition = Box::new(file::read(&file, None).unwrap());
    bench
        .commit(Command::from(ImportWorkflow {
            definition,
            expected: None,
        }))
        .await;
    bench
        .commit(Command::from(PublishWorkflow {
            name: name.into(),
            expected: None,
            validated: None,
        }))
        .await;
    let text = Value::Text("x".repeat(TEXT_BYTES_MAX).into());
    let set = SetWorkflow {
        call: call(),
        changes: CallChanges {
            chargeable: Some(true),
            ..CallChanges::default()
        },
        workflow: name.into(),
        version: None,
        fields: (0..FIELDS_MAX)
            .map(|nth| (field(nth).as_str().into(), text.clone()))
            .collect(),
        release: Some(release),
        release_within_millis: None,
        if_running: IfRunning::ReturnIt,
    };
    bench.commit(Command::from(set)).await;
}

/// Waits until the clock is held.
async fn hold_clock(bench: &Bench) {
    bench.clock.set_wall(Time(
        bench.clock.wall().0 + Duration::from_secs(2 * 86_400).as_millis() as i64,
    ));
    let mut health = bench.handle.conditions().watch();
    let held = health.wait_for(workflow_server::ledger::Health::is_clock_held);
    tokio::time::timeout(PATIENCE, held)
        .await
        .expect("in time")
        .expect("the ledger runs");
}

fn call() -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: "large".into(),
    }
}

fn count(root: &aftercall_engine::Root, status: Status) -> usize {
    root.counters.count(status) as usize
}

#[tokio::test]
async fn a_held_clock_does_not_delay_call_releases() {
    let bench = Bench::new().await;
    bench.commit(team("billing")).await;
    bench.set_slow().await;
    for nth in 0..COUNT {
        set(&bench, &format!("large-{nth}"), Release::CallEnded).await;
    }
    hold_clock(&bench).await;
    let ended = bench.commit(Command::from(EndCall { call: call() })).await;
    bench
        .until("all are released", |root| {
            count(root, Status::WaitingForCallEnd) == 0
        })
        .await;
    assert!(
        bench.handle.root().sequence > ended,
        "they need more than one entry"
    );
    assert!(bench.handle.health().is_clock_held());
    assert_eq!(count(&bench.handle.root(), Status::Active), COUNT + 1);
    assert_eq!(bench.stage(), 1, "timers that depend on the time wait");
}

/// The server trusts a wall clock that is a few minutes behind the newest entry. Its time does not
/// move yet.
#[tokio::test]
async fn a_clock_slightly_behind_does_not_delay_call_releases() {
    let bench = Bench::new().await;
    bench.commit(team("billing")).await;
    for nth in 0..COUNT {
        set(&bench, &format!("large-{nth}"), Release::CallEnded).await;
    }
    bench.clock.set_wall(Time(
        bench.clock.wall().0 - Duration::from_secs(240).as_millis() as i64,
    ));
    bench.commit(Command::from(EndCall { call: call() })).await;
    bench
        .until("all are released", |root| {
            count(root, Status::WaitingForCallEnd) == 0
        })
        .await;
}

#[tokio::test]
async fn call_texts_update_while_the_clock_is_held() {
    let bench = Bench::new().await;
    bench.commit(team("billing")).await;
    for nth in 0..COUNT {
        set(&bench, &format!("large-{nth}"), Release::Immediately).await;
    }
    hold_clock(&bench).await;
    let caller = Some(Caller {
        name: "Xanthippe".into(),
        ..Caller::default()
    });
    let changes = CallChanges {
        caller,
        ..CallChanges::default()
    };
    let updated = bench
        .commit(Command::from(UpdateCall {
            call: call(),
            changes,
            expected: None,
        }))
        .await;
    let shows = |root: &aftercall_engine::Root| {
        let slots = &root.call(&call()).expect("a call").instances;
        slots
            .iter()
            .filter(|slot| {
                &*root.instance_at(**slot).expect("one").alerts[0].text == "Ring Xanthippe"
            })
            .count()
    };
    bench
        .until("all show it", |root| shows(root) == COUNT)
        .await;
    assert!(
        bench.handle.root().sequence > updated,
        "they need more than one entry"
    );
    assert!(bench.handle.health().is_clock_held());
}
