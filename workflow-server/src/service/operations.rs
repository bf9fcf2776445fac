//! For ops: hidden and ended instances are seen here too.

mod backups;
pub(super) mod batches;
mod cluster;
mod erasures;
mod history;
pub(super) mod reports;
pub(crate) mod retention;
pub(super) mod stuck;
mod upkeep;

use std::sync::Arc;

use aftercall_definition::time::{Time, WallClock};
use aftercall_engine::command::{CancelInstance, MigrateInstance, MoveInstance};
use aftercall_engine::query::{GroupBy, ShouldStop};
use aftercall_identity::Act;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::operations_service_server::OperationsService;
use aftercall_serving::asked::Asked;
use prost::Message;

use crate::limits::GROUPS_MAX;
use crate::process;
use crate::reading::Lane;
use crate::service::acts;
use crate::service::archived;
use crate::service::ask::{Asking, Faults, filters, pages, requests};
use crate::service::rpcs::rpcs;
use crate::service::say::explain::{Clock, explain};
use crate::service::say::{Refusal, convert, follow_up};
use crate::service::shared::{Services, Shared};
use crate::service::view::View;

/// The service.
pub struct Operations(pub Arc<Services>);

rpcs! {
    OperationsService for Operations [ReportStream = reports::Responses, BackupStream = backups::Responses] {
        get_instance(proto::GetInstanceRequest) -> proto::GetInstanceResponse = get_instance;
        list_instances(proto::ListInstancesRequest) -> Ready<proto::ListInstancesResponse> = list_instances;
        count_instances(proto::CountInstancesRequest) -> Ready<proto::CountInstancesResponse> = count_instances;
        list_history(proto::ListHistoryRequest) -> Ready<proto::ListHistoryResponse> = list_history;
        explain_instance(proto::ExplainInstanceRequest) -> proto::ExplainInstanceResponse = explain_instance;
        cancel_instance(proto::CancelInstanceRequest) -> proto::CancelInstanceResponse = cancel_instance;
        migrate_instance(proto::MigrateInstanceRequest) -> proto::MigrateInstanceResponse = migrate_instance;
        move_instance(proto::MoveInstanceRequest) -> proto::MoveInstanceResponse = move_instance;
        start_batch(proto::StartBatchRequest) -> proto::StartBatchResponse = batches::start;
        get_batch(proto::GetBatchRequest) -> proto::GetBatchResponse = get_batch;
        list_batches(proto::ListBatchesRequest) -> proto::ListBatchesResponse = list_batches;
        list_batch_items(proto::ListBatchItemsRequest) -> Ready<proto::ListBatchItemsResponse> = batches::items;
        stop_batch(proto::StopBatchRequest) -> proto::StopBatchResponse = batches::stop;
        report(proto::ReportRequest) -> Self::ReportStream = reports::report;
        backup(proto::BackupRequest) -> Self::BackupStream = backups::backup;
        list_overdue_timers(proto::ListOverdueTimersRequest) -> Ready<proto::ListOverdueTimersResponse> = stuck::overdue_timers;
        list_stuck_instances(proto::ListStuckInstancesRequest) -> Ready<proto::ListStuckInstancesResponse> = stuck::stuck;
        get_server_info(proto::GetServerInfoRequest) -> proto::GetServerInfoResponse = get_server_info;
        step_down(proto::StepDownRequest) -> proto::StepDownResponse = cluster::step_down;
        erase_caller(proto::EraseCallerRequest) -> proto::EraseCallerResponse = erasures::erase;
        get_erasure(proto::GetErasureRequest) -> proto::GetErasureResponse = get_erasure;
        list_erasures(proto::ListErasuresRequest) -> proto::ListErasuresResponse = list_erasures;
        accept_clock(proto::AcceptClockRequest) -> proto::AcceptClockResponse = upkeep::accept_clock;
        confirm_purge(proto::ConfirmPurgeRequest) -> proto::ConfirmPurgeResponse = upkeep::confirm_purge;
        confirm_retention(proto::ConfirmRetentionRequest) -> proto::ConfirmRetentionResponse = retention::confirm;
    }
}

pub(super) async fn get_instance(
    shared: &Shared,
    asked: Asked<proto::GetInstanceRequest>,
) -> Result<proto::GetInstanceResponse, Refusal> {
    let id = &asked.request.instance_id;
    let mask = requests::read_mask_of_one(id, asked.request.read_mask.as_ref())?;
    let found = archived::anywhere(shared, id).await?;
    Ok(proto::GetInstanceResponse {
        instance: Some(found.shown(&mask)),
    })
}

pub(super) async fn list_instances(
    shared: &Shared,
    asked: Asked<proto::ListInstancesRequest>,
) -> Result<Ready<proto::ListInstancesResponse>, Refusal> {
    let request = asked.request;
    let asked = request.filter.unwrap_or_default();
    let list = [b"instances ".to_vec(), asked.encode_to_vec()].concat();
    let mut faults = Faults::default();
    let mask = requests::read_mask(request.read_mask.as_ref(), &mut faults);
    // The time of the first page decides on all pages what is overdue and how old it is.
    if asked.archived {
        let now = pages::read::<4>(shared, &list, &request.page_token)?
            .map_or_else(|| shared.ledger.now(), |[.., as_of]| Time(as_of as i64));
        let filter = proto::InstanceFilter {
            archived: false,
            ..asked
        };
        let filter = filters::read_with(filter, now, faults)?;
        let page = move |shared: Shared| async move {
            let page = (request.page_size, request.page_token.as_str());
            archived::list(&shared, &filter, &list, page, now, &mask).await
        };
        return shared.answer_from_files(Lane::Heavy, page).await;
    }
    let token = pages::read::<2>(shared, &list, &request.page_token)?;
    let now = token.map_or_else(|| shared.ledger.now(), |[_, as_of]| Time(as_of as i64));
    let filter = filters::read_with(asked, now, faults)?;
    let after = token.map(|[slot, _]| slot as u32);
    let (of_list, rows) = (shared.clone(), pages::rows(request.page_size));
    let page = move |view: &View, should_stop: ShouldStop<'_>| {
        let page = view.list_instances(filter, now, (after, rows), should_stop)?;
        let instances = page
            .instances
            .iter()
            .map(|instance| follow_up::follow_up(view, instance, &mask));
        let instances = pages::fitting(instances);
        let next = pages::next_after(&page.instances, instances.len(), page.next, |last| {
            last.id.slot
        });
        let token = |slot| pages::token(&of_list, &list, &[u64::from(slot), now.0 as u64]);
        let next_page_token = next.map_or_else(String::new, token);
        Ok(proto::ListInstancesResponse {
            instances,
            next_page_token,
        })
    };
    shared.answer(Lane::Heavy, shared.view(), page).await
}

pub(super) async fn count_instances(
    shared: &Shared,
    asked: Asked<proto::CountInstancesRequest>,
) -> Result<Ready<proto::CountInstancesResponse>, Refusal> {
    let request = asked.request;
    let mut faults = Faults::default();
    faults.check_enum::<proto::GroupBy>("group_by", request.group_by);
    faults.check()?;
    let by = match request.group_by() {
        proto::GroupBy::Unspecified => GroupBy::All,
        proto::GroupBy::Workflow => GroupBy::Workflow,
        proto::GroupBy::Version => GroupBy::Version,
        proto::GroupBy::Stage => GroupBy::Stage,
        proto::GroupBy::Status => GroupBy::Status,
        proto::GroupBy::Team => GroupBy::Team,
        proto::GroupBy::Customer => GroupBy::Customer,
        proto::GroupBy::Holder => GroupBy::Holder,
        proto::GroupBy::Priority => GroupBy::Priority,
        proto::GroupBy::Age => GroupBy::Age,
        proto::GroupBy::Due => GroupBy::Due,
        proto::GroupBy::Hidden => GroupBy::Hidden,
    };
    let now = shared.ledger.now();
    let filter = filters::read(request.filter.unwrap_or_default(), now)?;
    let view = shared.view();
    let filter = view.instances_within(filter);
    let archived = archived::count(&view, &filter);
    let counted = move |view: &View, should_stop: ShouldStop<'_>| {
        let (groups, total) = view.count_instances(filter, by, now, should_stop)?;
        let counts = groups
            .into_iter()
            .take(GROUPS_MAX)
            .map(|group| proto::InstanceCount {
                group: group.name,
                count: group.count,
                overdue: group.overdue,
                hidden: group.hidden,
                oldest_started_at: group.oldest_started_at.map(convert::timestamp),
            });
        Ok(proto::CountInstancesResponse {
            counts: counts.collect(),
            total,
            archived,
        })
    };
    shared.answer(Lane::Heavy, view, counted).await
}

pub(super) async fn list_history(
    shared: &Shared,
    asked: Asked<proto::ListHistoryRequest>,
) -> Result<Ready<proto::ListHistoryResponse>, Refusal> {
    let sees_hidden = acts::may(Act::ReadHidden, &asked.caller);
    let request = asked.request;
    let list = [
        b"history ".to_vec(),
        request.instance_id.clone().into_bytes(),
        call_bytes(&request),
    ]
    .concat();
    let after = pages::read::<1>(shared, &list, &request.page_token)?.map_or(0, |[after]| after);
    let page = move |shared: Shared| async move {
        let past = history::Past::find(&shared, &request, sees_hidden).await?;
        let (items, last) = past
            .page(&shared, after, pages::rows(request.page_size))
            .await?;
        let next_page_token = last
            .map(|last| pages::token(&shared, &list, &[last]))
            .unwrap_or_default();
        Ok(proto::ListHistoryResponse {
            items,
            next_page_token,
        })
    };
    shared.answer_from_files(Lane::Heavy, page).await
}

pub(super) async fn explain_instance(
    shared: &Shared,
    asked: Asked<proto::ExplainInstanceRequest>,
) -> Result<proto::ExplainInstanceResponse, Refusal> {
    let id = &asked.request.instance_id;
    let mask = requests::read_mask_of_one(id, asked.request.read_mask.as_ref())?;
    let sees_hidden = acts::may(Act::ReadHidden, &asked.caller);
    let found = archived::anywhere_for(shared, id, sees_hidden).await?;
    let clock_held = shared.ledger.health().is_clock_held();
    let zone = found.view.zone_of((found.call(), &found.instance), None);
    let clock = Clock {
        now: shared.ledger.now(),
        wall: WallClock::named(zone),
    };
    let mut sentences = explain(&found.view, &found.instance, &clock, clock_held);
    if found.is_archived() {
        sentences.push(
            "It is in the archive, and is kept until its workflow's retention has passed."
                .to_owned(),
        );
    }
    Ok(proto::ExplainInstanceResponse {
        sentences,
        instance: Some(found.shown(&mask)),
    })
}

pub(super) async fn cancel_instance(
    shared: &Shared,
    asked: Asked<proto::CancelInstanceRequest>,
) -> Result<proto::CancelInstanceResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let command = CancelInstance {
        instance: requests::instance_id(&request.instance_id, &mut faults),
        reason: request.reason.as_str().into(),
        expected: request.expected_revision,
    };
    let asking = Asking::of_operations(&asked).with_errors(faults);
    let answered = shared.execute(asking, command).await?;
    let instance = Some(answered.follow_up()?);
    Ok(proto::CancelInstanceResponse {
        instance,
        sequence: answered.sequence,
    })
}

pub(super) async fn migrate_instance(
    shared: &Shared,
    asked: Asked<proto::MigrateInstanceRequest>,
) -> Result<proto::MigrateInstanceResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let command = MigrateInstance {
        instance: requests::instance_id(&request.instance_id, &mut faults),
        version: request.to_version,
        stages: requests::stage_mappings(&request.stages, &mut faults),
        reason: request.reason.as_str().into(),
        expected: request.expected_revision,
    };
    let asking = Asking::of_operations(&asked).with_errors(faults);
    let answered = shared.execute(asking, command).await?;
    Ok(proto::MigrateInstanceResponse {
        instance: Some(answered.follow_up()?),
        entered_stages: answered.entered_stages()?,
        sequence: answered.sequence,
    })
}

pub(super) async fn move_instance(
    shared: &Shared,
    asked: Asked<proto::MoveInstanceRequest>,
) -> Result<proto::MoveInstanceResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let command = MoveInstance {
        instance: requests::instance_id(&request.instance_id, &mut faults),
        stage: request.stage,
        reason: request.reason.as_str().into(),
        expected: request.expected_revision,
    };
    let asking = Asking::of_operations(&asked).with_errors(faults);
    let answered = shared.execute(asking, command).await?;
    Ok(proto::MoveInstanceResponse {
        instance: Some(answered.follow_up()?),
        entered_stages: answered.entered_stages()?,
        sequence: answered.sequence,
    })
}

pub(super) async fn get_batch(
    shared: &Shared,
    asked: Asked<proto::GetBatchRequest>,
) -> Result<proto::GetBatchResponse, Refusal> {
    let view = shared.view();
    let batch = Some(batches::shown(
        &view,
        batches::find(&view, asked.request.batch_id)?,
    ));
    Ok(proto::GetBatchResponse { batch })
}

pub(super) async fn list_batches(
    shared: &Shared,
    _: Asked<proto::ListBatchesRequest>,
) -> Result<proto::ListBatchesResponse, Refusal> {
    let view = shared.view();
    let batches = view.batches().rev();
    let batches = batches.map(|batch| batches::shown(&view, batch)).collect();
    Ok(proto::ListBatchesResponse { batches })
}

pub(super) async fn get_server_info(
    shared: &Shared,
    _: Asked<proto::GetServerInfoRequest>,
) -> Result<proto::GetServerInfoResponse, Refusal> {
    let view = shared.view();
    let (counters, is_whole) = (view.counters(), view.reach().is_everything());
    let health = shared.ledger.health();
    let usage = process::usage();
    let (role, cluster) = cluster::shown(shared);
    Ok(proto::GetServerInfoResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: shared.epoch.to_string(),
        sequence: view.sequence(),
        oldest_feed_sequence: shared.ledger.feed().oldest(),
        open_instances: counters.open(),
        ended_instances: counters.ended(),
        timers: counters.timers(),
        failure: health
            .failure()
            .map_or_else(String::new, ToString::to_string),
        clock_held: health.is_clock_held(),
        conditions: health.all().map(upkeep::condition).collect(),
        purge_waiting: if is_whole {
            shared.ledger.purge_waiting()
        } else {
            0
        },
        purge_confirmed: view.purge_confirmed().map(upkeep::purge_confirmed),
        server_time: Some(convert::timestamp(shared.ledger.now())),
        data_dir: shared.location.to_string(),
        start_duration: Some(convert::duration(shared.start_duration)),
        cpu_time: Some(convert::duration(usage.cpu_time)),
        resident_bytes: usage.resident_bytes,
        archived_instances: view.archived_instances(),
        country: shared.desk.country.to_string(),
        role: role.into(),
        cluster,
    })
}

pub(super) async fn get_erasure(
    shared: &Shared,
    asked: Asked<proto::GetErasureRequest>,
) -> Result<proto::GetErasureResponse, Refusal> {
    let view = shared.view();
    let erasure = Some(erasures::shown(
        shared,
        &view,
        erasures::find(&view, asked.request.erasure_id)?,
    ));
    Ok(proto::GetErasureResponse { erasure })
}

pub(super) async fn list_erasures(
    shared: &Shared,
    _: Asked<proto::ListErasuresRequest>,
) -> Result<proto::ListErasuresResponse, Refusal> {
    let view = shared.view();
    let erasures = view.erasures().rev();
    let erasures = erasures
        .map(|erasure| erasures::shown(shared, &view, erasure))
        .collect();
    Ok(proto::ListErasuresResponse { erasures })
}

fn call_bytes(request: &proto::ListHistoryRequest) -> Vec<u8> {
    request
        .call
        .as_ref()
        .map_or_else(Vec::new, Message::encode_to_vec)
}
