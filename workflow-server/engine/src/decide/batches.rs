//! Batches. The start records the instances of a batch. Each item is then an entry of its own, so a
//! crash repeats no item.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::Vector;

use crate::actor::Actor;
use crate::batch::{Batch, BatchChange, BatchState, BatchWork, StartBatch};
use crate::command::{
    CancelInstance, HandOver, MigrateInstance, MoveInstance, PauseInstance, ResumeInstance,
    StepBatch, StopBatch,
};
use crate::decide::draft::EntryDraft;
use crate::decide::{claims, instances, migrate, pause};
use crate::entry::{Answer, ChangeKind};
use crate::instance::InstanceId;
use crate::limits;
use crate::rejection::{Limit, Rejection};

pub(super) fn start(
    draft: &mut EntryDraft<'_>,
    start: &StartBatch,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::BatchStarted;
    let running = draft
        .root
        .batches
        .values()
        .filter(|batch| batch.state == BatchState::Running)
        .count();
    if running >= limits::BATCHES_RUNNING_MAX {
        return Err(Rejection::Limit {
            limit: Limit::BatchesRunning,
            max: limits::BATCHES_RUNNING_MAX as u64,
        });
    }
    let mut batch = Batch {
        id: draft.sequence(),
        work: start.work.clone(),
        actor: actor.clone(),
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
    let refused = match carry_out(&mut attempt, batch, instance) {
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

fn carry_out(
    draft: &mut EntryDraft<'_>,
    batch: &Batch,
    instance: InstanceId,
) -> Result<(), Rejection> {
    work_on(draft, &batch.work, instance, (&batch.reason, &batch.actor))
}

/// Does the work of a batch on one instance.
pub(super) fn work_on(
    draft: &mut EntryDraft<'_>,
    work: &BatchWork,
    instance: InstanceId,
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
    }
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
