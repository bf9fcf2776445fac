//! Starts with a wrong clock. Nothing is removed and no timer fires. The server continues
//! automatically once the clock is correct.

use std::time::Duration;

use aftercall_definition::time::Time;
use aftercall_engine::command::{Command, ConfirmPurge};
use aftercall_engine::entry::{Answer, ChangeKind};
use workflow_server::ledger::{Clock as _, Condition, LedgerError, Outcome};
use workflow_server::limits::{PROCESS_SETTLES, PURGE_FLOOR};

use crate::follow_ups::{archived, finish, now, publish, until};
use crate::support::{Bench, PATIENCE, request, settle, team};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn is_held(bench: &Bench) -> bool {
    bench.handle.health().is_clock_held()
}

/// Waits until the clock is held, or not held.
async fn wait_until_held_is(bench: &Bench, wanted: bool) {
    let mut health = bench.handle.conditions().watch();
    let waiting = health.wait_for(|health| health.is_clock_held() == wanted);
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("in time")
        .expect("the ledger runs");
}

/// Lets time pass in small steps, so that the ledger sees each.
async fn pass(bench: &Bench, span: Duration) {
    for _ in 0..span.as_secs() / 60 {
        bench.clock.pass(MINUTE);
        settle().await;
    }
}

#[tokio::test]
async fn a_clock_far_ahead_fires_and_removes_nothing() {
    for ahead in [DAY * 90, DAY * 3_653] {
        let bench = Bench::new().await;
        publish(&bench, "retention: 30d").await;
        let ended = finish(&bench, "1", "C-1").await;
        archived(&bench, 1).await;
        bench.set_slow().await;
        let honest = now(&bench);
        let bench = bench.reboot(MINUTE, ahead.as_millis() as i64).await;
        wait_until_held_is(&bench, true).await;
        // Days without a person. Time continues by the monotonic clock, but no timer fires.
        for _ in 0..4 {
            pass(&bench, HOUR).await;
        }
        let at = bench.handle.root().at;
        bench.commit(team("meanwhile")).await;
        assert!(
            bench.handle.root().at.0 - at.0 <= (HOUR * 5).as_millis() as i64,
            "its time is from the wrong clock"
        );
        assert_eq!(
            (bench.handle.root().archive.instances, is_held(&bench)),
            (1, true)
        );
        assert_eq!(
            bench
                .handle
                .root()
                .instances
                .iter()
                .flatten()
                .filter(|one| one.stage == 2)
                .count(),
            0
        );
        let passed = HOUR * 4 + MINUTE;
        bench
            .clock
            .set_wall(Time(honest.0 + passed.as_millis() as i64));
        wait_until_held_is(&bench, false).await;
        bench
            .until("the timer fires", |root| {
                root.instances.iter().flatten().any(|one| one.stage == 2)
            })
            .await;
        let archive = bench.handle.archive();
        assert!(
            archive
                .instance(ended, now(&bench))
                .await
                .unwrap()
                .is_some(),
            "ended calls still exist"
        );
    }
}

#[tokio::test]
async fn a_start_behind_resumes_when_the_clock_is_corrected() {
    let bench = Bench::new().await;
    bench.set_slow().await;
    pass(&bench, HOUR).await;
    bench.commit(team("newest")).await;
    let hour = HOUR.as_millis() as i64;
    let bench = bench.reboot(MINUTE, -hour).await;
    wait_until_held_is(&bench, true).await;
    bench.clock.pass(MINUTE);
    bench.clock.set_wall(Time(bench.clock.wall().0 + hour));
    wait_until_held_is(&bench, false).await;
    pass(&bench, HOUR).await;
    bench
        .until("it fires in its time", |root| {
            root.instance_at(0).unwrap().stage == 2
        })
        .await;
}

#[tokio::test]
async fn pushes_are_taken_while_the_clock_is_held() {
    let bench = Bench::new().await;
    publish(&bench, "").await;
    let bench = bench.reboot(MINUTE, DAY.as_millis() as i64).await;
    wait_until_held_is(&bench, true).await;
    finish(&bench, "1", "C-1").await;
    assert!(is_held(&bench));
}

#[tokio::test]
async fn an_accepted_step_back_survives_a_crash() {
    let bench = Bench::new().await;
    bench.set_slow().await;
    let honest = now(&bench);
    let days = DAY.as_millis() as i64 * 2;
    // A person wrongly accepts a clock that is two days ahead.
    bench.clock.set_wall(Time(honest.0 + days));
    bench.commit(team("ahead")).await;
    bench.accept_clock().await;
    bench
        .handle
        .execute(request(team("marked"), Some(9)))
        .await
        .unwrap();
    bench.clock.set_wall(honest);
    bench.commit(team("behind")).await;
    wait_until_held_is(&bench, true).await;
    assert!(
        bench.handle.root().at.0 >= honest.0 + days,
        "the order of times is not reversed"
    );
    let Outcome::Committed(entry) = bench.accept_clock().await else {
        panic!("it makes an entry")
    };
    assert_eq!(
        (entry.kind, entry.at, &*entry.actor.name),
        (ChangeKind::ClockAccepted, honest, "Olga")
    );
    assert!(
        matches!(entry.answer, Answer::ClockAccepted { from, to } if from.0 >= honest.0 + days && to == honest)
    );
    wait_until_held_is(&bench, false).await;
    let bench = bench.crash().await;
    assert!(
        !is_held(&bench) && now(&bench) == honest,
        "the earlier sign of life is ignored"
    );
    let again = bench
        .handle
        .execute(request(team("marked"), Some(9)))
        .await
        .unwrap();
    assert!(
        matches!(again, Outcome::Repeated { .. }),
        "a request id is still known after the change"
    );
    pass(&bench, DAY + HOUR).await;
    bench.commit(team("later")).await;
    let repeated = bench
        .handle
        .execute(request(team("marked-again"), Some(9)))
        .await;
    assert!(
        matches!(repeated, Ok(Outcome::Committed(_))),
        "a request id is forgotten a day after the time was set back"
    );
}

#[tokio::test]
async fn nothing_is_removed_in_the_first_hours_of_a_process() {
    let bench = Bench::new().await;
    publish(&bench, "retention: 1d").await;
    finish(&bench, "1", "C-1").await;
    archived(&bench, 1).await;
    let mut bench = bench.crash_for(DAY * 10).await;
    for _ in 0..3 {
        bench.clock.pass(PROCESS_SETTLES / 2);
        bench.handle.wake_keeper();
        settle().await;
        assert_eq!(bench.handle.root().archive.instances, 1);
        bench = bench.crash().await;
    }
    bench.clock.pass(PROCESS_SETTLES);
    until(&bench, "it is purged", |root| root.archive.instances == 0).await;
}

#[tokio::test]
async fn without_confirmation_one_pass_removes_only_its_share() {
    let bench = Bench::new().await;
    publish(&bench, "retention: 1d").await;
    let total = PURGE_FLOOR + 40;
    for call in 0..total {
        finish(&bench, &call.to_string(), "C-1").await;
    }
    archived(&bench, total).await;
    let bench = bench.crash_for(DAY * 10).await;
    bench.clock.pass(PROCESS_SETTLES);
    until(&bench, "a share is removed", |root| {
        root.archive.instances == 40
    })
    .await;
    waits(&bench).await;
    let mut health = bench.handle.conditions().watch();
    assert_eq!(bench.handle.purge_waiting(), 40);
    settle().await;
    assert_eq!(
        bench.handle.root().archive.instances,
        40,
        "there is no second pass on the same day"
    );
    assert_eq!(confirm_purge(&bench).await, 40);
    until(&bench, "the rest is removed", |root| {
        root.archive.instances == 0
    })
    .await;
    let ended = health.wait_for(|health| health.get(Condition::Purging).is_none());
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("the pass has ended")
        .unwrap();
    assert_eq!(confirm_purge(&bench).await, 0, "no instance waits now");
    assert_eq!(
        bench
            .handle
            .root()
            .archive
            .purge_confirmed
            .as_ref()
            .unwrap()
            .instances,
        40,
        "the entry names the actor"
    );
}

/// Confirms a purge as operations do. Returns how many instances waited.
async fn confirm_purge(bench: &Bench) -> u64 {
    let waiting = bench.handle.purge_waiting();
    bench
        .handle
        .execute(request(
            Command::from(ConfirmPurge { instances: waiting }),
            None,
        ))
        .await
        .unwrap();
    bench.handle.wake_keeper();
    waiting
}

/// A house in which more instances are past their retention than a pass removes. A pass has removed
/// its share, and this many are left.
async fn outlived(left: u64) -> Bench {
    let bench = Bench::new().await;
    publish(&bench, "retention: 1d").await;
    let total = PURGE_FLOOR + left;
    for call in 0..total {
        finish(&bench, &call.to_string(), "C-1").await;
    }
    archived(&bench, total).await;
    let bench = bench.crash_for(DAY * 10).await;
    bench.clock.pass(PROCESS_SETTLES);
    until(&bench, "a share is removed", move |root| {
        root.archive.instances == left
    })
    .await;
    waits(&bench).await;
    bench
}

/// Waits until a pass has ended and instances are left.
async fn waits(bench: &Bench) {
    let mut health = bench.handle.conditions().watch();
    let waiting = health.wait_for(|health| {
        health
            .get(Condition::Purging)
            .is_some_and(|why| why.contains("confirm-purge"))
    });
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("the health shows that they wait")
        .unwrap();
}

#[tokio::test]
async fn a_purge_confirmation_applies_once_within_one_day() {
    let bench = outlived(PURGE_FLOOR + 40).await;
    assert_eq!(confirm_purge(&bench).await, PURGE_FLOOR + 40);
    // The crash comes before the keeper begins the pass, or during it.
    let bench = bench.crash_for(MINUTE).await;
    bench.clock.pass(PROCESS_SETTLES);
    until(&bench, "the rest is removed after the restart", |root| {
        root.archive.instances == 0
    })
    .await;
    let total = 2 * PURGE_FLOOR + 40;
    for call in 0..total {
        finish(&bench, &format!("again-{call}"), "C-1").await;
    }
    archived(&bench, total).await;
    let bench = bench.crash_for(DAY * 10).await;
    bench.clock.pass(PROCESS_SETTLES);
    until(
        &bench,
        "only a share is removed, because the confirmation is used up",
        |root| root.archive.instances == PURGE_FLOOR + 40,
    )
    .await;
    waits(&bench).await;
    assert_eq!(bench.handle.root().archive.instances, PURGE_FLOOR + 40);
    // The day of the confirmation passes while the machine is off. The next pass removes only its
    // share.
    let waiting = bench.handle.purge_waiting();
    let bench = bench.crash().await;
    bench
        .handle
        .execute(request(
            Command::from(ConfirmPurge { instances: waiting }),
            None,
        ))
        .await
        .unwrap();
    let bench = bench.crash_for(DAY + MINUTE).await;
    bench.clock.pass(PROCESS_SETTLES);
    until(&bench, "a share is removed on the next day", |root| {
        root.archive.instances == 40
    })
    .await;
    waits(&bench).await;
    assert_eq!(bench.handle.root().archive.instances, 40);
}

#[tokio::test]
async fn a_full_disk_is_reported_until_there_is_space() {
    let bench = Bench::new().await;
    let mut health = bench.handle.conditions().watch();
    for writes in [false, true] {
        bench.store.set_full(true);
        if writes {
            let refused = bench.handle.execute(request(team("refused"), None)).await;
            assert!(
                matches!(refused, Err(LedgerError::Unavailable(_))),
                "{refused:?}"
            );
        }
        let full = health.wait_for(|health| health.get(Condition::Disk).is_some());
        tokio::time::timeout(PATIENCE, full)
            .await
            .expect("the condition exists")
            .unwrap();
        bench.store.set_full(false);
        let ended = health.wait_for(|health| health.get(Condition::Disk).is_none());
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the condition ends")
            .unwrap();
        bench.clock.pass(MINUTE);
        bench.commit(team(&format!("after-{writes}"))).await;
    }
}
