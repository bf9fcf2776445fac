//! For people who follow up.

use std::sync::Arc;

use aftercall_engine::Root;
use aftercall_engine::call::Call;
use aftercall_engine::command::{AcknowledgeAlert, AddNote, PushButton};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::Instance;
use aftercall_engine::query::{FollowUpCursor, FollowUpRow, ShouldStop, due_soon_from, list_follow_ups};
use aftercall_engine::query::{zone_name, zone_of};
use aftercall_engine::time::Time;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::call_manager_service_server::CallManagerService;
use prost::Message;
use tonic::{Request, Response, Status};

use super::requests::{self, Faults};
use super::script_engine::{follow_ups, marked_bytes};
use super::{Asking, Shared, archived, callers, claims, convert, desk, follow_up, hand_over, pages, status};
use crate::ledger::history::Walk;
use crate::limits::{DESK_PAGE_ROWS_MAX, NOTES_SHOWN_MAX};
use crate::reading::Lane;

/// The service.
pub struct CallManager(pub Shared);

#[tonic::async_trait]
impl CallManagerService for CallManager {
    async fn list_follow_ups(
        &self,
        request: Request<proto::ListFollowUpsRequest>,
    ) -> Result<Response<Ready<proto::ListFollowUpsResponse>>, Status> {
        let request = request.into_inner();
        let root = self.0.root();
        let asked = request.filter.clone().unwrap_or_default();
        let mut faults = Faults::default();
        faults.check_enum::<proto::FollowUpSort>("sort", request.sort);
        faults.check()?;
        let list = [b"follow-ups ".to_vec(), asked.encode_to_vec(), request.sort.to_be_bytes().to_vec()].concat();
        let (filter, faults) = requests::filter(&root, &asked);
        faults.check()?;
        let after = pages::read::<5>(&self.0, &list, &request.page_token)?;
        let as_of = after.map_or_else(|| self.0.ledger.now(), |numbers| Time(numbers[0] as i64));
        let rows_max = pages::rows(request.page_size);
        let lane = if rows_max <= DESK_PAGE_ROWS_MAX { Lane::Desk } else { Lane::Heavy };
        let shared = self.0.clone();
        let page = move |root: &Root, should_stop: ShouldStop<'_>| {
            let page = list_follow_ups(root, &filter, as_of, (after.map(cursor), rows_max), should_stop)?;
            let rows = pages::fitting(page.rows.iter().map(|listed| row(root, listed, as_of)));
            let next = pages::next_after(&page.rows, rows.len(), page.next, |row| row.cursor);
            let token = |next| pages::token(&shared, &list, &numbers(as_of, next));
            Ok(proto::ListFollowUpsResponse {
                rows,
                next_page_token: next.map_or_else(String::new, token),
                as_of: Some(convert::timestamp(as_of)),
                sequence: root.sequence,
            })
        };
        self.0.answer(lane, root, page).await
    }

    async fn get_follow_up(
        &self,
        request: Request<proto::GetFollowUpRequest>,
    ) -> Result<Response<proto::GetFollowUpResponse>, Status> {
        let (root, instance) = visible(&self.0, &request.into_inner().instance_id).await?;
        let instance = &instance;
        let notes = self.notes(instance).await?;
        let follow_up = Some(follow_up::follow_up(&root, instance));
        let zone = zone_of(&root, (root.call_of(instance).map(|call| &**call), instance), None);
        let time_zone = zone_name(&zone).to_owned();
        Ok(Response::new(proto::GetFollowUpResponse { follow_up, notes, time_zone }))
    }

    async fn get_call_details(
        &self,
        request: Request<proto::GetCallDetailsRequest>,
    ) -> Result<Response<Ready<proto::GetCallDetailsResponse>>, Status> {
        let (root, instance) = visible(&self.0, &request.into_inner().instance_id).await?;
        let call = root.call_of(&instance).cloned();
        let call = call.ok_or_else(|| status::not_found("call", "", "the call is gone"))?;
        let details = |root: Arc<Root>, call: &Call| {
            let (follow_ups, more_follow_ups) = follow_ups(&root, call, |one| one.is_visible(call));
            proto::GetCallDetailsResponse {
                call: Some(convert::call(call)),
                details: convert::details(call),
                follow_ups,
                more_follow_ups,
            }
        };
        self.0.answer_of(call.instances.len(), move |_| async move { Ok(details(root, &call)) }).await
    }

    async fn push_button(
        &self,
        request: Request<proto::PushButtonRequest>,
    ) -> Result<Response<proto::PushButtonResponse>, Status> {
        let request = request.into_inner();
        let bytes = marked_bytes(&request.request_id, &request);
        let mut faults = Faults::default();
        let form = requests::values(request.form, "form", &mut faults);
        let push = PushButton {
            instance: requests::instance_id(&request.instance_id, &mut faults),
            button: request.button_id.into(),
            stage: requests::seen_stage(request.stage),
            visit: request.visit,
            note: request.note.into(),
            form,
        };
        let instance = push.instance;
        let asking = Asking::of_person("PushButton", &request.actor, &request.request_id, bytes).at_fault(faults);
        let answered = match self.0.execute(asking, push).await {
            Ok(answered) => answered,
            Err(refused) if is_of_a_mover(&refused) => {
                let root = self.0.root();
                return Err(self.tell_mover(root.instance(instance), refused).await);
            }
            Err(refused) => return Err(refused),
        };
        Ok(Response::new(proto::PushButtonResponse {
            follow_up: Some(answered.follow_up()?),
            entered_stages: answered.entered_stages()?,
            undo_until: desk::undo_until(&self.0, answered.instance()?),
            sequence: answered.sequence,
        }))
    }

    async fn add_note(
        &self,
        request: Request<proto::AddNoteRequest>,
    ) -> Result<Response<proto::AddNoteResponse>, Status> {
        let request = request.into_inner();
        let mut faults = Faults::default();
        let instance = requests::instance_id(&request.instance_id, &mut faults);
        let command = AddNote { instance, text: request.text.as_str().into() };
        let asking =
            Asking::of_person("AddNote", &request.actor, &request.request_id, request.encode_to_vec()).at_fault(faults);
        let answered = self.0.execute(asking, command).await?;
        let follow_up = Some(answered.follow_up()?);
        Ok(Response::new(proto::AddNoteResponse { follow_up, sequence: answered.sequence }))
    }

    async fn acknowledge_alert(
        &self,
        request: Request<proto::AcknowledgeAlertRequest>,
    ) -> Result<Response<proto::AcknowledgeAlertResponse>, Status> {
        let request = request.into_inner();
        let mut faults = Faults::default();
        let alert =
            requests::seen_alert(&self.0.root(), (&request.alert_id, &request.team), request.escalations, &mut faults);
        let instance = requests::instance_id(&request.instance_id, &mut faults);
        let command = AcknowledgeAlert { instance, alert };
        let asking =
            Asking::of_person("AcknowledgeAlert", &request.actor, &request.request_id, request.encode_to_vec());
        let asking = asking.at_fault(faults);
        let answered = self.0.execute(asking, command).await?;
        let follow_up = Some(answered.follow_up()?);
        Ok(Response::new(proto::AcknowledgeAlertResponse { follow_up, sequence: answered.sequence }))
    }

    async fn claim_follow_up(
        &self,
        request: Request<proto::ClaimFollowUpRequest>,
    ) -> Result<Response<proto::ClaimFollowUpResponse>, Status> {
        claims::claim(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn extend_claim(
        &self,
        request: Request<proto::ExtendClaimRequest>,
    ) -> Result<Response<proto::ExtendClaimResponse>, Status> {
        claims::extend(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn release_claim(
        &self,
        request: Request<proto::ReleaseClaimRequest>,
    ) -> Result<Response<proto::ReleaseClaimResponse>, Status> {
        claims::release(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn take_over(
        &self,
        request: Request<proto::TakeOverRequest>,
    ) -> Result<Response<proto::TakeOverResponse>, Status> {
        claims::take_over(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn claim_next(
        &self,
        request: Request<proto::ClaimNextRequest>,
    ) -> Result<Response<proto::ClaimNextResponse>, Status> {
        claims::claim_next(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn hand_over(
        &self,
        request: Request<proto::HandOverRequest>,
    ) -> Result<Response<proto::HandOverResponse>, Status> {
        hand_over::hand_over(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn snooze_alert(
        &self,
        request: Request<proto::SnoozeAlertRequest>,
    ) -> Result<Response<proto::SnoozeAlertResponse>, Status> {
        desk::snooze(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn pause_follow_up(
        &self,
        request: Request<proto::PauseFollowUpRequest>,
    ) -> Result<Response<proto::PauseFollowUpResponse>, Status> {
        desk::pause(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn resume_follow_up(
        &self,
        request: Request<proto::ResumeFollowUpRequest>,
    ) -> Result<Response<proto::ResumeFollowUpResponse>, Status> {
        desk::resume(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn undo_push(
        &self,
        request: Request<proto::UndoPushRequest>,
    ) -> Result<Response<proto::UndoPushResponse>, Status> {
        desk::undo(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn finish_follow_up(
        &self,
        request: Request<proto::FinishFollowUpRequest>,
    ) -> Result<Response<proto::FinishFollowUpResponse>, Status> {
        desk::finish(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn list_calls_of_caller(
        &self,
        request: Request<proto::ListCallsOfCallerRequest>,
    ) -> Result<Response<Ready<proto::ListCallsOfCallerResponse>>, Status> {
        callers::calls_of(&self.0, request.into_inner()).await
    }
}

impl CallManager {
    /// The newest notes, also those given with buttons, oldest first.
    async fn notes(&self, instance: &Arc<Instance>) -> Result<Vec<proto::Note>, Status> {
        if instance.notes == 0 {
            return Ok(Vec::new());
        }
        let wanted = (instance.notes as usize).min(NOTES_SHOWN_MAX);
        let is_note = |kind: ChangeKind| {
            use ChangeKind::{
                AlertReturned, ButtonPushed, Chased, Finished, Migrated, Moved, NoteAdded, Resumed, Snoozed,
            };
            matches!(
                kind,
                NoteAdded | ButtonPushed | Finished | Moved | Migrated | Snoozed | AlertReturned | Resumed | Chased
            )
        };
        let history = self.0.ledger.history();
        let trail = history.trail_of_instance(instance).await.map_err(|error| status::of_history(&error))?;
        let mut notes = Vec::with_capacity(wanted);
        for step in trail.iter().rev().filter(|step| step.has_note) {
            if notes.len() == wanted {
                break;
            }
            let entry = history.entry(step.sequence).await.map_err(|error| status::of_history(&error))?;
            let change = entry.instances.iter().find(|change| change.after.id() == instance.id);
            if change.is_some_and(|change| is_note(change.kind)) && !entry.said.note.is_empty() {
                notes.push(proto::Note {
                    at: Some(convert::timestamp(entry.at)),
                    actor: Some(convert::actor(&entry.actor)),
                    text: entry.said.note.to_string(),
                });
            }
        }
        notes.reverse();
        Ok(notes)
    }

    /// A refused push says who was first, and when.
    async fn tell_mover(&self, instance: Option<&Arc<Instance>>, refused: Status) -> Status {
        let Some(instance) = instance else { return refused };
        let mut walk = Walk::of_instance(self.0.ledger.history(), instance);
        while let Ok(Some((entry, change))) = walk.next().await {
            // A migration may change the stage without entering it.
            let is_migration = change.kind == ChangeKind::Migrated;
            let moved = is_migration || !change.entered.is_empty() || change.after.status().is_ended();
            if moved {
                let actor = convert::actor(&entry.actor);
                let mover = if actor.name.is_empty() { "a timer".to_owned() } else { actor.name };
                return status::with_mover(&refused, &mover, &convert::timestamp(entry.at).to_string());
            }
        }
        refused
    }
}

/// Whether a push was refused because somebody moved the follow-up first.
fn is_of_a_mover(refused: &Status) -> bool {
    ["BUTTON_GONE", "STALE_VISIT", "INSTANCE_ENDED"].iter().any(|reason| status::has_reason(refused, reason))
}

/// The root in which an instance is, and the instance, if Call Managers may work on it.
async fn visible(shared: &Shared, id: &str) -> Result<(Arc<Root>, Arc<Instance>), Status> {
    let found = archived::anywhere(shared, id).await?;
    if found.is_archived() || !found.root.is_visible(&found.instance) {
        return Err(status::not_visible(&found.root, &found.instance));
    }
    Ok((found.root, found.instance))
}

fn row(root: &Root, listed: &FollowUpRow, as_of: Time) -> proto::FollowUpRow {
    let instance = &listed.instance;
    let alert = listed.alert.and_then(|at| instance.alerts.get(at));
    let definition = root.definition_of(instance);
    let soon = definition.and_then(|definition| due_soon_from(root, definition, instance, alert));
    proto::FollowUpRow {
        due_state: follow_up::due_state(instance, listed.due, soon, as_of).into(),
        follow_up: Some(follow_up::follow_up(root, instance)),
        alert: alert.map(|alert| follow_up::alert(root, instance, alert)),
        due: listed.due.map(convert::timestamp),
        overdue: listed.overdue,
    }
}

/// What a page token holds: the time by which overdue was told, and the key of the last row.
fn numbers(as_of: Time, cursor: FollowUpCursor) -> [u64; 5] {
    let block = u64::from(cursor.phase) << 8 | u64::from(cursor.rank);
    [as_of.0 as u64, block, cursor.due.0 as u64, cursor.made_at, u64::from(cursor.slot)]
}

fn cursor(numbers: [u64; 5]) -> FollowUpCursor {
    let [_, block, due, made_at, slot] = numbers;
    FollowUpCursor { phase: (block >> 8) as u8, rank: block as u8, due: Time(due as i64), made_at, slot: slot as u32 }
}
