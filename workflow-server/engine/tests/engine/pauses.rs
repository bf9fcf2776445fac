//! Checks pauses: the clocks of an instance are stopped, and only the end of the pause or a resume
//! starts them again.

use aftercall_definition::ActionKind;
use aftercall_definition::calendar::Clock;
use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::entry::{ChangeKind, Entry};
use aftercall_engine::instance::{Instance, Status, Timer};
use aftercall_engine::world::World;

/// Whether the clocks of a paused instance are unchanged, or delayed by the length of the pause. An
/// instance that ended or that a person moved is checked by other rules.
pub(crate) fn is_stopped(
    world: &World,
    before: &Instance,
    after: &Instance,
    entry: &Entry,
) -> bool {
    let paused_at = before.pause.as_ref().unwrap().since;
    let since = match entry.kind {
        _ if after.status.is_ended() => return true,
        ChangeKind::Migrated | ChangeKind::Moved => {
            return stays_paused(world, before, after, (paused_at, entry.at));
        }
        ChangeKind::Resumed => paused_at,
        _ => entry.at,
    };
    let definition = world.root().definition_of(before).unwrap();
    let is_of_day = |timer: &&Timer| {
        let stage = definition.stage(before.stage).unwrap();
        matches!(&stage.actions[usize::from(timer.action)].kind, ActionKind::Timer(action) if action.at.is_some())
    };
    // A timer that waits for the end of a claim is due at that end. During a pause, that is the
    // start of the pause.
    let claim_ended = before
        .claim
        .as_ref()
        .filter(|_| after.claim.is_none() && entry.kind != ChangeKind::Resumed)
        .map(|claim| before.clock(claim.until.min(entry.at)));
    let due_of = |timer: &Timer| match claim_ended {
        Some(ended) if timer.waits_for_claim => timer.due.max(ended),
        _ => timer.due,
    };
    let times = |one: &Instance| -> Vec<Option<Time>> {
        let alerts = one
            .alerts
            .iter()
            .flat_map(|alert| [alert.due, alert.escalates_at]);
        let timers = one
            .timers
            .iter()
            .filter(|timer| !is_of_day(timer))
            .map(|timer| Some(due_of(timer)));
        alerts.chain(timers).chain([one.deadline]).collect()
    };
    let (before_times, after_times, clock) = (
        times(before),
        times(after),
        world.root().clock(definition, None),
    );
    // A pause with a planned end ends at that time, even if the server is late.
    let until = before
        .pause
        .as_ref()
        .unwrap()
        .until
        .filter(|_| entry.actor.kind == ActorKind::Timer);
    let resumed_at = if entry.kind == ChangeKind::Resumed {
        until.unwrap_or(entry.at)
    } else {
        entry.at
    };
    if entry.kind != ChangeKind::Resumed || matches!(clock, Clock::Wall) {
        // If the clock was set back during the pause, no time becomes earlier.
        let delayed = |time: Time| Time(time.0 + (resumed_at.0 - since.0).max(0));
        return before_times
            .into_iter()
            .map(|time| time.map(delayed))
            .eq(after_times);
    }
    if resumed_at < since {
        return before_times
            .into_iter()
            .zip(after_times)
            .all(|(before, after)| after >= before);
    }
    // With a calendar, future times stay in the future. The deadline is after the same amount of
    // open time.
    let is_in_order = |(before, after): (&Option<Time>, &Option<Time>)| match (before, after) {
        (Some(before), Some(after)) if *before > since => *after >= resumed_at,
        (Some(_), Some(after)) => *after <= resumed_at,
        (before, after) => before == after,
    };
    let left = |now: Time, one: &Instance| one.deadline.map(|at| clock.between(now, at));
    before_times.iter().zip(&after_times).all(is_in_order)
        && left(since, before) == left(resumed_at, after)
}

/// Whether an instance that was moved during a pause is still paused with the same deadline. If
/// nothing waits in its stage, it is incomplete and has as much time until its deadline as before.
fn stays_paused(
    world: &World,
    before: &Instance,
    after: &Instance,
    (since, now): (Time, Time),
) -> bool {
    let definition = world.root().definition_of(after).unwrap();
    let clock = world.root().clock(definition, None);
    let left = |now: Time, at: Time| match clock {
        Clock::Wall => at.0 - now.0,
        Clock::Calendar(_) => clock.between(now, at),
    };
    match (after.status, before.deadline) {
        (Status::Paused, deadline) => {
            after.pause == before.pause && (deadline.is_none() || after.deadline == deadline)
        }
        // If the clock was set back during the pause, no time becomes earlier.
        (Status::Incomplete, Some(was)) if now < since => {
            after.deadline.is_some_and(|is| is >= was)
        }
        (Status::Incomplete, Some(was)) => after
            .deadline
            .is_some_and(|is| left(since, was) == left(now, is)),
        (status, _) => status == Status::Incomplete,
    }
}
