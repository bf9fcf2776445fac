//! A ledger that wakes late. Waits that a timer starts count from the time when it was due, not
//! from the wake-up.

use std::sync::Arc;
use std::time::Duration;

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_engine::command::{
    Command, ImportCalendar, ImportWorkflow, PauseInstance, PublishWorkflow, ScriptCommand,
    SetWorkflow,
};
use aftercall_engine::instance::{Instance, Status};
use workflow_server::journal::memory::MemoryStore;
use workflow_server::ledger::{Clock as _, ManualClock};

use crate::support::{Bench, set, team};

const CALENDAR: &str = "calendars: [ { name: office, title: Office, time_zone: Europe/London, hours: { mon-fri: 09:00-17:00 } } ]";

const MORNING: &str = r#"
format: 1
workflow: morning
title: Morning
calendar: office
on_new_call:
  - alert: { text: Wait, team: care }
  - timer: { at: "09:00 next working day" }
    then:
      - alert:
          text: Do it today
          team: care
          due: 8h
          escalate: [ { at: 50%, priority: raise }, { at: due, every: 1d, times: 3, priority: urgent } ]
      - timer: { after: 4h }
        then:
          - alert: { text: Late, team: care, due: 4h }
          - button: Done
            then: [ finish: done ]
"#;

/// A Monday at noon, in London.
const MONDAY_NOON: i64 = 1_795_435_200_000;
const HOUR: i64 = 3_600_000;
/// The next day, a Tuesday, at nine.
const TUESDAY_NINE: i64 = MONDAY_NOON + 21 * HOUR;

async fn bench() -> Bench {
    let bench = Bench::on(
        MemoryStore::new(),
        Arc::new(ManualClock::at(Time(MONDAY_NOON))),
    )
    .await;
    bench.commit(team("care")).await;
    let calendar = Arc::new(file::read_calendars(CALENDAR).unwrap().remove(0));
    bench
        .commit(Command::from(ImportCalendar {
            calendar,
            expected: None,
        }))
        .await;
    let definition = Box::new(file::read(MORNING, None).unwrap());
    bench
        .commit(Command::from(ImportWorkflow {
            definition,
            expected: None,
        }))
        .await;
    bench
        .commit(Command::from(PublishWorkflow {
            name: "morning".into(),
            expected: None,
            validated: None,
        }))
        .await;
    let Command::Script(ScriptCommand::SetWorkflow(setting)) = set("1") else {
        unreachable!()
    };
    let setting = SetWorkflow {
        workflow: "morning".into(),
        ..*setting
    };
    bench.commit(Command::from(setting)).await;
    bench
}

async fn reached(bench: &Bench, stage: u32) -> Arc<Instance> {
    bench
        .until("the stage is entered", |root| {
            root.instance_at(0).unwrap().stage == stage
        })
        .await;
    bench.handle.root().instance_at(0).unwrap().clone()
}

#[tokio::test]
async fn a_late_wake_does_not_move_due_times() {
    for late in [0, 1, 14, 1_500] {
        let bench = bench().await;
        bench.clock.pass(Duration::from_millis(
            (TUESDAY_NINE - MONDAY_NOON + late) as u64,
        ));
        let morning = reached(&bench, 2).await;
        assert_eq!(
            morning.entered_at,
            Time(TUESDAY_NINE + late),
            "the history has the time of the wake-up"
        );
        let promised = (
            morning.alerts[0].due,
            morning.alerts[0].escalates_at,
            morning.timers[0].due,
        );
        let [one, five] = [13, 17].map(|hour| Time(TUESDAY_NINE + (hour - 9) * HOUR));
        assert_eq!(promised, (Some(five), Some(one), one), "{late} ms late");
        bench.clock.pass(Duration::from_millis((4 * HOUR) as u64));
        let late_stage = reached(&bench, 3).await;
        assert_eq!(
            late_stage.alerts[0].due,
            Some(five),
            "{late} ms late, twice"
        );
    }
}

#[tokio::test]
async fn an_outage_does_not_move_the_promised_times() {
    let bench = bench().await;
    // Not running until Thursday noon.
    let bench = bench
        .crash_for(Duration::from_millis((3 * 24 * HOUR) as u64))
        .await;
    let morning = reached(&bench, 2).await;
    bench
        .until("the due timers have fired", |root| {
            root.instance_at(0).unwrap().alerts[0].escalated == 3
        })
        .await;
    let now = bench.clock.wall();
    let instance = bench.handle.root().instance_at(0).unwrap().clone();
    assert_eq!(
        morning.entered_at, now,
        "the history has no change while no server ran"
    );
    assert_eq!(instance.alerts[0].due, Some(Time(TUESDAY_NINE + 8 * HOUR)));
    assert_eq!(
        instance.alerts[0].escalates_at,
        Some(Time(TUESDAY_NINE + 8 * HOUR + 2 * 24 * HOUR)),
        "the next due time is on Thursday"
    );
    assert_eq!(
        (instance.stage, instance.status),
        (2, Status::Active),
        "a stage that was not visible does not end"
    );
    assert_eq!(instance.timers[0].due, Time(now.0 + 4 * HOUR));
}

#[tokio::test]
async fn a_pause_ends_on_time_during_an_outage() {
    let bench = bench().await;
    let instance = bench.handle.root().instance_at(0).unwrap().id;
    let until = Time(TUESDAY_NINE - HOUR);
    let pause = Command::from(PauseInstance {
        instance,
        until: Some(until),
        reason: "parts".into(),
        expected: None,
    });
    bench.commit(pause).await;
    let bench = bench
        .crash_for(Duration::from_millis((22 * HOUR) as u64))
        .await;
    let morning = reached(&bench, 2).await;
    assert_eq!(
        morning.alerts[0].due,
        Some(Time(TUESDAY_NINE + 8 * HOUR)),
        "nine o'clock on the day when the pause ended"
    );
}
