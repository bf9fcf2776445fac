//! Does the items of batches, one after another at their rate, masks the calls of erasures, and goes on with what a restart cut
//! short.
//!
//! Promise: which item is next is in the journal, in the entry that does it: none is done twice, and none is left out. Must
//! not: decide anything.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::Request;
use aftercall_engine::batch::BatchState;
use aftercall_engine::command::{Actor, Command};
use aftercall_engine::erasure::ErasureState;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::ledger::{Condition, Handle, LedgerError, Outcome, wait_after};

/// How long it waits where the ledger takes nothing just now.
const WAIT: Duration = Duration::from_secs(1);

/// Runs until told to stop.
pub(crate) async fn run(handle: Handle, started: Arc<Notify>, stop: CancellationToken) {
    let mut driven = HashSet::new();
    let mut driving: JoinSet<u64> = JoinSet::new();
    loop {
        let root = handle.root();
        for batch in root.batches.values().filter(|batch| batch.state == BatchState::Running) {
            if driven.insert(batch.id) {
                let command = Command::StepBatch { batch: batch.id };
                driving.spawn(drive(handle.clone(), (batch.id, batch.actor.clone(), command), Some(batch.per_second)));
            }
        }
        for erasure in root.erasures.values().filter(|erasure| erasure.state == ErasureState::Masking) {
            if driven.insert(erasure.id) {
                let command = Command::StepErasure { erasure: erasure.id };
                driving.spawn(drive(handle.clone(), (erasure.id, erasure.actor.clone(), command), None));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = started.notified() => {}
            Some(ended) = driving.join_next() => {
                if let Ok(job) = ended {
                    driven.remove(&job);
                }
                // Where that was an erasure, its files are to be scrubbed.
                handle.wake_keeper();
            }
        }
    }
}

/// Asks for the next step of one job, so many a second at most, until that changes nothing any more.
async fn drive(handle: Handle, (job, actor, step): (u64, Actor, Command), per_second: Option<u32>) -> u64 {
    let mut refusals = 0;
    let mut ticks = per_second.map(|per_second| interval(Duration::from_secs(1) / per_second.max(1)));
    if let Some(ticks) = &mut ticks {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let request = Request { actor: actor.clone(), mark: None, salt: 0, known: None, command: step.clone() };
        match handle.execute(request).await {
            Ok(outcome) => {
                if std::mem::take(&mut refusals) > 0 {
                    handle.conditions().set(Condition::Jobs, None);
                }
                if let Outcome::Unchanged(_) = outcome {
                    return job;
                }
            }
            // Nothing that is decided changes this: it is tried less and less often, and a condition shows it.
            Err(LedgerError::Rejected(rejection)) => {
                refusals += 1;
                metrics::counter!("aftercall_job_steps_refused_total").increment(1);
                let sentence = format!(
                    "the next step of job {job} (a batch or an erasure) is refused: {rejection}. It is tried again by itself; please report this"
                );
                handle.conditions().set(Condition::Jobs, Some(sentence.into()));
                tokio::time::sleep(wait_after(refusals)).await;
            }
            // It is busy, or the disk is full: the job waits.
            Err(error) => {
                tracing::warn!(job, %error, "a batch or an erasure waits");
                tokio::time::sleep(WAIT).await;
            }
        }
    }
}
