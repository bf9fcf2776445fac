//! What the conditions of the ledger mean for the process.

use aftercall_serving::Readiness;
use tokio_util::sync::CancellationToken;

use crate::config::StoreFailure;
use crate::ledger::{Condition, Conditions};

/// Notes that the server drains, once it stops.
pub(super) async fn announce_drain(stop: CancellationToken, conditions: Conditions) {
    stop.cancelled().await;
    let why = "the server is shutting down";
    conditions.set(Condition::Draining, Some(why.into()));
}

/// Stops the server once the store has failed, where it is to end then. What was acknowledged is
/// durable; what failed was not acknowledged; and whether that is durable all the same only an open
/// can say, which the next start does on a copy.
pub(super) async fn stop_on_failure(
    conditions: Conditions,
    on_store_failure: StoreFailure,
    stop: CancellationToken,
) {
    let mut watched = conditions.watch();
    // The sender lives in `conditions`: it cannot go away meanwhile.
    let failed = watched
        .wait_for(|health| health.failure().is_some())
        .await
        .is_ok();
    if failed && on_store_failure == StoreFailure::Exit {
        tracing::error!(
            "the store has failed: the server shuts down, so that its supervisor starts it again"
        );
        stop.cancel();
    }
}

/// Readiness and health show what the ledger's conditions are.
pub(super) async fn follow_conditions(conditions: Conditions, readiness: Readiness) {
    let mut watched = conditions.watch();
    loop {
        let health = watched.borrow_and_update().clone();
        for condition in Condition::ALL {
            let sentence = health.get(condition).map(ToString::to_string);
            if condition.is_unready() {
                readiness.set(condition.name(), sentence.map_or(Ok(()), Err));
            } else {
                readiness.warn(condition.name(), sentence);
            }
        }
        metrics::gauge!("aftercall_clock_held").set(f64::from(u8::from(health.is_clock_held())));
        if watched.changed().await.is_err() {
            return;
        }
    }
}
