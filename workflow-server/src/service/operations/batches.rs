//! Batches: one thing done to many instances, as ops ask for it. The runner does the items.

mod asked;
mod shown;

use std::collections::HashMap;
use std::sync::Arc;

use aftercall_engine::Rejection;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::batch::{Batch, BatchChange, StartBatch};
use aftercall_engine::command::StopBatch;
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::query::ShouldStop;
use aftercall_identity::Act;
use aftercall_proto::attributed::Attributed;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::{Asked, Caller};
use aftercall_serving::log_context::LogContext;
use prost::{Message, Name};
pub(crate) use shown::shown;
use shown::shown_at;

use crate::reading::Lane;
use crate::service::acts;
use crate::service::ask::{Answered, Asking, Faults, Prepared, pages};
use crate::service::say::refusal::Missing;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::View;

pub(crate) async fn start(
    shared: &Shared,
    asked: Asked<proto::StartBatchRequest>,
) -> Result<proto::StartBatchResponse, Refusal> {
    let request = &asked.request;
    if request.dry_run {
        let (start, faults) = asked::read(shared, request, &actor(&asked)).await?;
        return dry_run(shared, start, actor(&asked), faults).await;
    }
    let asking = asking(&asked, actor(&asked).kind);
    let prepare = async {
        let (start, faults) = asked::read(shared, request, &actor(&asked)).await?;
        if is_strict(request) && faults.is_empty() {
            check_all(shared, &start, actor(&asked)).await?;
        }
        Ok(Prepared::new(start, faults))
    };
    let answered = shared.execute_new(asking, prepare).await?;
    shared.job_started.notify_one();
    let batch = started(&answered)?;
    LogContext::note_made("batch", &batch.id.to_string());
    Ok(proto::StartBatchResponse {
        batch: Some(shown(&answered.view, batch)),
        items: Vec::new(),
        matched: batch.matched,
        sequence: answered.sequence,
    })
}

/// The batch as it was when it was started: it may have been forgotten since.
fn started(answered: &Answered) -> Result<&Arc<Batch>, Refusal> {
    match answered
        .entry
        .as_ref()
        .and_then(|entry| entry.batch.as_ref())
    {
        Some(BatchChange::Started(batch)) => Ok(batch),
        _ => find(&answered.view, answered.sequence),
    }
}

/// A request of a person at a Call Manager, or of operations.
fn asking<T: Attributed + Message + Name>(asked: &Asked<T>, kind: ActorKind) -> Asking {
    match kind {
        ActorKind::Person => Asking::of_person(asked),
        _ => Asking::of_operations(asked),
    }
}

/// The one who starts the batch. Who may not lead does what people do one by one, by the same rules.
fn actor(asked: &Asked<proto::StartBatchRequest>) -> Actor {
    use proto::batch_work::Kind;
    let work = asked.request.work.as_ref();
    let is_desk_work = matches!(
        work.and_then(|work| work.kind.as_ref()),
        Some(Kind::Push(_) | Kind::Snooze(_) | Kind::Claim(_))
    );
    Actor {
        kind: if is_desk_work {
            ActorKind::Person
        } else {
            leading(&asked.caller)
        },
        name: asked.actor().into(),
        subject: asked.owner(),
    }
}

/// As what somebody works who may lead, or may not.
fn leading(caller: &Caller) -> ActorKind {
    if acts::may(Act::LeadBatch, caller) {
        ActorKind::Operations
    } else {
        ActorKind::Person
    }
}

/// Whether all items must be possible before any is begun.
fn is_strict(request: &proto::StartBatchRequest) -> bool {
    use proto::batch_work::Kind;
    let kind = request.work.as_ref().and_then(|work| work.kind.as_ref());
    matches!(kind, Some(Kind::Migrate(asked)) if !asked.allow_refused)
}

/// Tries all items as they stand, and refuses the batch where one would be refused.
async fn check_all(shared: &Shared, start: &StartBatch, actor: Actor) -> Result<(), Refusal> {
    let (start, now) = (start.clone(), shared.ledger.now());
    let refused = shared.walk(Lane::Heavy, shared.view(), move |view, should_stop| {
        let refused =
            |id: InstanceId, tried: Result<&Instance, Rejection>| Some((id, tried.err()?.reason()));
        let tried = view.try_batch(&start, (&actor, now), refused, should_stop)?;
        Ok(tried.into_iter().flatten().collect::<Vec<_>>())
    });
    let refused = refused.await?;
    match refused.first() {
        None => Ok(()),
        Some((id, reason)) => Err(refusal::migration_refused(
            refused.len(),
            &id.to_string(),
            reason,
        )),
    }
}

async fn dry_run(
    shared: &Shared,
    start: StartBatch,
    actor: Actor,
    faults: Faults,
) -> Result<proto::StartBatchResponse, Refusal> {
    let command = start.clone();
    let request = aftercall_engine::Request {
        actor: actor.clone(),
        mark: None,
        salt: 0,
        known: None,
        acts_for: None,
        reach: aftercall_engine::Reach::EVERYTHING,
        command: command.into(),
    };
    let faults = faults.with(aftercall_engine::request_errors(&request));
    if !faults.is_empty() {
        return Err(refusal::invalid(faults));
    }
    let (view, now) = (shared.view(), shared.ledger.now());
    let sequence = view.sequence();
    let matched = start.items.matched;
    let tried = shared.walk(Lane::Heavy, view, move |view, should_stop| {
        let item = |id: InstanceId, tried: Result<&Instance, Rejection>| match tried {
            Err(rejection) => proto::BatchItem {
                detail: rejection.full_message(),
                ..item(id, Some(rejection.reason()))
            },
            Ok(instance) => proto::BatchItem {
                would_be_in: convert::stage_of(view, instance, instance.stage),
                would_be: convert::status(instance.status).into(),
                ..item(id, None)
            },
        };
        view.try_batch(&start, (&actor, now), item, should_stop)
    });
    let items = tried.await?;
    Ok(proto::StartBatchResponse {
        batch: None,
        items,
        matched,
        sequence,
    })
}

/// An item that was done, or refused with this reason.
fn item(id: InstanceId, refused: Option<&str>) -> proto::BatchItem {
    let state = if refused.is_some() {
        proto::BatchItemState::Refused
    } else {
        proto::BatchItemState::Done
    };
    let reason = refused.unwrap_or_default().to_owned();
    proto::BatchItem {
        instance_id: id.to_string(),
        state: state.into(),
        reason,
        ..Default::default()
    }
}

pub(crate) async fn stop(
    shared: &Shared,
    asked: Asked<proto::StopBatchRequest>,
) -> Result<proto::StopBatchResponse, Refusal> {
    let request = &asked.request;
    let asking = asking(&asked, leading(&asked.caller));
    let view = shared.view();
    if view.unlimited().batch(request.batch_id).is_some() {
        find(&view, request.batch_id)?;
    }
    let command = StopBatch {
        batch: request.batch_id,
        reason: request.reason.as_str().into(),
    };
    let answered = shared.execute(asking, command).await?;
    let batch = match answered.answer {
        Answer::BatchStopped(progress) => {
            let batch = known(shared, &answered.view, request.batch_id).await?;
            shown_at(&answered.view, &batch, progress)
        }
        // The entry of an older server does not say how far it had come.
        _ => shown(&answered.view, find(&answered.view, request.batch_id)?),
    };
    Ok(proto::StopBatchResponse {
        batch: Some(batch),
        sequence: answered.sequence,
    })
}

/// A batch in memory; or, where it is forgotten, as it was started.
async fn known(shared: &Shared, view: &View, id: u64) -> Result<Arc<Batch>, Refusal> {
    if let Some(batch) = view.batch(id) {
        return Ok(batch.clone());
    }
    let entry = shared
        .ledger
        .history()
        .entry(id)
        .await
        .map_err(|error| refusal::of_history(&error))?;
    match &entry.batch {
        Some(BatchChange::Started(batch)) => Ok(batch.clone()),
        _ => Err(refusal::answer_gone()),
    }
}

pub(crate) async fn items(
    shared: &Shared,
    asked: Asked<proto::ListBatchItemsRequest>,
) -> Result<Ready<proto::ListBatchItemsResponse>, Refusal> {
    let request = asked.request;
    let view = shared.view();
    let batch = find(&view, request.batch_id)?.clone();
    let list = format!("batch {} {}", request.batch_id, request.refused_only).into_bytes();
    let first =
        pages::read::<1>(shared, &list, &request.page_token)?.map_or(0, |[next]| next as usize);
    let rows = pages::rows(request.page_size);
    let by = shared.clone();
    let page = move |_: &View, _: ShouldStop<'_>| {
        let refused = batch
            .refused
            .iter()
            .map(|refused| (refused.item, &*refused.reason));
        let refused: HashMap<u32, &str> = refused.collect();
        let of = |(at, id): (usize, &InstanceId)| {
            let at_item = at as u32;
            let mut shown = item(*id, refused.get(&at_item).copied());
            if at_item >= batch.next {
                shown.state = proto::BatchItemState::Pending.into();
            }
            (at, shown)
        };
        let is_wanted = |(_, item): &(usize, proto::BatchItem)| {
            !request.refused_only || item.state() == proto::BatchItemState::Refused
        };
        let mut rest = batch
            .items
            .iter()
            .enumerate()
            .skip(first)
            .map(of)
            .filter(is_wanted);
        let items: Vec<proto::BatchItem> = rest.by_ref().take(rows).map(|(_, item)| item).collect();
        let next_page_token = rest.next().map_or_else(String::new, |(at, _)| {
            pages::token(&by, &list, &[at as u64])
        });
        Ok(proto::ListBatchItemsResponse {
            items,
            next_page_token,
        })
    };
    shared.answer(Lane::Heavy, view, page).await
}

pub(crate) fn find(view: &View, id: u64) -> Result<&Arc<Batch>, Refusal> {
    let missing = || {
        refusal::not_found(
            Missing::Batch,
            &id.to_string(),
            format!("there is no batch {id}, or no longer"),
        )
    };
    view.batch(id).ok_or_else(missing)
}
