//! Checks a whole World against its invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aftercall_definition::ActionKind;
use aftercall_definition::time::Time;
use aftercall_engine::batch::{Batch, BatchState};
use aftercall_engine::call::Call;
use aftercall_engine::erasure::{Erasure, ErasureState};
use aftercall_engine::instance::{Alert, Instance, Status};
use aftercall_engine::mask;
use aftercall_engine::world::timers::{
    ALERT_AGAIN, ESCALATE, LAPSE, REFRESH, RELEASE, RESUME, RETURN, TimerKey,
};
use aftercall_engine::world::{World, urgency};

use crate::erasures::has_no_data;
use crate::true_texts::has_true_texts;

/// All errors of a World.
pub(super) fn errors_of_world(world: &World) -> Vec<String> {
    let root = world.root();
    let instances: Vec<&Arc<Instance>> = root.instances.iter().flatten().collect();
    let mut errors: Vec<String> = instances
        .iter()
        .flat_map(|one| errors_of_instance(world, one))
        .collect();
    let mut running = BTreeSet::new();
    for one in instances.iter().filter(|one| !one.status.is_ended()) {
        if !running.insert((one.call, one.workflow)) {
            errors.push(format!(
                "{} is the second running instance of its workflow on its call",
                one.id
            ));
        }
    }
    let keys = instances
        .iter()
        .flat_map(|one| urgency::keys(one, root.call_of(one).unwrap()));
    if !keys
        .collect::<BTreeSet<_>>()
        .into_iter()
        .eq(root.urgency.iter().copied())
    {
        errors.push("the index by urgency does not match the instances".to_owned());
    }
    // Releases after the end of a call come first, with texts that are filled in again.
    let waits = |key: &TimerKey| {
        let call = root.instance_at(key.slot).and_then(|one| root.call_of(one));
        key.action != REFRESH
            && (key.action != RELEASE || call.is_none_or(|call| call.ended_at.is_none()))
    };
    let mut timers: Vec<TimerKey> = instances.iter().flat_map(|one| timers_of(one)).collect();
    timers.sort_by_key(|key| (waits(key), *key));
    if !timers.iter().copied().eq(world.timers().due(Time::NEVER))
        || root.counters.timers() != timers.len() as u64
    {
        errors.push("the timers do not match the instances".to_owned());
    }
    for status in Status::ALL {
        let count = instances.iter().filter(|one| one.status == status).count() as u64;
        if root.counters.count(status) != count {
            errors.push(format!(
                "the counter has {} as {}, but there are {count}",
                root.counters.count(status),
                status.word()
            ));
        }
    }
    errors.extend(errors_of_calls(world, &instances));
    errors.extend(errors_of_archive(world));
    errors.extend(
        root.batches
            .values()
            .filter(|batch| !is_sound_batch(batch))
            .map(|batch| format!("batch {}", batch.id)),
    );
    errors
}

fn timers_of(one: &Instance) -> Vec<TimerKey> {
    let timers = one.timers.iter().map(|timer| {
        let held_until = one
            .claim
            .as_ref()
            .filter(|_| timer.waits_for_claim)
            .map_or(timer.due, |claim| claim.until);
        TimerKey {
            due: timer.due.max(held_until),
            slot: one.id.slot,
            action: timer.action,
        }
    });
    let release = one.release_at.map(|due| TimerKey {
        due,
        slot: one.id.slot,
        action: RELEASE,
    });
    let lapse = one.claim.as_ref().map(|claim| TimerKey {
        due: claim.until,
        slot: one.id.slot,
        action: LAPSE,
    });
    let key = |due: Time, action: u16| TimerKey {
        due,
        slot: one.id.slot,
        action,
    };
    let is_paused = one.status == Status::Paused;
    let mut keys: Vec<TimerKey> = if is_paused {
        Vec::new()
    } else {
        timers.collect()
    };
    for alert in &one.alerts {
        keys.extend(
            alert
                .escalates_at
                .filter(|_| !is_paused)
                .map(|due| key(due, ESCALATE + alert.action)),
        );
        keys.extend(
            alert
                .snooze
                .iter()
                .map(|snooze| key(snooze.until, RETURN + alert.action)),
        );
        let until = alert.seen.iter().find_map(|seen| seen.until);
        let until = until.filter(|_| alert.snooze.is_none() && !is_paused);
        let held_until = one.claim.as_ref().map(|claim| claim.until);
        keys.extend(until.map(|until| {
            key(
                until.max(held_until.unwrap_or(until)),
                ALERT_AGAIN + alert.action,
            )
        }));
    }
    keys.extend(one.refresh_at().map(|due| key(due, REFRESH)));
    keys.extend(
        one.pause
            .iter()
            .filter_map(|pause| pause.until)
            .map(|due| key(due, RESUME)),
    );
    keys.into_iter().chain(release).chain(lapse).collect()
}

fn errors_of_instance(world: &World, one: &Instance) -> Vec<String> {
    let definition = world.root().definition_of(one).unwrap();
    let stage = definition.stage(one.stage);
    let actions = stage.map(|stage| &*stage.actions).unwrap_or_default();
    let armed = |is: fn(&ActionKind) -> bool| {
        let done = actions
            .iter()
            .enumerate()
            .filter(|(place, _)| one.has_done(*place));
        done.filter(|(_, action)| is(&action.kind)).count()
    };
    let (alerts, timers) = (
        armed(|one| matches!(one, ActionKind::Alert(_))),
        armed(|one| matches!(one, ActionKind::Timer(_))),
    );
    let buttons = armed(|one| matches!(one, ActionKind::Button(_)));
    let is_present = |team| world.root().teams.present(team).is_ok();
    let shape = match one.status {
        Status::WaitingForCallEnd => {
            one.stage == 0 && one.alerts.is_empty() && one.timers.is_empty()
        }
        Status::Active | Status::Paused => {
            buttons + timers > 0
                && one.alerts.len() == alerts
                && one.timers.len() == timers
                && one.release_at.is_none()
        }
        Status::Incomplete => {
            buttons + timers == 0 && one.alerts.len() == alerts && one.timers.is_empty()
        }
        Status::Finished | Status::Cancelled => {
            one.alerts.is_empty() && one.timers.is_empty() && one.release_at.is_none()
        }
    };
    let checks = [
        (
            shape,
            "its alerts and timers do not match its stage and status",
        ),
        (
            one.status.is_ended() == one.ended_at.is_some(),
            "it has an end time but has not ended, or the reverse",
        ),
        (
            (one.stage == 0) == one.visits.is_empty(),
            "it has visits without a stage, or a stage without a visit",
        ),
        (
            one.stage == 0 || stage.is_some(),
            "it is in a stage that its definition does not have",
        ),
        (
            one.stage == 0 || one.visit() >= 1,
            "its stage was never visited",
        ),
        (
            one.fields.is_sorted_by(|a, b| a.0 < b.0),
            "its fields are out of order",
        ),
        (
            one.pause.is_some() == (one.status == Status::Paused),
            "its pause does not match its status",
        ),
        (
            one.alerts.iter().all(is_sound),
            "an alert escalates without a due time, or has a team twice",
        ),
        (
            one.alerts.iter().flat_map(Alert::teams).all(is_present),
            "an alert is for a removed team",
        ),
        (
            one.claim.is_none()
                || matches!(
                    one.status,
                    Status::Active | Status::Paused | Status::Incomplete
                ),
            "it has a claim but nobody can work on it",
        ),
        (
            one.claim
                .as_ref()
                .is_none_or(|claim| claim.until > claim.since),
            "its lease ends before it begins",
        ),
        (
            has_true_texts(world, one),
            "a text of its alerts shows an old value",
        ),
        (
            one.sequence <= world.root().sequence && one.revision >= 1,
            "it is ahead of the World",
        ),
    ];
    checks
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, what)| format!("{}: {what}", one.id))
        .collect()
}

fn errors_of_calls(world: &World, instances: &[&Arc<Instance>]) -> Vec<String> {
    let mut by_call: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut by_age = instances.to_vec();
    by_age.sort_by_key(|one| one.id.made_at);
    for one in by_age {
        by_call.entry(one.call).or_default().push(one.id.slot);
    }
    let mut errors = Vec::new();
    let slots = &world.root().calls;
    for (slot, call) in slots
        .iter()
        .enumerate()
        .filter_map(|(slot, call)| Some((slot, call.as_ref()?)))
    {
        if *call.instances != *by_call.get(&(slot as u32)).cloned().unwrap_or_default() {
            errors.push(format!("call {} does not list its instances", call.key.id));
        }
        if world.root().call_slot(&call.key) != Some(slot as u32) {
            errors.push(format!("call {} is not found by its key", call.key.id));
        }
        let waits = |one: &&&Arc<Instance>| {
            one.call == slot as u32 && one.status == Status::WaitingForCallEnd
        };
        if call.ended_at.is_some() && instances.iter().any(|one| waits(&one)) {
            errors.push(format!(
                "an instance waits for the end of call {}, which has ended",
                call.key.id
            ));
        }
    }
    errors
}

/// Checks the archive: instances that left memory are counted, their slots are used next, and
/// erased calls contain no data of a caller.
fn errors_of_archive(world: &World) -> Vec<String> {
    let root = world.root();
    let lowest = |held: Vec<bool>| held.iter().position(|held| !held).unwrap_or(held.len()) as u32;
    let free_instance = lowest(root.instances.iter().map(Option::is_some).collect());
    let free_call = lowest(root.calls.iter().map(Option::is_some).collect());
    let chunks = || root.archive.chunks.iter();
    let masked =
        |call: &Arc<Call>| *call.caller.name == *mask::ERASED && call.caller.reference.is_empty();
    let has_been = |erasure: &&Arc<Erasure>| erasure.state == ErasureState::Scrubbing;
    let mut erased = root
        .erasures
        .values()
        .filter(has_been)
        .flat_map(|one| one.calls.iter());
    let checks = [
        (
            root.next_instance_slot() == free_instance,
            "the next slot of an instance is not the lowest free one",
        ),
        (
            root.next_call_slot() == free_call,
            "the next slot of a call is not the lowest free one",
        ),
        (
            root.archive.instances
                == chunks()
                    .map(|(_, chunk)| u64::from(chunk.instances))
                    .sum::<u64>(),
            "the archive's number of instances does not match its chunks",
        ),
        (
            chunks().all(|(id, chunk)| {
                *id == chunk.id && *id <= chunk.file && chunk.file <= root.archive.newest_file
            }),
            "a chunk has a wrong number",
        ),
        (
            chunks().all(|(_, chunk)| {
                chunk.tallies.iter().map(|tally| tally.count).sum::<u32>() == chunk.instances
            }),
            "a chunk's number of instances does not match its tallies",
        ),
        (
            erased.all(|call| {
                root.call(&call.key).is_none_or(|live| {
                    live.created_at != call.created_at || root.erasing.has_call(live)
                })
            }),
            "a read does not mask a call that is being erased",
        ),
        (
            root.erasures
                .values()
                .filter(has_been)
                .all(|one| has_no_data(root, one)),
            "a text that a person typed about an erased caller is left",
        ),
        (
            root.calls
                .iter()
                .flatten()
                .all(|call| masked(call) || *call.caller.name != *mask::ERASED),
            "a caller is only partly erased",
        ),
    ];
    checks
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, what)| what.to_owned())
        .collect()
}

/// Whether a batch is consistent. The refused items are among the processed ones, each once. A
/// batch runs as long as items are left.
fn is_sound_batch(batch: &Batch) -> bool {
    let is_left = (batch.next as usize) < batch.items.len();
    let is_in_order = batch
        .refused
        .iter()
        .zip(batch.refused.iter().skip(1))
        .all(|(one, next)| one.item < next.item);
    is_in_order
        && batch
            .refused
            .iter()
            .all(|refused| refused.item < batch.next)
        && (batch.state == BatchState::Running) == batch.ended_at.is_none()
        && match batch.state {
            BatchState::Running => is_left,
            BatchState::Done => !is_left,
            BatchState::Stopped => true,
        }
}

fn is_sound(alert: &Alert) -> bool {
    let teams: BTreeSet<u32> = alert.teams().collect();
    (alert.due.is_some() || alert.escalates_at.is_none()) && teams.len() == alert.teams().count()
}
