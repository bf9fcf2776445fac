//! What the first answer to a request showed: an instance and a call as they were after its entry,
//! without what came later.
//!
//! Each change names the one before it, so that the past is found by walking back from the present;
//! usually it is the newest change. What was erased since is masked here as everywhere.
//!
//! What an answer does not take from its entry, and shows as it is now: the names of teams,
//! `due_soon_from` (by the present opening hours), warnings of an import or a publication, the
//! title and newest version in the summary of a workflow, how far an erasure has come, and the zone
//! of a calendar.

use std::sync::Arc;

use aftercall_engine::Entry;
use aftercall_engine::call::{Call, CallKey};
use aftercall_engine::instance::{Instance, InstanceId};

use crate::ledger::FoundInstance;
use crate::ledger::history::{History, HistoryError, Walk};
use crate::limits::FIRST_ANSWER_WALK_MAX;
use crate::service::archived;
use crate::service::say::{Refusal, refusal};
use crate::service::shared::Shared;
use crate::service::view::View;

/// An instance and its call as they are now, in memory or in the archive.
pub(crate) async fn present(
    shared: &Shared,
    view: &View,
    id: InstanceId,
) -> Result<Option<FoundInstance>, Refusal> {
    match view.instance(id) {
        Some(instance) => Ok(view.call_of(instance).map(|call| FoundInstance {
            instance: instance.clone(),
            call: call.clone(),
        })),
        // Boxed, as everything that is seldom awaited: the future of each request has room for it.
        None => Box::pin(archived::find(shared, view, id)).await,
    }
}

/// An instance and its call as they were after an entry.
pub(crate) async fn instance(
    shared: &Shared,
    view: &View,
    id: InstanceId,
    entry: &Entry,
) -> Result<Option<FoundInstance>, Refusal> {
    let Some(present) = present(shared, view, id).await? else {
        return Ok(None);
    };
    let history = shared.ledger.history();
    let changed = entry
        .instances
        .iter()
        .find(|change| change.after.id() == id);
    let instance = match changed {
        Some(change) => history
            .whole(change)
            .await
            .map_err(|e| refusal::of_history(&e))?,
        None => instance_upto(history, present.instance, entry.sequence)
            .await
            .map_err(|e| refusal::of_history(&e))?,
    };
    let call = call_upto(history, &present.call, entry.sequence)
        .await
        .map_err(|error| refusal::of_history(&error))?;
    Ok(Some(FoundInstance {
        instance,
        call: call.unwrap_or(present.call),
    }))
}

/// A call as it was after an entry; none where nobody knows it any more.
pub(crate) async fn call(
    shared: &Shared,
    view: &View,
    key: &CallKey,
    entry: Option<&Entry>,
) -> Result<Option<Arc<Call>>, Refusal> {
    if let Some(change) = entry
        .and_then(|entry| entry.call.as_ref())
        .filter(|change| change.after.key == *key && view.has_customer_of(&change.after))
    {
        return Ok(Some(change.after.clone()));
    }
    let live = view.call(key).cloned();
    let upto = entry.map_or(u64::MAX, |entry| entry.sequence);
    if let Some(live) = live.as_ref().filter(|live| live.sequence <= upto) {
        return Ok(Some(live.clone()));
    }
    let archived = archived::calls(shared, key)
        .await?
        .into_iter()
        .map(|found| found.call);
    for candidate in live.into_iter().chain(archived) {
        let call = call_upto(shared.ledger.history(), &candidate, upto).await;
        if let Some(call) = call.map_err(|error| refusal::of_history(&error))? {
            return Ok(Some(call));
        }
    }
    Ok(None)
}

/// The instance as it was up to a sequence; as it is now where that is too far back.
async fn instance_upto(
    history: &History,
    present: Arc<Instance>,
    upto: u64,
) -> Result<Arc<Instance>, HistoryError> {
    if present.sequence <= upto {
        return Ok(present);
    }
    Box::pin(earlier_instance(history, present, upto)).await
}

async fn earlier_instance(
    history: &History,
    present: Arc<Instance>,
    upto: u64,
) -> Result<Arc<Instance>, HistoryError> {
    let mut walk = Walk::of_instance(history, &present);
    for _ in 0..FIRST_ANSWER_WALK_MAX {
        match walk.next().await? {
            Some((entry, change)) if entry.sequence <= upto => return history.whole(&change).await,
            Some(_) => {}
            None => break,
        }
    }
    Ok(present)
}

/// The call as it was up to a sequence; none where it was first reported later, or that is too far back.
async fn call_upto(
    history: &History,
    present: &Arc<Call>,
    upto: u64,
) -> Result<Option<Arc<Call>>, HistoryError> {
    if present.sequence <= upto {
        return Ok(Some(present.clone()));
    }
    Box::pin(earlier_call(history, present, upto)).await
}

async fn earlier_call(
    history: &History,
    present: &Arc<Call>,
    upto: u64,
) -> Result<Option<Arc<Call>>, HistoryError> {
    let mut next = present.sequence;
    for _ in 0..FIRST_ANSWER_WALK_MAX {
        if next == 0 {
            break;
        }
        let entry = history.entry(next).await?;
        let Some(change) = &entry.call else { break };
        if entry.sequence <= upto {
            return Ok(Some(change.after.clone()));
        }
        next = change.previous;
    }
    Ok(None)
}
