//! Does the items of batches, one after another at their rate, and goes on with those that a restart cut short.
//!
//! Promise: which item is next is in the journal, in the entry that does it: none is done twice, and none is left out. Must
//! not: decide anything.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::Request;
use aftercall_engine::batch::BatchState;
use aftercall_engine::command::{Actor, Command};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::ledger::{Handle, Outcome};

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
                driving.spawn(drive(handle.clone(), (batch.id, batch.actor.clone()), batch.per_second));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = started.notified() => {}
            Some(ended) = driving.join_next() => {
                if let Ok(batch) = ended {
                    driven.remove(&batch);
                }
            }
        }
    }
}

/// Does the items of one batch until it does not run any more.
async fn drive(handle: Handle, (batch, actor): (u64, Actor), per_second: u32) -> u64 {
    let mut ticks = interval(Duration::from_secs(1) / per_second.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let command = Command::StepBatch { batch };
        match handle.execute(Request { actor: actor.clone(), mark: None, salt: 0, command }).await {
            Ok(Outcome::Unchanged(_)) => return batch,
            Ok(_) => {}
            // It is busy, or the disk is full: the items wait.
            Err(error) => {
                tracing::warn!(batch, %error, "a batch waits");
                tokio::time::sleep(WAIT).await;
            }
        }
    }
}
