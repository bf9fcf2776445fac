//! For ops: hidden and ended instances are seen here too.

use aftercall_engine::Root;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{CancelInstance, MigrateInstance, MoveInstance};
use aftercall_engine::query::{GroupBy, ShouldStop, count_instances, list_instances, zone_of};
use aftercall_engine::time::{Time, WallClock};
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::operations_service_server::OperationsService;
use prost::Message;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::explain::{Clock, explain};
use super::requests::{self, Faults};
use super::{
    Asking, Shared, archived, backups, batches, convert, erasures, follow_up, history, instance_filter, pages, reports,
    retention, stuck, upkeep,
};
use crate::limits::GROUPS_MAX;
use crate::process;
use crate::reading::Lane;

/// The service.
pub struct Operations(pub Shared);

#[tonic::async_trait]
impl OperationsService for Operations {
    async fn get_instance(
        &self,
        request: Request<proto::GetInstanceRequest>,
    ) -> Result<Response<proto::GetInstanceResponse>, Status> {
        let found = archived::anywhere(&self.0, &request.into_inner().instance_id).await?;
        Ok(Response::new(proto::GetInstanceResponse { instance: Some(found.shown()) }))
    }

    async fn list_instances(
        &self,
        request: Request<proto::ListInstancesRequest>,
    ) -> Result<Response<Ready<proto::ListInstancesResponse>>, Status> {
        let request = request.into_inner();
        let asked = request.filter.unwrap_or_default();
        let list = [b"instances ".to_vec(), asked.encode_to_vec()].concat();
        // All pages tell by the time of the first what is overdue and how old it is.
        if asked.archived {
            let now = pages::read::<4>(&self.0, &list, &request.page_token)?
                .map_or_else(|| self.0.ledger.now(), |[.., as_of]| Time(as_of as i64));
            let filter = instance_filter::read(proto::InstanceFilter { archived: false, ..asked }, now)?;
            let page = move |shared: Shared| async move {
                let page = (request.page_size, request.page_token.as_str());
                archived::list(&shared, &filter, &list, page, now).await
            };
            return self.0.answer_from_files(Lane::Heavy, page).await;
        }
        let token = pages::read::<2>(&self.0, &list, &request.page_token)?;
        let now = token.map_or_else(|| self.0.ledger.now(), |[_, as_of]| Time(as_of as i64));
        let filter = instance_filter::read(asked, now)?;
        let after = token.map(|[slot, _]| slot as u32);
        let (shared, rows) = (self.0.clone(), pages::rows(request.page_size));
        let page = move |root: &Root, should_stop: ShouldStop<'_>| {
            let page = list_instances(root, &filter, now, (after, rows), should_stop)?;
            let instances = page.instances.iter().map(|instance| follow_up::follow_up(root, instance));
            let instances = pages::fitting(instances);
            let next = pages::next_after(&page.instances, instances.len(), page.next, |last| last.id.slot);
            let token = |slot| pages::token(&shared, &list, &[u64::from(slot), now.0 as u64]);
            let next_page_token = next.map_or_else(String::new, token);
            Ok(proto::ListInstancesResponse { instances, next_page_token })
        };
        self.0.answer(Lane::Heavy, self.0.root(), page).await
    }

    async fn count_instances(
        &self,
        request: Request<proto::CountInstancesRequest>,
    ) -> Result<Response<Ready<proto::CountInstancesResponse>>, Status> {
        let request = request.into_inner();
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
        let now = self.0.ledger.now();
        let filter = instance_filter::read(request.filter.unwrap_or_default(), now)?;
        let root = self.0.root();
        let archived = archived::count(&root, &filter);
        let counted = move |root: &Root, should_stop: ShouldStop<'_>| {
            let (groups, total) = count_instances(root, &filter, by, now, should_stop)?;
            let counts = groups.into_iter().take(GROUPS_MAX).map(|group| proto::InstanceCount {
                group: group.name,
                count: group.count,
                overdue: group.overdue,
                hidden: group.hidden,
                oldest_started_at: group.oldest_started_at.map(convert::timestamp),
            });
            Ok(proto::CountInstancesResponse { counts: counts.collect(), total, archived })
        };
        self.0.answer(Lane::Heavy, root, counted).await
    }

    async fn list_history(
        &self,
        request: Request<proto::ListHistoryRequest>,
    ) -> Result<Response<Ready<proto::ListHistoryResponse>>, Status> {
        let request = request.into_inner();
        let list = [b"history ".to_vec(), request.instance_id.clone().into_bytes(), call_bytes(&request)].concat();
        let after = pages::read::<1>(&self.0, &list, &request.page_token)?.map_or(0, |[after]| after);
        let page = move |shared: Shared| async move {
            let past = history::Past::find(&shared, &request).await?;
            let (items, last) = past.page(&shared, after, pages::rows(request.page_size)).await?;
            let next_page_token = last.map(|last| pages::token(&shared, &list, &[last])).unwrap_or_default();
            Ok(proto::ListHistoryResponse { items, next_page_token })
        };
        self.0.answer_from_files(Lane::Heavy, page).await
    }

    async fn explain_instance(
        &self,
        request: Request<proto::ExplainInstanceRequest>,
    ) -> Result<Response<proto::ExplainInstanceResponse>, Status> {
        let found = archived::anywhere(&self.0, &request.into_inner().instance_id).await?;
        let clock_held = self.0.ledger.health().is_clock_held();
        let zone = zone_of(&found.root, (found.call(), &found.instance), None);
        let clock = Clock { now: self.0.ledger.now(), wall: WallClock::named(zone) };
        let mut sentences = explain(&found.root, &found.instance, &clock, clock_held);
        if found.is_archived() {
            sentences.push("It is in the archive, and is kept until its workflow's retention has passed.".to_owned());
        }
        Ok(Response::new(proto::ExplainInstanceResponse { sentences, instance: Some(found.shown()) }))
    }

    async fn cancel_instance(
        &self,
        request: Request<proto::CancelInstanceRequest>,
    ) -> Result<Response<proto::CancelInstanceResponse>, Status> {
        let request = request.into_inner();
        let mut faults = Faults::default();
        let command = CancelInstance {
            instance: requests::instance_id(&request.instance_id, &mut faults),
            reason: request.reason.as_str().into(),
            expected: request.expected_revision,
        };
        let from = (request.actor.as_str(), request.request_id.as_str());
        let asking =
            Asking::new("CancelInstance", ActorKind::Operations, from, request.encode_to_vec()).at_fault(faults);
        let answered = self.0.execute(asking, command).await?;
        let instance = Some(answered.follow_up()?);
        Ok(Response::new(proto::CancelInstanceResponse { instance, sequence: answered.sequence }))
    }

    async fn migrate_instance(
        &self,
        request: Request<proto::MigrateInstanceRequest>,
    ) -> Result<Response<proto::MigrateInstanceResponse>, Status> {
        let request = request.into_inner();
        let mut faults = Faults::default();
        let asked = MigrateInstance {
            instance: requests::instance_id(&request.instance_id, &mut faults),
            version: request.to_version,
            stages: requests::stage_mappings(&request.stages, &mut faults),
            reason: request.reason.as_str().into(),
            expected: request.expected_revision,
        };
        let command = asked;
        let from = (request.actor.as_str(), request.request_id.as_str());
        let bytes = request.encode_to_vec();
        let asking = Asking::new("MigrateInstance", ActorKind::Operations, from, bytes).at_fault(faults);
        let answered = self.0.execute(asking, command).await?;
        Ok(Response::new(proto::MigrateInstanceResponse {
            instance: Some(answered.follow_up()?),
            entered_stages: answered.entered_stages()?,
            sequence: answered.sequence,
        }))
    }

    async fn move_instance(
        &self,
        request: Request<proto::MoveInstanceRequest>,
    ) -> Result<Response<proto::MoveInstanceResponse>, Status> {
        let request = request.into_inner();
        let mut faults = Faults::default();
        let command = MoveInstance {
            instance: requests::instance_id(&request.instance_id, &mut faults),
            stage: request.stage,
            reason: request.reason.as_str().into(),
            expected: request.expected_revision,
        };
        let from = (request.actor.as_str(), request.request_id.as_str());
        let asking = Asking::new("MoveInstance", ActorKind::Operations, from, request.encode_to_vec()).at_fault(faults);
        let answered = self.0.execute(asking, command).await?;
        Ok(Response::new(proto::MoveInstanceResponse {
            instance: Some(answered.follow_up()?),
            entered_stages: answered.entered_stages()?,
            sequence: answered.sequence,
        }))
    }

    async fn start_batch(
        &self,
        request: Request<proto::StartBatchRequest>,
    ) -> Result<Response<proto::StartBatchResponse>, Status> {
        batches::start(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn get_batch(
        &self,
        request: Request<proto::GetBatchRequest>,
    ) -> Result<Response<proto::GetBatchResponse>, Status> {
        let root = self.0.root();
        let batch = Some(batches::shown(&root, batches::find(&root, request.into_inner().batch_id)?));
        Ok(Response::new(proto::GetBatchResponse { batch }))
    }

    async fn list_batches(
        &self,
        _: Request<proto::ListBatchesRequest>,
    ) -> Result<Response<proto::ListBatchesResponse>, Status> {
        let root = self.0.root();
        let batches = root.batches.values().rev().map(|batch| batches::shown(&root, batch)).collect();
        Ok(Response::new(proto::ListBatchesResponse { batches }))
    }

    async fn list_batch_items(
        &self,
        request: Request<proto::ListBatchItemsRequest>,
    ) -> Result<Response<Ready<proto::ListBatchItemsResponse>>, Status> {
        batches::items(&self.0, request.into_inner()).await
    }

    async fn stop_batch(
        &self,
        request: Request<proto::StopBatchRequest>,
    ) -> Result<Response<proto::StopBatchResponse>, Status> {
        batches::stop(&self.0, request.into_inner()).await.map(Response::new)
    }

    type ReportStream = ReceiverStream<Result<proto::ReportResponse, Status>>;

    async fn report(&self, request: Request<proto::ReportRequest>) -> Result<Response<Self::ReportStream>, Status> {
        reports::report(&self.0, &request.into_inner()).map(ReceiverStream::new).map(Response::new)
    }

    type BackupStream = ReceiverStream<Result<proto::BackupResponse, Status>>;

    async fn backup(&self, request: Request<proto::BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        backups::backup(&self.0, request.into_inner()).map(ReceiverStream::new).map(Response::new)
    }

    async fn list_overdue_timers(
        &self,
        request: Request<proto::ListOverdueTimersRequest>,
    ) -> Result<Response<Ready<proto::ListOverdueTimersResponse>>, Status> {
        stuck::overdue_timers(&self.0, request.into_inner()).await
    }

    async fn list_stuck_instances(
        &self,
        request: Request<proto::ListStuckInstancesRequest>,
    ) -> Result<Response<Ready<proto::ListStuckInstancesResponse>>, Status> {
        stuck::stuck(&self.0, request.into_inner()).await
    }

    async fn get_server_info(
        &self,
        _: Request<proto::GetServerInfoRequest>,
    ) -> Result<Response<proto::GetServerInfoResponse>, Status> {
        let root = self.0.root();
        let health = self.0.ledger.health();
        let usage = process::usage();
        Ok(Response::new(proto::GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.0.epoch.to_string(),
            sequence: root.sequence,
            oldest_feed_sequence: self.0.ledger.feed().oldest(),
            open_instances: root.counters.open(),
            ended_instances: root.counters.ended(),
            timers: root.counters.timers(),
            failure: health.failure().map_or_else(String::new, ToString::to_string),
            clock_held: health.is_clock_held(),
            conditions: health.all().map(upkeep::condition).collect(),
            purge_waiting: self.0.ledger.purge_waiting(),
            purge_confirmed: upkeep::purge_confirmed(&root),
            server_time: Some(convert::timestamp(self.0.ledger.now())),
            data_dir: self.0.location.to_string(),
            start_duration: Some(convert::duration(self.0.start_duration)),
            cpu_time: Some(convert::duration(usage.cpu_time)),
            resident_bytes: usage.resident_bytes,
            archived_instances: root.archive.instances,
            country: self.0.desk.country.to_string(),
        }))
    }

    async fn erase_caller(
        &self,
        request: Request<proto::EraseCallerRequest>,
    ) -> Result<Response<proto::EraseCallerResponse>, Status> {
        erasures::erase(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn get_erasure(
        &self,
        request: Request<proto::GetErasureRequest>,
    ) -> Result<Response<proto::GetErasureResponse>, Status> {
        let root = self.0.root();
        let erasure = Some(erasures::shown(&root, erasures::find(&root, request.into_inner().erasure_id)?));
        Ok(Response::new(proto::GetErasureResponse { erasure }))
    }

    async fn list_erasures(
        &self,
        _: Request<proto::ListErasuresRequest>,
    ) -> Result<Response<proto::ListErasuresResponse>, Status> {
        let root = self.0.root();
        let erasures = root.erasures.values().rev().map(|erasure| erasures::shown(&root, erasure)).collect();
        Ok(Response::new(proto::ListErasuresResponse { erasures }))
    }

    async fn accept_clock(
        &self,
        request: Request<proto::AcceptClockRequest>,
    ) -> Result<Response<proto::AcceptClockResponse>, Status> {
        upkeep::accept_clock(&self.0, &request.into_inner()).await.map(Response::new)
    }

    async fn confirm_purge(
        &self,
        request: Request<proto::ConfirmPurgeRequest>,
    ) -> Result<Response<proto::ConfirmPurgeResponse>, Status> {
        upkeep::confirm_purge(&self.0, &request.into_inner()).await.map(Response::new)
    }

    async fn confirm_retention(
        &self,
        request: Request<proto::ConfirmRetentionRequest>,
    ) -> Result<Response<proto::ConfirmRetentionResponse>, Status> {
        retention::confirm(&self.0, &request.into_inner()).await.map(Response::new)
    }
}

fn call_bytes(request: &proto::ListHistoryRequest) -> Vec<u8> {
    request.call.as_ref().map_or_else(Vec::new, Message::encode_to_vec)
}
