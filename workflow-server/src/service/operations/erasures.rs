//! Erasing a caller, as ops ask for it. The runner masks call after call, the keeper scrubs the
//! files.

use std::collections::HashSet;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::{EraseCaller, Look};
use aftercall_engine::erasure::{ErasedCall, Erasure, ErasureChange, ErasureState};
use aftercall_engine::limits::ERASED_CALLS_MAX;
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;
use aftercall_serving::log_context::LogContext;

use crate::ledger::FoundCall;
use crate::limits::{ARCHIVE_LOOKS_MAX, ERASURE_WAIT_MAX};
use crate::service::ask::{Answered, Asking, Faults, Prepared, callers};
use crate::service::say::refusal::{Missing, Reason};
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::View;

/// Answers once everything that is read is masked.
pub(crate) async fn erase(
    shared: &Shared,
    asked: Asked<proto::EraseCallerRequest>,
) -> Result<proto::EraseCallerResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let caller = callers::key(shared, request.caller.as_ref(), &mut faults);
    let Some(caller) = caller else {
        faults.check()?;
        return Err(refusal::invalid_field("caller", "must be given"));
    };
    if request.dry_run {
        return tried(shared, &asked, &caller).await;
    }
    let started = start(shared, &asked, &caller.exactly()).await?;
    shared.job_started.notify_one();
    masked(shared, started.sequence).await;
    let view = shared.view();
    let erasure = asked_for(&view, &started)?;
    LogContext::note_made("erasure", &erasure.id.to_string());
    // What masked its last call: the same for each repetition of the request.
    let masked_at = erasure
        .masked_at
        .last()
        .copied()
        .unwrap_or(started.sequence);
    let erasure = Some(shown(shared, &view, &erasure));
    Ok(proto::EraseCallerResponse {
        erasure,
        sequence: masked_at.max(started.sequence),
        possible_calls: Vec::new(),
    })
}

/// What an erasure would be about, as it is now.
async fn tried(
    shared: &Shared,
    asked: &Asked<proto::EraseCallerRequest>,
    caller: &CallerKey,
) -> Result<proto::EraseCallerResponse, Refusal> {
    let request = &asked.request;
    let mut erase = found(shared, request, &caller.clone().exactly()).await?;
    // What left memory between the two looks is in both.
    let mut seen = HashSet::new();
    erase
        .calls
        .retain(|call| seen.insert((call.key.clone(), call.created_at)));
    let mut possible = found(shared, request, caller).await?.calls;
    possible.retain(|call| seen.insert((call.key.clone(), call.created_at)));
    possible.truncate(ERASED_CALLS_MAX);
    let more = erase.calls.len() > ERASED_CALLS_MAX;
    erase.calls.truncate(ERASED_CALLS_MAX);
    let view = shared.view();
    let erasure = Erasure {
        id: 0,
        actor: Actor {
            kind: ActorKind::Operations,
            name: asked.actor().into(),
            subject: asked.owner(),
        },
        reason: request.reason.as_str().into(),
        state: ErasureState::Masking,
        started_at: view.at(),
        ended_at: None,
        calls: erase.calls.into(),
        masked_at: Default::default(),
        more,
    };
    Ok(proto::EraseCallerResponse {
        erasure: Some(shown(shared, &view, &erasure)),
        sequence: view.sequence(),
        possible_calls: possible
            .iter()
            .map(|call| convert::call_ref(&call.key))
            .collect(),
    })
}

/// The erasure as it is now; where it is done and forgotten, as the entry that started it has it.
fn asked_for(view: &View, started: &Answered) -> Result<Arc<Erasure>, Refusal> {
    let change = started
        .entry
        .as_ref()
        .and_then(|entry| entry.erasure.as_ref());
    match (view.erasure(started.sequence), change) {
        (Some(present), _) => Ok(present.clone()),
        (None, Some(ErasureChange::Started(first))) => Ok(Arc::new(Erasure {
            state: ErasureState::Done,
            ..Erasure::clone(first)
        })),
        (None, _) => find(view, started.sequence).cloned(),
    }
}

/// Looks the caller's calls up, and again where something left memory meanwhile, or more calls
/// changed than the decision looks at.
async fn start(
    shared: &Shared,
    asked: &Asked<proto::EraseCallerRequest>,
    caller: &CallerKey,
) -> Result<Answered, Refusal> {
    let is_to_be_repeated =
        |refused: &Refusal| matches!(refused.reason(), Reason::ArchiveMoved | Reason::CallsMoved);
    let mut looks = 0;
    loop {
        let asking = Asking::of_operations(asked);
        let prepare = async {
            let erase = found(shared, &asked.request, caller).await?;
            Ok(Prepared::from(erase))
        };
        match shared.execute_new(asking, prepare).await {
            Err(refused) if is_to_be_repeated(&refused) && looks < ARCHIVE_LOOKS_MAX => looks += 1,
            answered => return answered,
        }
    }
}

/// The erasure with the calls that are found now.
async fn found(
    shared: &Shared,
    request: &proto::EraseCallerRequest,
    caller: &CallerKey,
) -> Result<EraseCaller, Refusal> {
    let newest_file = shared.view().newest_archive_file();
    // What has outlived its retention and is not gone yet is erased all the same.
    let found = shared.ledger.archive().calls_of(
        caller,
        (&request.customer, None),
        ERASED_CALLS_MAX + 1,
        Time(i64::MIN),
    );
    let found = found.await.map_err(|error| refusal::of_history(&error))?;
    let erased = |found: FoundCall| ErasedCall {
        key: found.call.key.clone(),
        created_at: found.call.created_at,
        instances: found.instances.iter().map(|instance| instance.id).collect(),
    };
    let view = shared.view();
    let found = found
        .into_iter()
        .filter_map(|found| view.archived_call(found));
    // Memory last: what changes after this look is looked at within the decision.
    let (key, customer) = (caller.clone(), request.customer.clone());
    let look = move |view: &View| (view.sequence(), view.erasable_calls(&key, &customer));
    let (sequence, calls) = shared.off_thread(shared.view(), look).await?;
    Ok(EraseCaller {
        customer: request.customer.as_str().into(),
        reason: request.reason.as_str().into(),
        calls: calls.into_iter().chain(found.map(erased)).collect(),
        look: Some(Look {
            caller: caller.clone(),
            sequence,
        }),
        newest_file,
        is_of_restore: false,
    })
}

/// Waits until every call of an erasure is masked, or for as long as a request may take.
async fn masked(shared: &Shared, id: u64) {
    let mut newest = shared.ledger.feed().newest();
    let is_masking = || {
        shared
            .view()
            .erasure(id)
            .is_some_and(|erasure| erasure.state == ErasureState::Masking)
    };
    let waiting = async { while is_masking() && newest.changed().await.is_ok() {} };
    // What is left is masked all the same: the answer says how far it is.
    let _ = tokio::time::timeout(ERASURE_WAIT_MAX, waiting).await;
}

pub(crate) fn find(view: &View, id: u64) -> Result<&Arc<Erasure>, Refusal> {
    let missing = || {
        refusal::not_found(
            Missing::Erasure,
            &id.to_string(),
            format!("there is no erasure {id}, or no longer"),
        )
    };
    view.erasure(id).ok_or_else(missing)
}

pub(crate) fn shown(shared: &Shared, view: &View, erasure: &Erasure) -> proto::Erasure {
    let state = match erasure.state {
        ErasureState::Masking => proto::ErasureState::Masking,
        ErasureState::Scrubbing => proto::ErasureState::Scrubbing,
        ErasureState::Done => proto::ErasureState::Done,
    };
    let instances = || erasure.calls.iter().flat_map(|call| call.instances.iter());
    let is_open = |id: &&aftercall_engine::instance::InstanceId| {
        view.instance(**id)
            .is_some_and(|instance| !instance.status.is_ended())
    };
    let call = |call: &ErasedCall| convert::call_ref(&call.key);
    proto::Erasure {
        id: erasure.id,
        state: state.into(),
        actor: Some(convert::actor(&erasure.actor)),
        reason: erasure.reason.to_string(),
        started_at: Some(convert::timestamp(erasure.started_at)),
        ended_at: erasure.ended_at.map(convert::timestamp),
        calls: erasure.calls.iter().map(call).collect(),
        instance_count: instances().count() as u64,
        open_count: instances().filter(is_open).count() as u64,
        more: erasure.more,
        out_of_reach: shared
            .out_of_reach
            .iter()
            .map(|&place| place.to_owned())
            .collect(),
    }
}
