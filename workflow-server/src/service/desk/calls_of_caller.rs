//! All calls of one caller.

use aftercall_engine::call::Call;
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::ledger::FoundCall;
use crate::limits::CALLS_SHOWN_MAX;
use crate::service::archived::{self, follow_ups_in_memory};
use crate::service::ask::{Faults, callers, pages, requests};
use crate::service::say::{ReadMask, Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::View;

pub(crate) async fn list(
    shared: &Shared,
    asked: Asked<proto::ListCallsOfCallerRequest>,
) -> Result<Ready<proto::ListCallsOfCallerResponse>, Refusal> {
    let request = asked.request;
    let view = shared.view();
    let mut faults = Faults::default();
    let key = callers::key(shared, request.caller.as_ref(), &mut faults);
    let mask = requests::read_mask(request.read_mask.as_ref(), &mut faults);
    faults.check()?;
    let Some(key) = key else {
        return Ok(Ready::default());
    };
    let live = view
        .calls_of(&key, &request.customer)
        .filter(|call| call.is_shown())
        .take(CALLS_SHOWN_MAX + 1);
    let follow_ups = live.map(|call| call.instances.len()).sum();
    let calls = move |shared: Shared| async move {
        calls_shown(&shared, &view, (&key, &request.customer), &mask).await
    };
    shared.answer_of(follow_ups, calls).await
}

async fn calls_shown(
    shared: &Shared,
    view: &View,
    (key, customer): (&CallerKey, &str),
    mask: &ReadMask,
) -> Result<proto::ListCallsOfCallerResponse, Refusal> {
    let shown = |call: &Call, (follow_ups, more_follow_ups): (Vec<proto::FollowUp>, bool)| {
        proto::CallWithFollowUps {
            call: Some(convert::call(call)),
            follow_ups,
            more_follow_ups,
        }
    };
    let live = view
        .calls_of(key, customer)
        .filter(|call| call.is_shown())
        .take(CALLS_SHOWN_MAX + 1);
    let of_live = |call: &Call| follow_ups_in_memory(view, call, mask, |one| one.is_shown(call));
    let mut calls: Vec<_> = live.map(|call| shown(call, of_live(call))).collect();
    // What has left memory is older than what is in it.
    let wanted = (CALLS_SHOWN_MAX + 1).saturating_sub(calls.len());
    let archive = shared.ledger.archive();
    // A call that was reported again after it had left memory is shown by what is known of it now.
    let whole = view.unlimited();
    let is_shown = |call: &Call| {
        let live = whole.call(&call.key);
        call.is_shown()
            && view.has_customer_of(call)
            && live.is_none_or(|live| live.is_shown() && view.has_customer_of(live))
    };
    let found = archive
        .calls_of(
            key,
            (customer, Some(&is_shown)),
            wanted,
            shared.ledger.now(),
        )
        .await;
    let found = found.map_err(|error| refusal::of_history(&error))?;
    let has_more = found.len() == wanted;
    let found: Vec<FoundCall> = found
        .into_iter()
        .filter_map(|found| view.archived_call(found))
        .collect();
    // What is out of scope took the place of others.
    let has_more = has_more && found.len() < wanted;
    let of_archived = |found: &FoundCall| {
        archived::follow_ups(view, found, mask, |one| one.is_shown(&found.call))
    };
    calls.extend(
        found
            .iter()
            .map(|found| shown(&found.call, of_archived(found))),
    );
    let more = calls.len() > CALLS_SHOWN_MAX || has_more;
    calls.truncate(CALLS_SHOWN_MAX);
    let (calls, is_cut) = pages::first_of(calls.into_iter());
    let more = more || is_cut;
    Ok(proto::ListCallsOfCallerResponse { calls, more })
}
