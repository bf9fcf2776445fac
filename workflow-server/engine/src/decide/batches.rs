//! Batches. The start records the instances of a batch. Each item is then an entry of its own, so a
//! crash repeats no item.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::Vector;

use crate::actor::{Actor, ActorKind};
use crate::batch::{Batch, BatchChange, BatchPush, BatchState, BatchWork, StartBatch};
use crate::command::{
    CancelInstance, ClaimInstance, HandOver, MigrateInstance, MoveInstance, PauseInstance,
    PushButton, ResumeInstance, StepBatch, StopBatch,
};
use crate::decide::draft::EntryDraft;
use crate::decide::{claims, instances, migrate, pause, snooze};
use crate::entry::{Answer, ChangeKind};
use crate::instance::{Instance, InstanceId};
use crate::limits;
use crate::reach::Reach;
use crate::rejection::{Limit, Rejection};
use crate::world::Root;

pub(super) fn start(
    draft: &mut EntryDraft<'_>,
    start: &StartBatch,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::BatchStarted;
    check_running(draft.root, actor)?;
    let mut batch = Batch {
        id: draft.sequence(),
        work: begun(draft.root, &start.work, &start.items.ids),
        actor: actor.clone(),
        takes_next: draft.reach.takes_next(),
        reason: start.reason.clone(),
        started_at: draft.now,
        ended_at: None,
        per_second: start.per_second,
        matched: start.items.matched,
        items: start.items.ids.clone(),
        next: 0,
        refused: Vector::new(),
        state: BatchState::Running,
    };
    if batch.items.is_empty() {
        batch.end(BatchState::Done, draft.now);
    }
    draft.details.note = start.reason.clone();
    draft.batch = Some(BatchChange::Started(Arc::new(batch)));
    Ok(())
}

/// Refuses if too many batches run. Those of people and those of operations have limits of their
/// own, so that a busy desk does not keep operations from working. A person has one at a time.
fn check_running(root: &Root, actor: &Actor) -> Result<(), Rejection> {
    let is_person = actor.kind == ActorKind::Person;
    let running = root.batches.values().filter(|batch| {
        batch.state == BatchState::Running && is_person == (batch.actor.kind == ActorKind::Person)
    });
    let (own, others): (Vec<_>, Vec<_>) =
        running.partition(|batch| is_person && actor.owns(&batch.actor.name, &batch.actor.subject));
    let limit = |max: usize| Rejection::Limit {
        limit: Limit::BatchesRunning,
        max: max as u64,
    };
    if !own.is_empty() {
        Err(limit(limits::BATCHES_OF_PERSON_MAX))
    } else if others.len() >= limits::BATCHES_RUNNING_MAX {
        Err(limit(limits::BATCHES_RUNNING_MAX))
    } else {
        Ok(())
    }
}

/// The work with what it needs to know of each item at the start.
pub(super) fn begun(root: &Root, work: &BatchWork, items: &[InstanceId]) -> BatchWork {
    let BatchWork::Push(push) = work else {
        return work.clone();
    };
    let visits = items.iter().map(|id| {
        root.instance(*id)
            .map_or(0, |instance| instance.visits_of(push.stage))
    });
    BatchWork::Push(BatchPush {
        visits: visits.collect(),
        ..push.clone()
    })
}

/// Processes the next item of a batch. If the item is refused, the entry records why.
pub(super) fn step(draft: &mut EntryDraft<'_>, command: StepBatch) {
    let id = command.batch;
    let Some(batch) = draft
        .root
        .batches
        .get(&id)
        .filter(|batch| batch.state == BatchState::Running)
    else {
        return;
    };
    let item = batch.next;
    let Some(instance) = batch.items.get(item as usize).copied() else {
        return;
    };
    let mut attempt = EntryDraft::new(draft.root, draft.now);
    attempt.reach = Reach::EVERYTHING.taking_next(batch.takes_next);
    let by = (&*batch.reason, &batch.actor);
    let refused = match work_on(&mut attempt, &batch.work, (item as usize, instance), by) {
        Ok(()) => {
            *draft = attempt;
            None
        }
        Err(rejection) => {
            draft.kind = ChangeKind::BatchItemRefused;
            Some(rejection.reason().into())
        }
    };
    draft.batch = Some(BatchChange::Stepped {
        batch: id,
        item,
        refused,
    });
}

/// Does the work of a batch on one instance, given with its place among the items.
pub(super) fn work_on(
    draft: &mut EntryDraft<'_>,
    work: &BatchWork,
    (at, instance): (usize, InstanceId),
    (reason, actor): (&str, &Actor),
) -> Result<(), Rejection> {
    let (reason, expected) = (Box::from(reason), None);
    match work {
        BatchWork::Move { stage } => {
            let stage = *stage;
            let command = MoveInstance {
                instance,
                stage,
                reason,
                expected,
            };
            instances::move_to(draft, &command)
        }
        BatchWork::Migrate { version, stages } => {
            migrate_one(draft, instance, (*version, stages), reason)
        }
        BatchWork::Pause { until } => pause_one(draft, instance, *until, (reason, actor)),
        BatchWork::Resume => {
            let command = ResumeInstance {
                instance,
                note: reason,
                expected,
            };
            pause::resume(draft, &command, actor)
        }
        BatchWork::Cancel => {
            let command = CancelInstance {
                instance,
                reason,
                expected,
            };
            instances::cancel(draft, &command)
        }
        BatchWork::HandOver(to) => {
            let command = HandOver {
                instance,
                to: to.clone(),
                reason,
            };
            claims::hand_over(draft, &command, actor)
        }
        BatchWork::Push(push) => push_one(draft, push, (at, instance), (reason, actor)),
        BatchWork::Snooze { until } => snooze::snooze_all(draft, (instance, *until), reason, actor),
        BatchWork::Claim { lease_millis } => {
            let lease_millis = *lease_millis;
            let command = ClaimInstance {
                instance,
                lease_millis,
            };
            claims::claim(draft, command, actor)
        }
    }
}

fn push_one(
    draft: &mut EntryDraft<'_>,
    push: &BatchPush,
    (at, id): (usize, InstanceId),
    (note, actor): (Box<str>, &Actor),
) -> Result<(), Rejection> {
    let visit = push.visits.get(at).copied().unwrap_or_default();
    let is_there = |instance: &Instance| (instance.stage, instance.visit()) == (push.stage, visit);
    // What has left the stage is refused as such: another stage may have a button of this id.
    if let Some(old) = draft.root.instance(id).filter(|old| !is_there(old)) {
        return Err(Rejection::StaleVisit(old.clone()));
    }
    let command = PushButton {
        instance: id,
        button: push.button.clone(),
        stage: Some(push.stage),
        visit,
        note,
        form: push.form.to_vec(),
    };
    instances::push(draft, &command, actor)
}

fn migrate_one(
    draft: &mut EntryDraft<'_>,
    instance: InstanceId,
    (version, stages): (u32, &[(u32, u32)]),
    reason: Box<str>,
) -> Result<(), Rejection> {
    let command = MigrateInstance {
        instance,
        version,
        stages: stages.to_vec(),
        reason,
        expected: None,
    };
    migrate::migrate(draft, &command)
}

fn pause_one(
    draft: &mut EntryDraft<'_>,
    instance: InstanceId,
    until: Option<Time>,
    (reason, actor): (Box<str>, &Actor),
) -> Result<(), Rejection> {
    let command = PauseInstance {
        instance,
        until,
        reason,
        expected: None,
    };
    pause::pause(draft, &command, actor)
}

pub(super) fn stop(draft: &mut EntryDraft<'_>, command: &StopBatch) -> Result<(), Rejection> {
    let StopBatch { batch: id, reason } = command;
    draft.kind = ChangeKind::BatchStopped;
    let batch = draft
        .root
        .batches
        .get(id)
        .ok_or(Rejection::NoSuchBatch(*id))?;
    let mut progress = batch.progress();
    if batch.state == BatchState::Running {
        draft.details.note = reason.clone();
        draft.batch = Some(BatchChange::Stopped { batch: *id });
        (progress.state, progress.ended_at) = (BatchState::Stopped, Some(draft.now));
    }
    // A repeated request must get the same answer, even if the batch is forgotten by that time.
    draft.answer = Answer::BatchStopped(progress);
    Ok(())
}
