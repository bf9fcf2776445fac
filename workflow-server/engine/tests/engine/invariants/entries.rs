//! Checks an entry against the World before it.

use std::collections::BTreeSet;

use aftercall_engine::actor::ActorKind;
use aftercall_engine::entry::{ChangeKind, Entry, InstanceChange};
use aftercall_engine::instance::{Instance, Status};
use aftercall_engine::testing::after;
use aftercall_engine::world::World;

use crate::pauses::is_stopped;

/// All errors of an entry, given the World before it.
pub(super) fn errors_of_entry(world: &World, entry: &Entry) -> Vec<String> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for change in &entry.instances {
        let before = world.root().instance_at(change.after.id().slot);
        let revision = before.map_or(0, |before| before.revision);
        let after = after(world, change);
        let checks = [
            (seen.insert(after.id), "the entry contains it twice"),
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
                "the entry does not have the state before",
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
                "the entry has a wrong state before",
            ),
            (
                before.is_none_or(|before| {
                    let may = matches!(
                        change.kind,
                        ChangeKind::NoteAdded | ChangeKind::PushUndone | ChangeKind::CallerErased
                    );
                    !before.status.is_ended() || may
                }),
                "it changed after its end",
            ),
            (
                before.is_none_or(|before| counts_visits(before, &after, change)),
                "the entered stages and the counted visits differ",
            ),
            (
                before
                    .is_none_or(|before| change.before.as_ref().unwrap().holder == holder(before)),
                "the entry names a wrong holder",
            ),
            (
                before.is_none_or(|before| {
                    before.status != Status::Paused || is_stopped(world, before, &after, entry)
                }),
                "its clocks ran during a pause",
            ),
            (
                before.is_none_or(|before| is_fair(before, &after, entry)),
                "a person changed it against the claim of another",
            ),
        ];
        errors.extend(
            checks
                .into_iter()
                .filter(|(holds, _)| !holds)
                .map(|(_, what)| format!("{}: {what}", after.id)),
        );
    }
    let is_ordered = entry.at >= world.root().at || entry.kind == ChangeKind::ClockAccepted;
    if entry.sequence != world.root().sequence + 1 || !is_ordered {
        errors.push("the entry does not follow the one before".to_owned());
    }
    errors
}

/// Whether visits are counted: one for each stage that is entered. A migration may also raise
/// visits. They never become fewer.
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

fn holder(one: &Instance) -> Box<str> {
    one.claim
        .as_ref()
        .map_or_else(Box::default, |claim| claim.by.clone())
}

/// Whether claims were respected. Only the holder pushes. A claim ends only by its holder, with a
/// reason, with the stage, or with its lease.
fn is_fair(before: &Instance, after: &Instance, entry: &Entry) -> bool {
    let Some(claim) = before.claim_at(entry.at) else {
        return true;
    };
    let is_own = entry.actor.name == claim.by;
    let still = after
        .claim
        .as_ref()
        .is_some_and(|now| now.by == claim.by && now.until >= claim.until);
    match entry.kind {
        ChangeKind::ButtonPushed | ChangeKind::Snoozed | ChangeKind::Finished => is_own,
        // People pause only what they may work on. Operations pause anything, and the claim is
        // kept.
        ChangeKind::Paused => still && (is_own || entry.actor.kind == ActorKind::Operations),
        ChangeKind::ClaimReleased => is_own && after.claim.is_none(),
        ChangeKind::HandedOver => is_own || !entry.details.note.is_empty(),
        ChangeKind::TakenOver => !is_own && !entry.details.note.is_empty(),
        ChangeKind::Claimed | ChangeKind::ClaimLapsed => false,
        _ => still || after.visits != before.visits || after.status.is_ended(),
    }
}
