//! Runs the items of batches, one after another at their rate. Masks the calls of erasures.
//! Continues both after a restart.
//!
//! Promise: the entry that does an item also notes which one is next. So no item is done twice, and
//! none is skipped. Must not: decide anything.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aftercall_engine::actor::Actor;
use aftercall_engine::batch::BatchState;
use aftercall_engine::command::{Command, StepBatch, StepErasure};
use aftercall_engine::erasure::ErasureState;
use aftercall_engine::{Request, Root};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::ledger::write::refused::wait_after;
use crate::ledger::{Condition, Handle, LedgerError, Outcome};

/// How long a job waits while the ledger accepts no commands.
const WAIT: Duration = Duration::from_secs(1);

/// Jobs whose next step is refused, each with its sentence. The condition shows the oldest of them,
/// and ends with the last.
#[derive(Clone, Default)]
struct RefusedJobs(Arc<Mutex<BTreeMap<u64, Arc<str>>>>);

impl RefusedJobs {
    fn set(&self, handle: &Handle, job: u64, sentence: Option<Arc<str>>) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match sentence {
            Some(sentence) => refused.insert(job, sentence),
            None => refused.remove(&job),
        };
        handle
            .conditions()
            .set(Condition::Jobs, refused.values().next().cloned());
    }
}

/// Whether a batch or an erasure still has steps to do.
fn is_running(root: &Root, job: u64) -> bool {
    root.batches
        .get(&job)
        .is_some_and(|batch| batch.state == BatchState::Running)
        || root
            .erasures
            .get(&job)
            .is_some_and(|erasure| erasure.state == ErasureState::Masking)
}

/// Runs until `stop` is cancelled.
pub(crate) async fn run(handle: Handle, started: Arc<Notify>, stop: CancellationToken) {
    let mut driven = HashSet::new();
    let mut driving: JoinSet<u64> = JoinSet::new();
    let refused = RefusedJobs::default();
    loop {
        let root = handle.root();
        for batch in root
            .batches
            .values()
            .filter(|batch| batch.state == BatchState::Running)
        {
            if driven.insert(batch.id) {
                let command = Command::from(StepBatch { batch: batch.id });
                let job = (batch.id, batch.actor.clone(), command);
                driving.spawn(drive(
                    handle.clone(),
                    refused.clone(),
                    job,
                    Some(batch.per_second),
                ));
            }
        }
        for erasure in root
            .erasures
            .values()
            .filter(|erasure| erasure.state == ErasureState::Masking)
        {
            if driven.insert(erasure.id) {
                let command = Command::from(StepErasure {
                    erasure: erasure.id,
                });
                let job = (erasure.id, erasure.actor.clone(), command);
                driving.spawn(drive(handle.clone(), refused.clone(), job, None));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = started.notified() => {}
            Some(ended) = driving.join_next() => {
                if let Ok(job) = ended {
                    driven.remove(&job);
                }
                // The job may have been an erasure, and its files must then be scrubbed.
                handle.wake_keeper();
            }
        }
    }
}

fn step_request(actor: Actor, command: Command) -> Request {
    Request {
        actor,
        mark: None,
        salt: 0,
        known: None,
        acts_for: None,
        reach: aftercall_engine::Reach::EVERYTHING,
        command,
    }
}

/// Requests the next step of one job until a step changes nothing. The job's rate limits the steps
/// per second.
async fn drive(
    handle: Handle,
    refused: RefusedJobs,
    (job, actor, step): (u64, Actor, Command),
    per_second: Option<u32>,
) -> u64 {
    let mut refusals = 0;
    let mut ticks =
        per_second.map(|per_second| interval(Duration::from_secs(1) / per_second.max(1)));
    if let Some(ticks) = &mut ticks {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let request = step_request(actor.clone(), step.clone());
        match handle.execute(request).await {
            Ok(outcome) => {
                if std::mem::take(&mut refusals) > 0 {
                    refused.set(&handle, job, None);
                }
                if let Outcome::Unchanged(_) = outcome {
                    return job;
                }
            }
            // The refusal may last long. The step is tried again after a growing wait, and a
            // condition shows it.
            Err(LedgerError::Rejected(rejection)) => {
                refusals += 1;
                metrics::counter!("aftercall_job_steps_refused_total").increment(1);
                let sentence = format!(
                    "the next step of job {job} (a batch or an erasure) is refused: {rejection}. The server tries again automatically; please report this"
                );
                refused.set(&handle, job, Some(sentence.into()));
                // A person may stop the job meanwhile. A step of it is refused even then.
                let ended = wait_for_end(&handle, job);
                if tokio::time::timeout(wait_after(refusals), ended)
                    .await
                    .is_ok()
                {
                    refused.set(&handle, job, None);
                    return job;
                }
            }
            // The ledger is busy, or the disk is full: the job waits.
            Err(error) => {
                tracing::warn!(job, %error, "a batch or an erasure waits");
                tokio::time::sleep(WAIT).await;
            }
        }
    }
}

/// Waits until a job has no more steps, or the ledger has ended.
async fn wait_for_end(handle: &Handle, job: u64) {
    let mut newest = handle.feed().newest();
    while is_running(&handle.root(), job) && newest.changed().await.is_ok() {}
}
