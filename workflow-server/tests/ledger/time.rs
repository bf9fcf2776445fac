//! Timers fire once, also after restarts. The server does not trust a clock that jumps.

use std::time::Duration;

use aftercall_definition::time::Time;
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::Status;
use workflow_server::journal::Storage as _;
use workflow_server::ledger::{Clock as _, Outcome};
use workflow_server::limits::{TIMERS_BESIDE_COMMANDS, TIMERS_PER_GROUP};

use crate::support::{Bench, request, set, settle, stored_groups, team};

const HOUR: Duration = Duration::from_secs(3_600);

/// Lets time pass in small steps, so that the ledger sees each.
async fn pass(bench: &Bench, span: Duration) {
    let step = Duration::from_secs(60);
    for _ in 0..span.as_secs() / step.as_secs() {
        bench.clock.pass(step);
        settle().await;
    }
}

#[tokio::test]
async fn timers_fire_when_they_are_due_and_once() {
    let bench = Bench::new().await;
    bench.set_slow().await;
    pass(&bench, HOUR * 2 - Duration::from_secs(60)).await;
    assert_eq!(bench.stage(), 1);
    bench.clock.pass(Duration::from_secs(60));
    bench
        .until("the first timer has fired", |root| {
            root.instance_at(0).unwrap().stage == 2
        })
        .await;
    let sequence = bench.handle.root().sequence;
    pass(&bench, HOUR).await;
    assert_eq!(
        bench.handle.root().sequence,
        sequence,
        "nothing fires twice"
    );
    pass(&bench, HOUR * 2).await;
    bench
        .until("it is finished", |root| {
            root.instance_at(0).unwrap().status == Status::Finished
        })
        .await;
    assert_eq!(bench.handle.root().counters.timers(), 0);
}

#[tokio::test]
async fn a_timer_due_during_an_outage_fires_once() {
    let bench = Bench::new().await;
    bench.set_slow().await;
    let bench = bench.crash_for(HOUR * 100).await;
    bench
        .until("it has fired", |root| {
            root.instance_at(0).unwrap().stage == 2
        })
        .await;
    let entered = bench.handle.root().instance_at(0).unwrap().entered_at;
    assert_eq!(
        entered,
        bench.clock.wall(),
        "the next wait counts from the firing"
    );
    settle().await;
    assert_eq!(bench.stage(), 2, "the next stage waits three hours");
    let bench = bench.restart().await;
    settle().await;
    assert_eq!(bench.stage(), 2);
}

#[tokio::test]
async fn a_clock_that_jumps_fires_nothing_until_it_returns() {
    let bench = Bench::new().await;
    bench.set_slow().await;
    let honest = bench.clock.wall();
    bench.clock.set_wall(Time(honest.0 + 48 * 3_600_000));
    bench.commit(team("care")).await;
    settle().await;
    assert!(bench.handle.health().is_clock_held());
    assert_eq!(bench.stage(), 1, "two hours have not passed");
    let at = bench.handle.root().at;
    assert!(
        at.0 - honest.0 < 300_000,
        "the time of entries follows the monotonic clock"
    );
    bench.clock.set_wall(honest);
    bench.commit(team("billing")).await;
    settle().await;
    assert!(!bench.handle.health().is_clock_held());
    pass(&bench, HOUR * 2).await;
    bench
        .until("it fires in its time", |root| {
            root.instance_at(0).unwrap().stage == 2
        })
        .await;
}

#[tokio::test]
async fn an_accepted_jump_fires_due_timers() {
    let bench = Bench::new().await;
    bench.set_slow().await;
    bench
        .clock
        .set_wall(Time(bench.clock.wall().0 + 48 * 3_600_000));
    bench.commit(team("care")).await;
    assert_eq!(bench.stage(), 1);
    let accepted = bench.accept_clock().await;
    assert!(
        matches!(accepted, Outcome::Committed(entry) if entry.kind == ChangeKind::ClockAccepted)
    );
    bench
        .until("it has fired", |root| {
            root.instance_at(0).unwrap().stage == 2
        })
        .await;
    assert!(
        matches!(bench.accept_clock().await, Outcome::Unchanged(_)),
        "there is no clock to accept now"
    );
}

#[tokio::test]
async fn a_clock_set_back_never_reverses_the_order() {
    let bench = Bench::new().await;
    bench.commit(team("care")).await;
    let before = bench.handle.root().at;
    bench.clock.set_wall(Time(bench.clock.wall().0 - 120_000));
    bench.commit(team("billing")).await;
    assert_eq!(
        bench.handle.root().at,
        before,
        "the time waits until the clock has caught up"
    );
}

async fn until_all_have_fired(bench: &Bench) {
    bench
        .until("all have fired", |root| {
            root.instances
                .iter()
                .flatten()
                .all(|instance| instance.stage == 2)
        })
        .await;
}

/// Entries of the largest stored group from this sequence on.
async fn largest_group(bench: &Bench, from: u64) -> u64 {
    let groups = stored_groups(&bench.store).await;
    let sizes = groups
        .iter()
        .filter(|group| group.first >= from)
        .map(|group| group.last - group.first + 1);
    sizes.max().unwrap()
}

async fn set_many(bench: &Bench) {
    bench.publish_slow().await;
    for call in 0..500 {
        bench.commit(set(&call.to_string())).await;
    }
}

#[tokio::test]
async fn many_due_timers_fire_in_small_batches() {
    let bench = Bench::new().await;
    set_many(&bench).await;
    let bench = bench.crash_for(HOUR * 3).await;
    until_all_have_fired(&bench).await;
    let largest = largest_group(&bench, 1).await;
    // One more for an entry of the server itself.
    assert!(
        largest <= TIMERS_PER_GROUP as u64 + 1,
        "a group of {largest}"
    );
}

#[tokio::test]
async fn fewer_timers_fire_in_a_group_while_a_caller_waits() {
    let bench = Bench::new().await;
    set_many(&bench).await;
    bench.store.hold_appends();
    let _first = bench.ask(request(team("care"), None));
    settle().await;
    let second = bench.ask(request(team("billing"), None));
    settle().await;
    bench.clock.pass(HOUR * 3);
    settle().await;
    bench.store.release_appends();
    let Outcome::Committed(entry) = second.await.unwrap().unwrap() else {
        panic!("the team is new")
    };
    let groups = bench.store.log().read(entry.sequence, 1).await.unwrap();
    let (first, last) = (groups[0].first, groups[0].last);
    assert!((first..=last).contains(&entry.sequence));
    // Beside the timers there are the command, and perhaps an entry of the server itself.
    let timers = TIMERS_BESIDE_COMMANDS as u64;
    let beside = last - first;
    assert!((timers..=timers + 1).contains(&beside), "{beside}");
    until_all_have_fired(&bench).await;
}

#[tokio::test]
async fn timers_fill_a_group_while_nobody_waits() {
    let bench = Bench::new().await;
    set_many(&bench).await;
    let before = bench.handle.root().sequence;
    bench.store.hold_appends();
    bench.clock.pass(HOUR * 3);
    settle().await;
    bench.store.release_appends();
    until_all_have_fired(&bench).await;
    let largest = largest_group(&bench, before + 1).await;
    // An entry of the server itself, such as of the clock, may be in the same group.
    let full = TIMERS_PER_GROUP as u64;
    assert!((full..=full + 1).contains(&largest), "{largest}");
}
