//! The time of a restored store. Operators learn which timers are due before any of them fires.
//! With an implausible clock, timers are held.

use std::sync::Arc;
use std::time::Duration;

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_engine::command::{Command, ImportWorkflow, PublishWorkflow};
use workflow_server::backup::{ClockAtStart, RestoreOptions, Until, restore};
use workflow_server::ledger::{Clock, ManualClock};

use crate::support::{House, PATIENCE, START, options, setting_of};

const DAY: Duration = Duration::from_secs(86_400);

const SLOW: &str = "
format: 1
workflow: slow
title: Slow
on_new_call:
  - timer: { after: 1h }
    then:
      - alert: { text: Ring, team: billing }
      - button: Done
        then: [ finish: done ]
";

/// A house with three running timers, and a backup.
async fn backed_up() -> House {
    let house = House::new().await;
    let definition = Box::new(file::read(SLOW, None).unwrap());
    house
        .commit(Command::from(ImportWorkflow {
            definition,
            expected: None,
        }))
        .await;
    house
        .commit(Command::from(PublishWorkflow {
            name: "slow".into(),
            expected: None,
            validated: None,
        }))
        .await;
    for call in ["1", "2", "3"] {
        house.commit(setting_of("slow", call)).await;
    }
    house.back_up().await;
    house
}

/// Restores with a clock, and starts a server with that clock. Returns the report and the server.
async fn restored(
    house: &House,
    name: &str,
    clock: ManualClock,
    accepts: bool,
) -> (ClockAtStart, House) {
    let clock = Arc::new(clock);
    let by = accepts.then(|| clock.clone() as Arc<dyn Clock>);
    let to = house.temp.path().join(name);
    let options = RestoreOptions {
        clock: by,
        ..options(Until::Newest)
    };
    let restored = restore(&house.backups(), &to, &options, &|_| {})
        .await
        .unwrap();
    clock.pass(Duration::from_secs(60));
    (
        restored.clock,
        House::open(house.temp.clone(), to, clock).await,
    )
}

fn later(span: Duration) -> ManualClock {
    ManualClock::at(Time(START.0 + span.as_millis() as i64))
}

async fn holds(house: &House) {
    let mut health = house.handle.conditions().watch();
    let waiting = health.wait_for(workflow_server::ledger::Health::is_clock_held);
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("in time")
        .expect("the ledger runs");
    assert_eq!(
        house.handle.root().counters.timers(),
        3,
        "no timer has fired"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_due_since_the_backup_fire_after_a_restore() {
    let house = backed_up().await;
    let (said, again) = restored(&house, "days", later(DAY * 2), true).await;
    assert_eq!(
        said,
        ClockAtStart::Continues {
            from: Time(START.0 + 2 * DAY.as_millis() as i64),
            due: 3
        }
    );
    again
        .until("all that was announced fires", |root| {
            root.counters.timers() == 0
        })
        .await;
    assert!(!again.handle.health().is_clock_held());
    let (said, again) = restored(&house, "minutes", later(DAY / 48), true).await;
    assert_eq!(
        said,
        ClockAtStart::Continues {
            from: Time(START.0 + DAY.as_millis() as i64 / 48),
            due: 0
        }
    );
    again.commit(setting_of("slow", "4")).await;
    assert_eq!(
        again.handle.root().counters.timers(),
        4,
        "no timer was announced, and none has fired"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_implausible_clock_holds_the_timers_after_a_restore() {
    let house = backed_up().await;
    let (said, again) = restored(&house, "asked-for", later(DAY * 2), false).await;
    assert_eq!(said, ClockAtStart::Held);
    holds(&again).await;
    for (name, clock) in [
        ("ahead", later(DAY * 60)),
        ("behind", ManualClock::at(Time(START.0 - 3_600_000))),
    ] {
        let wall = clock.wall();
        let (said, again) = restored(&house, name, clock, true).await;
        assert_eq!(said, ClockAtStart::Unbelievable { wall });
        holds(&again).await;
    }
}
