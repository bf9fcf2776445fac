//! Batches: started with their instances written down, done one item an entry, so that a crash
//! leaves none done twice.

use std::sync::Arc;

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
use crate::rejection::Rejection;

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
            name: "BATCHES_RUNNING",
            limit: limits::BATCHES_RUNNING_MAX as u64,
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
    draft.said.note = start.reason.clone();
    draft.batch = Some(BatchChange::Started(Arc::new(batch)));
    Ok(())
}

/// Does the next item; where it is refused, that is what the entry says.
pub(super) fn step(draft: &mut EntryDraft<'_>, asked: StepBatch) {
    let id = asked.batch;
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
    one(draft, &batch.work, instance, (&batch.reason, &batch.actor))
}

/// Does it to one instance.
pub(super) fn one(
    draft: &mut EntryDraft<'_>,
    work: &BatchWork,
    instance: InstanceId,
    (reason, actor): (&str, &Actor),
) -> Result<(), Rejection> {
    let (expected, because) = (None, || Box::<str>::from(reason));
    match work {
        BatchWork::Move { stage } => instances::move_to(
            draft,
            &MoveInstance {
                instance,
                stage: *stage,
                reason: because(),
                expected,
            },
        ),
        BatchWork::Migrate { version, stages } => {
            let (version, stages) = (*version, stages.clone());
            migrate::migrate(
                draft,
                &MigrateInstance {
                    instance,
                    version,
                    stages,
                    reason: because(),
                    expected,
                },
            )
        }
        BatchWork::Pause { until } => pause::pause(
            draft,
            &PauseInstance {
                instance,
                until: *until,
                reason: because(),
                expected,
            },
            actor,
        ),
        BatchWork::Resume => pause::resume(
            draft,
            &ResumeInstance {
                instance,
                note: because(),
                expected,
            },
            actor,
        ),
        BatchWork::Cancel => instances::cancel(
            draft,
            &CancelInstance {
                instance,
                reason: because(),
                expected,
            },
        ),
        BatchWork::HandOver(to) => claims::hand_over(
            draft,
            &HandOver {
                instance,
                to: to.clone(),
                reason: because(),
            },
            actor,
        ),
    }
}

pub(super) fn stop(draft: &mut EntryDraft<'_>, asked: &StopBatch) -> Result<(), Rejection> {
    let StopBatch { batch: id, reason } = asked;
    draft.kind = ChangeKind::BatchStopped;
    let batch = draft
        .root
        .batches
        .get(id)
        .ok_or(Rejection::NoSuchBatch(*id))?;
    let mut progress = batch.progress();
    if batch.state == BatchState::Running {
        draft.said.note = reason.clone();
        draft.batch = Some(BatchChange::Stopped { batch: *id });
        (progress.state, progress.ended_at) = (BatchState::Stopped, Some(draft.now));
    }
    // The batch may be forgotten when the same request is asked again.
    draft.answer = Answer::BatchStopped(progress);
    Ok(())
}
