//! Claims: which person works on an instance, for how long, and how a claim ends.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::actor::Actor;
use crate::away::Away;
use crate::command::{
    ClaimInstance, ClaimNext, ExtendClaim, HandOver, ListHandOver, ReleaseClaim, TakeOver,
};
use crate::decide::draft::EntryDraft;
use crate::decide::find::{check_legal, check_visible, find};
use crate::entry::{AWAY_UNTIL, Answer, ChangeKind, Entered, INSTEAD_OF, TO_PERSON, TO_TEAM};
use crate::instance::{Claim, Happening, Instance, InstanceId};
use crate::limits;
use crate::query::{is_away_for, is_claimable};
use crate::recipient::Recipient;
use crate::rejection::Rejection;

/// Refuses if another person has a claim: only the holder of a claim changes the instance.
pub(super) fn check_holder(old: &Arc<Instance>, actor: &Actor, now: Time) -> Result<(), Rejection> {
    match old.claim_at(now) {
        Some(claim) if !actor.owns(&claim.by, &claim.subject) => {
            Err(Rejection::ClaimedByAnother(old.clone()))
        }
        _ => Ok(()),
    }
}

/// Refuses if a person chooses work that its team shares fairly. What the person holds is chosen.
pub(super) fn check_choice(
    draft: &EntryDraft<'_>,
    old: &Arc<Instance>,
    actor: &Actor,
) -> Result<(), Rejection> {
    let is_own = old
        .claim_at(draft.now)
        .is_some_and(|claim| actor.owns(&claim.by, &claim.subject));
    if !is_own && draft.reach.gets_as_next(draft.root, old) {
        Err(Rejection::ClaimNextOnly(old.clone()))
    } else {
        Ok(())
    }
}

/// Finds an instance that a person may claim.
fn find_claimable<'w>(
    draft: &EntryDraft<'w>,
    id: InstanceId,
) -> Result<&'w Arc<Instance>, Rejection> {
    let old = find(draft, id)?;
    check_legal(old, Happening::Claim)?;
    check_visible(draft.root, old)
}

pub(super) fn claim(
    draft: &mut EntryDraft<'_>,
    command: ClaimInstance,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Claimed;
    let old = find_claimable(draft, command.instance)?;
    check_holder(old, actor, draft.now)?;
    check_choice(draft, old, actor)?;
    set_claim(draft, old, command.lease_millis, actor);
    Ok(())
}

pub(super) fn extend(
    draft: &mut EntryDraft<'_>,
    command: ExtendClaim,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::ClaimExtended;
    let old = find_claimable(draft, command.instance)?;
    check_own(draft, old, actor)?;
    set_claim(draft, old, command.lease_millis, actor);
    Ok(())
}

pub(super) fn release(
    draft: &mut EntryDraft<'_>,
    command: ReleaseClaim,
    actor: &Actor,
) -> Result<(), Rejection> {
    let id = command.instance;
    draft.kind = ChangeKind::ClaimReleased;
    let old = find_claimable(draft, id)?;
    check_own(draft, old, actor)?;
    let mut new = Instance::clone(old);
    new.claim = None;
    draft.answer = Answer::Moved {
        instance: id,
        entered: Vec::new(),
    };
    draft.put_instance(ChangeKind::ClaimReleased, old, new, Entered::default());
    Ok(())
}

/// Claims an instance, even if another person has a claim. The history keeps the reason.
pub(super) fn take_over(
    draft: &mut EntryDraft<'_>,
    command: &TakeOver,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::TakenOver;
    let old = find_claimable(draft, command.instance)?;
    check_choice(draft, old, actor)?;
    draft.details.note = command.reason.clone();
    set_claim(draft, old, command.lease_millis, actor);
    Ok(())
}

/// Stores the list of instances of a hand-over, so that a repeated request gets the same list.
pub(super) fn list_hand_over(draft: &mut EntryDraft<'_>, command: &ListHandOver) {
    draft.kind = ChangeKind::HandedOver;
    draft.answer = Answer::HandOver {
        instances: command.instances.clone(),
        remaining: command.remaining,
    };
}

/// Finds an instance that a person may hand over. A claimed instance can always be handed over,
/// even if Call Managers do not see it, because it must not wait for a person who is absent. An
/// instance without a claim must be one that people may claim.
fn find_transferable<'w>(
    draft: &EntryDraft<'w>,
    id: InstanceId,
) -> Result<&'w Arc<Instance>, Rejection> {
    let old = find(draft, id)?;
    if !old.status.is_ended() && old.claim_at(draft.now).is_some() {
        Ok(old)
    } else {
        find_claimable(draft, id)
    }
}

/// Hands an instance over to a person, to a team, or back to the teams that it is for. A reason is
/// required if another person has a claim. A recipient who already has a claim keeps the longer
/// lease. While a person is away, another one may get it instead.
pub(super) fn hand_over(
    draft: &mut EntryDraft<'_>,
    command: &HandOver,
    actor: &Actor,
) -> Result<(), Rejection> {
    let HandOver {
        instance: id,
        to,
        reason,
    } = command;
    let id = *id;
    draft.kind = ChangeKind::HandedOver;
    let old = find_transferable(draft, id)?;
    if reason.trim().is_empty() {
        check_holder(old, actor, draft.now)?;
    }
    if matches!(to, Recipient::Person { .. }) {
        check_choice(draft, old, actor)?;
    }
    let mut new = Instance::clone(old);
    match to {
        Recipient::Person { name, lease_millis } => {
            let holder = give(draft, old, &mut new, (name, *lease_millis));
            draft.details.values = recipient(draft, old, (name, &holder));
        }
        Recipient::Team { team } => {
            let name = draft.root.teams.present(*team)?.name.as_str();
            draft.details.values = [(TO_TEAM.into(), Value::Text(name.into()))].into();
            new.claim = None;
            for alert in &mut new.alerts {
                alert.team = *team;
                alert.added_teams = Box::default();
            }
        }
        Recipient::Release => new.claim = None,
    }
    draft.details.note = reason.clone();
    draft.answer = Answer::Moved {
        instance: id,
        entered: Vec::new(),
    };
    draft.put_instance(ChangeKind::HandedOver, old, new, Entered::default());
    Ok(())
}

/// Gives a person the claim, or the one who gets work instead while that person is away. Returns who
/// has it.
fn give(
    draft: &EntryDraft<'_>,
    old: &Instance,
    new: &mut Instance,
    (name, lease_millis): (&str, i64),
) -> Box<str> {
    let root = draft.root;
    let counts = |away: &Away| is_away_for(root, away, old);
    let holder = root.absences.recipient(name, draft.now, counts);
    let own = old.claim_at(draft.now).filter(|claim| *claim.by == *holder);
    let until =
        Time(draft.now.0.saturating_add(lease_millis)).max(own.map_or(draft.now, |own| own.until));
    new.claim = Some(Box::new(Claim {
        by: holder.into(),
        // Who has this name is known once that person changes the claim.
        subject: own.and_then(|own| own.subject.clone()),
        since: own.map_or(draft.now, |own| own.since),
        until,
    }));
    holder.into()
}

/// What the history keeps of the recipient: who has it, instead of whom, and until when that person
/// is away.
fn recipient(
    draft: &EntryDraft<'_>,
    old: &Instance,
    (named, holder): (&str, &str),
) -> Box<[(Box<str>, Value)]> {
    let text = |name: &str, person: &str| (name.into(), Value::Text(person.into()));
    let instead_of = (named != holder).then(|| text(INSTEAD_OF, named));
    let away = draft.root.absences.of(holder, draft.now);
    let away = away.filter(|away| is_away_for(draft.root, away, old));
    let away_until = away.map(|away| (AWAY_UNTIL.into(), Value::Time(away.until)));
    [text(TO_PERSON, holder)]
        .into_iter()
        .chain(instead_of)
        .chain(away_until)
        .collect()
}

/// Claims the first candidate that is still free. Decisions are made one after another, so two
/// people never get the same instance. Only the first candidates are tried, because this runs on
/// the writer's thread.
pub(super) fn claim_next(
    draft: &mut EntryDraft<'_>,
    next: &ClaimNext,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Claimed;
    let root = draft.root;
    let candidates = next
        .candidates
        .iter()
        .take(limits::CLAIM_CANDIDATES_MAX)
        .filter_map(|id| root.instance(*id));
    match candidates
        .into_iter()
        .find(|instance| is_claimable(root, &next.filter, instance, draft.now))
    {
        // A narrow filter would choose.
        Some(free) if !next.filter.is_by_team_alone() && draft.reach.gets_as_next(root, free) => {
            return Err(Rejection::ClaimNextOnly(free.clone()));
        }
        Some(free) => set_claim(draft, free, next.lease_millis, actor),
        None if next.candidates.is_empty() => {}
        None => return Err(Rejection::CandidatesTaken),
    }
    Ok(())
}

/// Ends a claim. Changes nothing if it was extended or released meanwhile.
pub(super) fn lapse(draft: &mut EntryDraft<'_>, old: &Instance, due: Time) {
    draft.kind = ChangeKind::ClaimLapsed;
    if old.claim.as_ref().is_some_and(|claim| claim.until == due) {
        let new = Instance {
            claim: None,
            ..old.clone()
        };
        draft.put_instance(ChangeKind::ClaimLapsed, old, new, Entered::default());
    }
}

fn check_own(draft: &EntryDraft<'_>, old: &Arc<Instance>, actor: &Actor) -> Result<(), Rejection> {
    check_holder(old, actor, draft.now)?;
    if old.claim_at(draft.now).is_some() {
        Ok(())
    } else {
        Err(Rejection::NotClaimed(old.clone()))
    }
}

/// Sets the claim of the actor. If the actor already has one, extends it. A lease never becomes
/// shorter.
fn set_claim(draft: &mut EntryDraft<'_>, old: &Instance, lease: i64, actor: &Actor) {
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: Vec::new(),
    };
    let own = old
        .claim_at(draft.now)
        .filter(|claim| actor.owns(&claim.by, &claim.subject));
    let until =
        Time(draft.now.0.saturating_add(lease)).max(own.map_or(draft.now, |claim| claim.until));
    if own.is_some_and(|claim| claim.until == until) {
        return;
    }
    let kind = if own.is_some() {
        ChangeKind::ClaimExtended
    } else {
        draft.kind
    };
    draft.kind = kind;
    let since = own.map_or(draft.now, |claim| claim.since);
    let claim = Claim {
        by: actor.name.clone(),
        subject: actor.subject.clone(),
        since,
        until,
    };
    let new = Instance {
        claim: Some(Box::new(claim)),
        ..old.clone()
    };
    draft.put_instance(kind, old, new, Entered::default());
}
