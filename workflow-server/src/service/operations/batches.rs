//! Batches: one thing done to many instances, as ops ask for it. The runner does the items.

mod shown;

use std::collections::HashMap;
use std::sync::Arc;

use aftercall_definition::rules;
use aftercall_engine::Rejection;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::batch::{Batch, BatchChange, BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::StopBatch;
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::limits::{BATCH_ITEMS_MAX, BATCH_PER_SECOND_DEFAULT};
use aftercall_engine::query::{InstanceFilter, ShouldStop};
use aftercall_engine::recipient::Recipient;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;
use aftercall_serving::log_context::LogContext;
pub(crate) use shown::shown;
use shown::shown_at;

use crate::reading::Lane;
use crate::service::ask::{Answered, Asking, Faults, Prepared, filters, pages, requests};
use crate::service::say::refusal::Missing;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

pub(crate) async fn start(
    shared: &Shared,
    asked: Asked<proto::StartBatchRequest>,
) -> Result<proto::StartBatchResponse, Refusal> {
    let request = &asked.request;
    if request.dry_run {
        let (start, faults) = read(shared, request).await?;
        return dry_run(shared, start, actor(&asked), faults).await;
    }
    let asking = Asking::of_operations(&asked);
    let prepare = async {
        let (start, faults) = read(shared, request).await?;
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

/// The one who starts the batch.
fn actor(asked: &Asked<proto::StartBatchRequest>) -> Actor {
    Actor {
        kind: ActorKind::Operations,
        name: asked.actor().into(),
        subject: asked.owner(),
    }
}

async fn read(
    shared: &Shared,
    request: &proto::StartBatchRequest,
) -> Result<(StartBatch, Faults), Refusal> {
    let mut faults = Faults::default();
    let work = work(&shared.view(), request.work.as_ref(), &mut faults);
    let items = items_of(shared, request, &mut faults)?;
    let start = StartBatch {
        work,
        items: if faults.is_empty() {
            found(shared, items).await?
        } else {
            BatchItems::default()
        },
        reason: request.reason.as_str().into(),
        per_second: if request.per_second == 0 {
            BATCH_PER_SECOND_DEFAULT
        } else {
            request.per_second
        },
    };
    Ok((start, faults))
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

fn work(names: &Names, asked: Option<&proto::BatchWork>, faults: &mut Faults) -> BatchWork {
    use proto::batch_work::Kind;
    match asked.and_then(|asked| asked.kind.as_ref()) {
        Some(Kind::Move(asked)) => BatchWork::Move { stage: asked.stage },
        Some(Kind::Pause(asked)) => {
            let until = asked.until.map(requests::time);
            if until == Some(None) {
                faults.add("work.pause.until", "is not a moment");
            }
            BatchWork::Pause {
                until: until.flatten(),
            }
        }
        Some(Kind::Migrate(asked)) => BatchWork::Migrate {
            version: asked.to_version,
            stages: requests::stage_mappings(&asked.stages, faults),
        },
        Some(Kind::Resume(_)) => BatchWork::Resume,
        Some(Kind::Cancel(_)) => BatchWork::Cancel,
        Some(Kind::HandOver(asked)) => BatchWork::HandOver(recipient(names, asked, faults)),
        None => {
            faults.add(
                "work",
                "must be given: move, pause, resume, cancel, hand_over or migrate",
            );
            BatchWork::Resume
        }
    }
}

fn recipient(names: &Names, asked: &proto::HandOverWork, faults: &mut Faults) -> Recipient {
    if asked.release {
        if !asked.to_person.is_empty() || !asked.to_team.is_empty() {
            faults.add(
                "work.hand_over.release",
                "must not be given with a person or a team",
            );
        }
        return Recipient::Release;
    }
    match (asked.to_person.as_str(), asked.to_team.as_str()) {
        ("", name) if !name.is_empty() => {
            let team = names.teams().place(name).unwrap_or_else(|| {
                faults.add(
                    "work.hand_over.to_team",
                    format!("there is no team `{name}`"),
                );
                u32::MAX
            });
            Recipient::Team { team }
        }
        (name, to_team) => {
            if name.is_empty() == to_team.is_empty() {
                faults.add(
                    "work.hand_over.to_person",
                    "name a person or a team, one of the two, or give release",
                );
            }
            Recipient::Person {
                name: name.into(),
                lease_millis: requests::lease(asked.lease, faults),
            }
        }
    }
}

/// Which instances a request is about.
enum Wanted {
    Named(Vec<InstanceId>),
    Filtered(Box<InstanceFilter>),
}

/// Looks for the instances, off the ledger's thread.
async fn found(shared: &Shared, asked: Wanted) -> Result<BatchItems, Refusal> {
    let now = shared.ledger.now();
    match asked {
        Wanted::Named(ids) => {
            check_named(&shared.view(), &ids)?;
            Ok(BatchItems::named(ids))
        }
        Wanted::Filtered(filter) => {
            let walk = move |view: &View, should_stop: ShouldStop<'_>| {
                view.batch_items(*filter, now.max(view.at()), should_stop)
            };
            shared.walk(Lane::Heavy, shared.view(), walk).await
        }
    }
}

/// For a caller with a scope every instance that it names must be in it. A check before the start is
/// enough: a batch is about what its starter could see when it was started.
fn check_named(view: &View, ids: &[InstanceId]) -> Result<(), Refusal> {
    if view.reach().is_everything() {
        return Ok(());
    }
    match ids.iter().find(|id| view.instance(**id).is_none()) {
        Some(id) => Err(refusal::of_rejection(Rejection::NoSuchInstance(*id), view)),
        None => Ok(()),
    }
}

fn items_of(
    shared: &Shared,
    request: &proto::StartBatchRequest,
    faults: &mut Faults,
) -> Result<Wanted, Refusal> {
    let Some(filter) = &request.filter else {
        return Ok(Wanted::Named(named_ids(&request.instance_ids, faults)));
    };
    if !request.instance_ids.is_empty() {
        faults.add("filter", "name the instances or give a filter, not both");
    }
    if *filter == proto::InstanceFilter::default() {
        faults.add(
            "filter",
            "must narrow something down: an empty one means all that is open",
        );
    }
    use proto::batch_work::Kind;
    let kind = request.work.as_ref().and_then(|work| work.kind.as_ref());
    if matches!(kind, Some(Kind::Move(_) | Kind::Migrate(_))) && filter.workflows.len() != 1 {
        faults.add(
            "filter.workflows",
            "must name one workflow: the number of a stage or version means nothing in another",
        );
    }
    let view = shared.view();
    // What looks for a misspelt workflow finds nothing; what changes instances says so.
    for name in filter
        .workflows
        .iter()
        .filter(|name| view.workflows().named(name).is_none())
    {
        let hint = rules::suggestion(
            name,
            view.workflows().by_place().map(|workflow| &*workflow.name),
        );
        faults.add(
            "filter.workflows",
            format!("there is no workflow {}{hint}", rules::quoted(name)),
        );
    }
    let filter: InstanceFilter = filters::read(filter.clone(), shared.ledger.now())?;
    Ok(Wanted::Filtered(Box::new(filter)))
}

/// The ids that a request names; adds an error for each invalid one.
fn named_ids(texts: &[String], faults: &mut Faults) -> Vec<InstanceId> {
    if texts.is_empty() {
        faults.add("instance_ids", "name the instances, or give a filter");
    }
    if texts.len() > BATCH_ITEMS_MAX {
        let count = texts.len();
        let message = format!("has {count} values, at most {BATCH_ITEMS_MAX} are allowed");
        faults.add("instance_ids", message);
    }
    let mut ids = Vec::new();
    for (at, text) in texts.iter().take(BATCH_ITEMS_MAX).enumerate() {
        match text.parse::<InstanceId>() {
            Ok(id) => ids.push(id),
            Err(error) => faults.add(format!("instance_ids[{at}]"), error.to_string()),
        }
    }
    ids
}

pub(crate) async fn stop(
    shared: &Shared,
    asked: Asked<proto::StopBatchRequest>,
) -> Result<proto::StopBatchResponse, Refusal> {
    let request = &asked.request;
    let asking = Asking::of_operations(&asked);
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
