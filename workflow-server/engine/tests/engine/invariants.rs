//! Whatever anybody does in whatever order: every World keeps the invariants, and every index is as
//! if it were built anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aftercall_definition::ActionKind;
use aftercall_definition::testing::definitions;
use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{Batch, BatchState};
use aftercall_engine::call::Call;
use aftercall_engine::entry::{After, ChangeKind, Entry, InstanceChange};
use aftercall_engine::erasure::{Erasure, ErasureState};
use aftercall_engine::instance::{Alert, Instance, Status};
use aftercall_engine::testing::{Player, after, steps};
use aftercall_engine::world::timers::{
    ESCALATE, LAPSE, REFRESH, RELEASE, RESUME, RETURN, TimerKey,
};
use aftercall_engine::world::{Keeping, World, urgency};
use aftercall_engine::{Decision, Request, decide, mask};
use proptest::prelude::*;

use crate::erasures::{names_all_calls, tells_nothing};
use crate::pauses::stands_still;
use crate::true_texts::has_true_texts;

/// Everything that is wrong with a World.
fn faults(world: &World) -> Vec<String> {
    let root = world.root();
    let instances: Vec<&Arc<Instance>> = root.instances.iter().flatten().collect();
    let mut faults: Vec<String> = instances
        .iter()
        .flat_map(|one| faults_of(world, one))
        .collect();
    let mut running = BTreeSet::new();
    for one in instances.iter().filter(|one| !one.status.is_ended()) {
        if !running.insert((one.call, one.workflow)) {
            faults.push(format!(
                "{} is the second of its workflow that runs on its call",
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
        faults.push("the order of urgency is not that of the instances".to_owned());
    }
    // What the end of a call has released comes first, with texts that are filled in again.
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
        faults.push("the timers are not those of the instances".to_owned());
    }
    for status in Status::ALL {
        let count = instances.iter().filter(|one| one.status == status).count() as u64;
        if root.counters.of(status) != count {
            faults.push(format!(
                "{} are counted as {}, there are {count}",
                root.counters.of(status),
                status.word()
            ));
        }
    }
    faults.extend(faults_of_calls(world, &instances));
    faults.extend(faults_of_archive(world));
    faults.extend(
        root.batches
            .values()
            .filter(|batch| !is_sound_batch(batch))
            .map(|batch| format!("batch {}", batch.id)),
    );
    faults
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

fn faults_of(world: &World, one: &Instance) -> Vec<String> {
    let definition = world.root().definition_of(one).unwrap();
    let stage = definition.stage(one.stage);
    let actions = stage.map(|stage| &*stage.actions).unwrap_or_default();
    let armed = |is: fn(&ActionKind) -> bool| {
        let done = actions
            .iter()
            .enumerate()
            .filter(|(place, _)| one.does(*place));
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
        (shape, "what is armed is not what its stage and status say"),
        (
            one.status.is_ended() == one.ended_at.is_some(),
            "the time of its end is not that of its status",
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
            "it is paused by nobody, or not paused by somebody",
        ),
        (
            one.alerts.iter().all(is_sound),
            "an alert of it escalates without a due, or twice for a team",
        ),
        (
            one.alerts.iter().flat_map(Alert::teams).all(is_present),
            "an alert of it is for a team that was removed",
        ),
        (
            one.claim.is_none()
                || matches!(
                    one.status,
                    Status::Active | Status::Paused | Status::Incomplete
                ),
            "somebody holds what cannot be worked on",
        ),
        (
            one.claim
                .as_ref()
                .is_none_or(|claim| claim.until > claim.since),
            "its lease ends before it begins",
        ),
        (
            has_true_texts(world, one),
            "a text of its alerts shows a value that is no more",
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

fn faults_of_calls(world: &World, instances: &[&Arc<Instance>]) -> Vec<String> {
    let mut by_call: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut by_age = instances.to_vec();
    by_age.sort_by_key(|one| one.id.made_at);
    for one in by_age {
        by_call.entry(one.call).or_default().push(one.id.slot);
    }
    let mut faults = Vec::new();
    let slots = &world.root().calls;
    for (slot, call) in slots
        .iter()
        .enumerate()
        .filter_map(|(slot, call)| Some((slot, call.as_ref()?)))
    {
        if *call.instances != *by_call.get(&(slot as u32)).cloned().unwrap_or_default() {
            faults.push(format!("call {} does not list its instances", call.key.id));
        }
        if world.root().call_slot(&call.key) != Some(slot as u32) {
            faults.push(format!("call {} is not found by its key", call.key.id));
        }
        let waits = |one: &&&Arc<Instance>| {
            one.call == slot as u32 && one.status == Status::WaitingForCallEnd
        };
        if call.ended_at.is_some() && instances.iter().any(|one| waits(&one)) {
            faults.push(format!(
                "something still waits for the end of call {}, which has ended",
                call.key.id
            ));
        }
    }
    faults
}

/// What has left memory is counted, its slots are given next, and what is being erased tells
/// nothing of a caller.
fn faults_of_archive(world: &World) -> Vec<String> {
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
            "the next slot of an instance is not the lowest that is free",
        ),
        (
            root.next_call_slot() == free_call,
            "the next slot of a call is not the lowest that is free",
        ),
        (
            root.archive.instances
                == chunks()
                    .map(|(_, chunk)| u64::from(chunk.instances))
                    .sum::<u64>(),
            "the archive holds another number of instances than its chunks",
        ),
        (
            chunks().all(|(id, chunk)| {
                *id == chunk.id && *id <= chunk.file && chunk.file <= root.archive.newest_file
            }),
            "a chunk has a number that was not given",
        ),
        (
            chunks().all(|(_, chunk)| {
                chunk.tallies.iter().map(|tally| tally.count).sum::<u32>() == chunk.instances
            }),
            "a chunk has another number of instances than its tallies",
        ),
        (
            erased.all(|call| {
                root.call(&call.key).is_none_or(|live| {
                    live.created_at != call.created_at || root.erasing.has_call(live)
                })
            }),
            "what is being erased is not masked wherever it is read",
        ),
        (
            root.erasures
                .values()
                .filter(has_been)
                .all(|one| tells_nothing(root, one)),
            "what a person typed of an erased caller is left",
        ),
        (
            root.calls
                .iter()
                .flatten()
                .all(|call| masked(call) || *call.caller.name != *mask::ERASED),
            "a caller is half erased",
        ),
    ];
    checks
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, what)| what.to_owned())
        .collect()
}

/// Everything that is wrong with an entry, given the World before it.
fn faults_of_entry(world: &World, entry: &Entry) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for change in &entry.instances {
        let before = world.root().instance_at(change.after.id().slot);
        let revision = before.map_or(0, |before| before.revision);
        let after = after(world, change);
        let checks = [
            (seen.insert(after.id), "it is in the entry twice"),
            (
                after.revision == revision + 1,
                "its revision is not the next one",
            ),
            (
                after.sequence == entry.sequence,
                "its sequence is not the entry's",
            ),
            (
                change.before.is_some() == before.is_some(),
                "the entry does not say what went before",
            ),
            (
                change
                    .before
                    .as_ref()
                    .zip(before)
                    .is_none_or(|(said, was)| {
                        said.sequence == was.sequence
                            && said.stage == was.stage
                            && said.visible == world.root().is_listed(was)
                    }),
                "the entry says something else of what went before than was",
            ),
            (
                before.is_none_or(|before| {
                    let may = matches!(
                        change.kind,
                        ChangeKind::NoteAdded | ChangeKind::PushUndone | ChangeKind::CallerErased
                    );
                    !before.status.is_ended() || may
                }),
                "it had ended, and moved",
            ),
            (
                before.is_none_or(|before| counts_visits(before, &after, change)),
                "the stages that were entered are not those that were counted",
            ),
            (
                before
                    .is_none_or(|before| change.before.as_ref().unwrap().holder == holder(before)),
                "the entry names another holder than there was",
            ),
            (
                before.is_none_or(|before| {
                    before.status != Status::Paused || stands_still(world, before, &after, entry)
                }),
                "it was paused, and its clocks went on",
            ),
            (
                before.is_none_or(|before| is_fair(before, &after, entry)),
                "somebody moved what another holds",
            ),
        ];
        faults.extend(
            checks
                .into_iter()
                .filter(|(holds, _)| !holds)
                .map(|(_, what)| format!("{}: {what}", after.id)),
        );
    }
    let is_ordered = entry.at >= world.root().at || entry.kind == ChangeKind::ClockAccepted;
    if entry.sequence != world.root().sequence + 1 || !is_ordered {
        faults.push("the entry does not follow on the one before".to_owned());
    }
    faults
}

/// What was refused is among what has been done, each once; it runs exactly while something is left
/// to do.
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

/// A visit is counted for each stage that is entered. A migration may raise visits besides; nothing
/// ever counts them back.
fn counts_visits(before: &Instance, after: &Instance, change: &InstanceChange) -> bool {
    let is_same = before.visits == after.visits;
    let is_kept = before
        .visits
        .iter()
        .all(|count| after.visits_of(count.stage) >= count.times);
    let may_raise = change.kind == ChangeKind::Migrated;
    is_kept
        && if change.entered.is_empty() {
            is_same || may_raise
        } else {
            !is_same
        }
}

fn is_sound(alert: &Alert) -> bool {
    let teams: BTreeSet<u32> = alert.teams().collect();
    (alert.due.is_some() || alert.escalates_at.is_none()) && teams.len() == alert.teams().count()
}

fn holder(one: &Instance) -> Box<str> {
    one.claim
        .as_ref()
        .map_or_else(Box::default, |claim| claim.by.clone())
}

/// Whether nobody was passed over: what somebody holds is pushed by nobody else, and leaves their
/// hands only with their will, with a reason, with the stage, or with the lease.
fn is_fair(before: &Instance, after: &Instance, entry: &Entry) -> bool {
    let Some(claim) = before.held(entry.at) else {
        return true;
    };
    let is_own = entry.actor.name == claim.by;
    let still = after
        .claim
        .as_ref()
        .is_some_and(|now| now.by == claim.by && now.until >= claim.until);
    match entry.kind {
        ChangeKind::ButtonPushed | ChangeKind::Snoozed | ChangeKind::Finished => is_own,
        // People pause what they may work on; the operations desk pauses anything, and whoever
        // holds it goes on holding it.
        ChangeKind::Paused => still && (is_own || entry.actor.kind == ActorKind::Operations),
        ChangeKind::ClaimReleased => is_own && after.claim.is_none(),
        ChangeKind::HandedOver => is_own || !entry.said.note.is_empty(),
        ChangeKind::TakenOver => !is_own && !entry.said.note.is_empty(),
        ChangeKind::Claimed | ChangeKind::ClaimLapsed => false,
        _ => still || after.visits != before.visits || after.status.is_ended(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_commands_on_any_definitions_keep_the_invariants(
        workflows in proptest::collection::vec(definitions(), 1..3),
        steps in steps(120),
    ) {
        let mut player = Player::new(workflows);
        let mut world = World::new(Keeping::default());
        let play = |requests: Vec<Request>, world: &mut World, now: Time, refusals: bool| {
            for request in requests {
                match decide(world, &request, now) {
                    Ok(Decision::Commit(entry)) => {
                        prop_assert_eq!(faults_of_entry(world, &entry), Vec::<String>::new());
                        prop_assert!(names_all_calls(world, &request, &entry), "{:?}", request.command);
                        world.apply(&entry).unwrap();
                        prop_assert_eq!(faults(world), Vec::<String>::new(), "after {:?}", entry.kind);
                        if let Some(mark) = request.mark {
                            let again = decide(world, &request, now);
                            prop_assert_eq!(again, Ok(Decision::Repeat { sequence: entry.sequence }), "{:?}", mark);
                        }
                    }
                    Ok(Decision::Repeat { sequence }) => prop_assert!(sequence <= world.root().sequence),
                    Ok(Decision::Unchanged(_)) => {}
                    Err(rejection) => prop_assert!(refusals, "the opening was refused: {rejection:?}"),
                }
            }
            Ok(())
        };
        play(player.opening(), &mut world, player.now(), false)?;
        for step in &steps {
            let requests = player.requests(step, &world);
            play(requests, &mut world, player.now(), true)?;
        }
    }
}

/// A World in which the refund sample runs once, and the entry that set it.
fn set_once() -> (World, Entry) {
    let file = include_str!("../../../../examples/refund.yaml");
    let definition = aftercall_authoring::file::read(file, None).unwrap();
    let mut player = Player::new(vec![definition]);
    let mut world = World::new(Keeping::default());
    let set = aftercall_engine::testing::Step::Set {
        call: 1,
        workflow: any_index(),
        if_running: 0,
        release: None,
        chargeable: Some(true),
    };
    let mut requests = player.opening();
    for request in requests.drain(..) {
        let Ok(Decision::Commit(entry)) = decide(&world, &request, player.now()) else {
            continue;
        };
        world.apply(&entry).unwrap();
    }
    let request = player.requests(&set, &world).remove(0);
    let Ok(Decision::Commit(entry)) = decide(&world, &request, player.now()) else {
        panic!("it is set")
    };
    (world, *entry)
}

fn any_index() -> proptest::sample::Index {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    any::<proptest::sample::Index>()
        .new_tree(&mut runner)
        .unwrap()
        .current()
}

#[test]
fn the_checks_find_an_entry_that_breaks_an_invariant() {
    type Mutation = fn(&mut Instance);
    let mutations: [(&str, Mutation); 4] = [
        ("finished with its alerts", |one| {
            one.status = Status::Finished;
        }),
        ("active without its alerts", |one| {
            one.alerts = Box::default();
        }),
        ("in a stage that was never visited", |one| one.stage += 1),
        ("ended without a time", |one| one.ended_at = Some(Time(1))),
    ];
    for (what, mutate) in mutations {
        let (mut world, mut entry) = set_once();
        assert_eq!(faults_of_entry(&world, &entry), Vec::<String>::new());
        let mut mutated = Instance::clone(entry.instances[0].after.whole().unwrap());
        mutate(&mut mutated);
        entry.instances[0].after = After::Whole(Arc::new(mutated));
        world.apply(&entry).unwrap();
        assert!(!faults(&world).is_empty(), "{what}");
    }
}

#[test]
fn the_checks_find_an_entry_that_skips_a_revision_or_a_sequence() {
    let (world, entry) = set_once();
    let mut skipped = entry.clone();
    skipped.sequence += 1;
    assert!(!faults_of_entry(&world, &skipped).is_empty());
    let mut twice = entry.clone();
    twice.instances.push(entry.instances[0].clone());
    assert!(!faults_of_entry(&world, &twice).is_empty());
}
