//! Starts and clock jumps, without a store: when a clock is trusted or held, and how a hold ends.

use proptest::prelude::*;

use super::*;
use crate::ledger::ManualClock;

const NEWEST: Time = Time(1_795_000_000_000);
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const AHEAD_MAX: Duration = Duration::from_secs(3_600);

fn clock(off: i64) -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Time(NEWEST.0 + off)))
}

fn known(last_seen: Option<LastSeen>) -> Known {
    Known {
        newest: Some(NEWEST),
        last_seen,
        ahead_max: AHEAD_MAX,
    }
}

/// Starts with a clock this far from the newest entry, on a store without signs of life.
fn start(clock: &Arc<ManualClock>) -> SharedTime {
    restart(clock, None)
}

fn restart(clock: &Arc<ManualClock>, last_seen: Option<LastSeen>) -> SharedTime {
    SharedTime::new(Timekeeping::new(clock.clone(), known(last_seen)))
}

/// The server's time as the distance from the newest entry, and whether the clock is held.
fn shown(time: &SharedTime) -> (i64, bool) {
    let now = time.now();
    (now.0 - NEWEST.0, time.held().is_some())
}

fn span(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

#[test]
fn a_start_trusts_a_clock_near_the_newest_entry() {
    for (off, expected) in [
        (0, (0, false)),
        (HOUR, (HOUR, false)),
        (HOUR + 1, (0, true)),
        (90 * DAY, (0, true)),
        (3_653 * DAY, (0, true)),
        (-4 * MINUTE, (-4 * MINUTE, false)),
        (-6 * MINUTE, (0, true)),
        (-HOUR, (0, true)),
        (-NEWEST.0, (0, true)),
    ] {
        assert_eq!(shown(&start(&clock(off))), expected, "{off} ms off");
    }
}

#[test]
fn a_store_without_entries_trusts_any_clock() {
    for off in [-NEWEST.0, 0, 3_653 * DAY] {
        let time = SharedTime::new(Timekeeping::new(
            clock(off),
            Known {
                newest: None,
                ..known(None)
            },
        ));
        assert_eq!(shown(&time), (off, false));
    }
}

#[test]
fn a_start_behind_resumes_when_the_clock_is_corrected() {
    let clock = clock(-HOUR);
    let time = start(&clock);
    clock.pass(span(MINUTE));
    assert_eq!(
        shown(&time),
        (MINUTE, true),
        "time continues by the monotonic clock"
    );
    // The machine was off for half an hour. Its time service now shows this.
    clock.set_wall(Time(NEWEST.0 + 31 * MINUTE));
    assert_eq!(shown(&time), (31 * MINUTE, false));
}

#[test]
fn a_clock_corrected_soon_after_start_is_no_jump() {
    // The machine was off for 50 minutes, and the clock shows 10 of them. This is plausible, and
    // corrected later.
    let clock = clock(10 * MINUTE);
    let time = start(&clock);
    assert_eq!(shown(&time), (10 * MINUTE, false));
    clock.pass(span(HOUR));
    clock.set_wall(Time(NEWEST.0 + HOUR + 50 * MINUTE));
    assert_eq!(shown(&time), (HOUR + 50 * MINUTE, false));
    clock.set_wall(Time(NEWEST.0 + 2 * HOUR + MINUTE));
    assert!(time.held().is_none(), "the clock has not been checked yet");
    assert_eq!(
        shown(&time),
        (HOUR + 50 * MINUTE, true),
        "a start accepts no larger jump than the setting"
    );
}

#[test]
fn a_later_jump_is_held_until_the_clock_returns() {
    let clock = clock(0);
    let time = start(&clock);
    for _ in 0..4 {
        clock.pass(span(HOUR));
        time.now();
    }
    clock.set_wall(Time(NEWEST.0 + 4 * HOUR + 10 * MINUTE));
    assert_eq!(shown(&time), (4 * HOUR, true));
    clock.set_wall(Time(NEWEST.0 + 4 * HOUR));
    assert_eq!(shown(&time), (4 * HOUR, false));
}

#[test]
fn a_clock_behind_is_trusted_after_it_catches_up() {
    let clock = clock(-HOUR);
    let time = start(&clock);
    for minute in 1..60 {
        clock.pass(span(MINUTE));
        assert_eq!(shown(&time), (minute * MINUTE, true));
    }
    clock.pass(span(MINUTE));
    assert_eq!(
        shown(&time),
        (0, false),
        "the clock has reached the newest entry"
    );
}

#[test]
fn a_clock_behind_the_last_decision_stays_held() {
    let clock = clock(-HOUR);
    let time = start(&clock);
    clock.pass(span(50 * MINUTE));
    time.decided(time.now());
    clock.pass(span(20 * MINUTE));
    assert_eq!(shown(&time), (70 * MINUTE, true));
}

#[test]
fn downtime_is_known_only_on_the_same_boot() {
    let clock = clock(0);
    let seen = start(&clock).sign_of_life(1);
    clock.pass(span(30 * DAY));
    assert_eq!(
        shown(&restart(&clock, Some(seen.clone()))),
        (30 * DAY, false)
    );
    clock.set_wall(Time(NEWEST.0 + 2 * HOUR));
    assert_eq!(
        shown(&restart(&clock, Some(seen.clone()))),
        (30 * DAY, true),
        "behind the known time"
    );
    clock.reboot();
    assert_eq!(
        shown(&restart(&clock, Some(seen.clone()))),
        (0, true),
        "the time that the machine was off is not known"
    );
    clock.set_wall(Time(NEWEST.0 + HOUR));
    assert_eq!(shown(&restart(&clock, Some(seen))), (HOUR, false));
}

#[test]
fn a_held_clock_stays_held_after_a_restart() {
    let clock = clock(0);
    let time = start(&clock);
    for _ in 0..4 {
        clock.pass(span(HOUR));
        time.now();
    }
    clock.set_wall(Time(NEWEST.0 + 4 * HOUR + 10 * MINUTE));
    assert_eq!(shown(&time), (4 * HOUR, true));
    let seen = time.sign_of_life(1);
    clock.pass(span(MINUTE));
    assert_eq!(
        shown(&restart(&clock, Some(seen.clone()))),
        (4 * HOUR + MINUTE, true)
    );
    clock.set_wall(Time(NEWEST.0 + 4 * HOUR + MINUTE));
    assert_eq!(
        shown(&restart(&clock, Some(seen))),
        (4 * HOUR + MINUTE, false)
    );
}

#[test]
fn after_a_crash_a_held_clock_resumes_once_corrected() {
    let clock = clock(90 * DAY);
    let seen = start(&clock).sign_of_life(1);
    assert!(seen.is_held);
    clock.pass(span(MINUTE));
    // The machine was off for half an hour before the first of the two starts.
    clock.set_wall(Time(NEWEST.0 + 31 * MINUTE));
    assert_eq!(shown(&restart(&clock, Some(seen))), (31 * MINUTE, false));
}

#[test]
fn an_accepted_time_counts_forward_and_back() {
    for off in [-30 * DAY, -2 * MINUTE, 30 * DAY] {
        let clock = clock(off);
        let time = start(&clock);
        let to = time.to_accept().expect("the clocks do not agree");
        time.accept(to);
        assert_eq!((shown(&time), time.to_accept()), ((off, false), None));
        clock.pass(span(HOUR));
        assert_eq!(shown(&time), (off + HOUR, false));
    }
    assert_eq!(
        start(&clock(MINUTE)).to_accept(),
        None,
        "there is nothing to accept"
    );
}

#[test]
fn small_steps_back_never_stop_time_for_long() {
    let clock = clock(0);
    let time = start(&clock);
    for step in 1..=20 {
        clock.set_wall(Time(NEWEST.0 - step * 4 * MINUTE));
        time.now();
    }
    assert!(
        time.held().is_some(),
        "80 minutes behind the newest entry, and no hold"
    );
}

#[test]
fn the_sentence_shows_both_clocks_and_what_to_do() {
    let time = start(&clock(90 * DAY));
    let sentence = time.held().expect("held");
    for part in [
        "2027-02-16T",
        "2026-11-18T",
        "by 90 d:",
        "accept-clock",
        "continues automatically",
    ] {
        assert!(sentence.contains(part), "{part} is missing in: {sentence}");
    }
}

proptest! {
    /// The bound: the newest trusted time, plus what the boot clock shows, plus the setting.
    #[test]
    fn one_start_moves_the_time_within_the_bound(
        walls in proptest::collection::vec(-400 * DAY..4_000 * DAY, 1..6),
        lives in proptest::collection::vec(0..20 * DAY, 1..6),
        reboots in any::<u8>(),
        has_signs in any::<bool>(),
    ) {
        let clock = clock(0);
        let mut seen = has_signs.then(|| start(&clock).sign_of_life(1));
        let mut believed = NEWEST;
        for (nth, (wall, away)) in walls.iter().zip(&lives).enumerate() {
            clock.pass(span(*away));
            let is_rebooted = reboots >> nth & 1 == 1;
            if is_rebooted {
                clock.reboot();
            }
            clock.set_wall(Time(NEWEST.0 + wall));
            let explained = if seen.is_some() && !is_rebooted { *away } else { 0 };
            let time = restart(&clock, seen.clone());
            let now = time.now();
            let bound = believed.0 + AHEAD_MAX.as_millis() as i64 + explained;
            prop_assert!(now.0 <= bound, "start {nth} went {} ms beyond the bound", now.0 - bound);
            prop_assert!(now.0 >= believed.0 - CLOCK_JUMP_MAX.as_millis() as i64);
            seen = seen.map(|_| time.sign_of_life(1));
            if seen.is_some() {
                believed = believed.max(now);
            }
        }
    }
}
