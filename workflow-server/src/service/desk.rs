//! For people who follow up.

pub(super) mod calls_of_caller;
mod claim_search;
pub(super) mod claims;
pub(super) mod hand_over;
pub(super) mod pausing;
mod searches;
pub(super) mod undo;

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::call::Call;
use aftercall_engine::command::{AcknowledgeAlert, AddNote, PushButton};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::query::{FollowUpCursor, FollowUpRow, ShouldStop, zone_name};
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::call_manager_service_server::CallManagerService;
use aftercall_serving::asked::Asked;
use prost::Message;
pub(crate) use searches::ClaimSearches;

use crate::ledger::history::Walk;
use crate::limits::{DESK_PAGE_ROWS_MAX, NOTES_SHOWN_MAX};
use crate::reading::Lane;
use crate::service::archived::{self, follow_ups_in_memory};
use crate::service::ask::{Asking, Faults, filters, pages, requests};
use crate::service::rpcs::rpcs;
use crate::service::say::refusal::{Missing, Reason};
use crate::service::say::{ReadMask, Refusal, causes, convert, follow_up, refusal};
use crate::service::shared::{Services, Shared};
use crate::service::view::{Names, View};

/// The service.
pub struct CallManager(pub Arc<Services>);

rpcs! {
    CallManagerService for CallManager {
        list_follow_ups(proto::ListFollowUpsRequest) -> Ready<proto::ListFollowUpsResponse> = list_follow_ups;
        get_follow_up(proto::GetFollowUpRequest) -> proto::GetFollowUpResponse = get_follow_up;
        get_call_details(proto::GetCallDetailsRequest) -> Ready<proto::GetCallDetailsResponse> = get_call_details;
        push_button(proto::PushButtonRequest) -> Ready<proto::PushButtonResponse> = push_button;
        add_note(proto::AddNoteRequest) -> proto::AddNoteResponse = add_note;
        acknowledge_alert(proto::AcknowledgeAlertRequest) -> proto::AcknowledgeAlertResponse = acknowledge_alert;
        claim_follow_up(proto::ClaimFollowUpRequest) -> proto::ClaimFollowUpResponse = claims::claim;
        extend_claim(proto::ExtendClaimRequest) -> proto::ExtendClaimResponse = claims::extend;
        release_claim(proto::ReleaseClaimRequest) -> proto::ReleaseClaimResponse = claims::release;
        take_over(proto::TakeOverRequest) -> proto::TakeOverResponse = claims::take_over;
        claim_next(proto::ClaimNextRequest) -> proto::ClaimNextResponse = claims::claim_next;
        hand_over(proto::HandOverRequest) -> proto::HandOverResponse = hand_over::hand_over;
        snooze_alert(proto::SnoozeAlertRequest) -> proto::SnoozeAlertResponse = pausing::snooze;
        pause_follow_up(proto::PauseFollowUpRequest) -> proto::PauseFollowUpResponse = pausing::pause;
        resume_follow_up(proto::ResumeFollowUpRequest) -> proto::ResumeFollowUpResponse = pausing::resume;
        undo_push(proto::UndoPushRequest) -> proto::UndoPushResponse = undo::undo;
        finish_follow_up(proto::FinishFollowUpRequest) -> proto::FinishFollowUpResponse = pausing::finish;
        list_calls_of_caller(proto::ListCallsOfCallerRequest) -> Ready<proto::ListCallsOfCallerResponse> = calls_of_caller::list;
    }
}

pub(super) async fn list_follow_ups(
    shared: &Shared,
    asked: Asked<proto::ListFollowUpsRequest>,
) -> Result<Ready<proto::ListFollowUpsResponse>, Refusal> {
    let request = asked.request;
    let view = shared.view();
    let asked = request.filter.unwrap_or_default();
    let mut faults = Faults::default();
    faults.check_enum::<proto::FollowUpSort>("sort", request.sort);
    faults.check()?;
    let list = [
        b"follow-ups ".to_vec(),
        asked.encode_to_vec(),
        request.sort.to_be_bytes().to_vec(),
    ]
    .concat();
    let (filter, mut faults) = filters::follow_ups(&view, &asked, shared.desk.country);
    let mask = requests::read_mask(request.read_mask.as_ref(), &mut faults);
    faults.check()?;
    let after = pages::read::<5>(shared, &list, &request.page_token)?;
    let as_of = after.map_or_else(|| shared.ledger.now(), |numbers| Time(numbers[0] as i64));
    let rows_max = pages::rows(request.page_size);
    let lane = if rows_max <= DESK_PAGE_ROWS_MAX {
        Lane::Desk
    } else {
        Lane::Heavy
    };
    let of_list = shared.clone();
    let page = move |view: &View, should_stop: ShouldStop<'_>| {
        let page =
            view.list_follow_ups(filter, as_of, (after.map(cursor), rows_max), should_stop)?;
        let rows = pages::fitting(
            page.rows
                .iter()
                .map(|listed| row(view, listed, as_of, &mask)),
        );
        let next = pages::next_after(&page.rows, rows.len(), page.next, |row| row.cursor);
        let token = |next| pages::token(&of_list, &list, &numbers(as_of, next));
        Ok(proto::ListFollowUpsResponse {
            rows,
            next_page_token: next.map_or_else(String::new, token),
            as_of: Some(convert::timestamp(as_of)),
            sequence: view.sequence(),
        })
    };
    shared.answer(lane, view, page).await
}

pub(super) async fn get_follow_up(
    shared: &Shared,
    asked: Asked<proto::GetFollowUpRequest>,
) -> Result<proto::GetFollowUpResponse, Refusal> {
    let id = &asked.request.instance_id;
    let mask = requests::read_mask_of_one(id, asked.request.read_mask.as_ref())?;
    let (view, instance) = visible(shared, id).await?;
    let instance = &instance;
    let notes = notes(shared, instance).await?;
    let follow_up = Some(follow_up::follow_up(&view, instance, &mask));
    let call = view.call_of(instance).map(|call| &**call);
    let zone = view.zone_of((call, instance), None);
    let time_zone = zone_name(&zone).to_owned();
    Ok(proto::GetFollowUpResponse {
        follow_up,
        notes,
        time_zone,
    })
}

pub(super) async fn get_call_details(
    shared: &Shared,
    asked: Asked<proto::GetCallDetailsRequest>,
) -> Result<Ready<proto::GetCallDetailsResponse>, Refusal> {
    let id = &asked.request.instance_id;
    let mask = requests::read_mask_of_one(id, asked.request.read_mask.as_ref())?;
    let (view, instance) = visible(shared, id).await?;
    let call = view.call_of(&instance).cloned();
    let call = call.ok_or_else(|| refusal::not_found(Missing::Call, "", "the call is gone"))?;
    let details = move |view: View, call: &Call| {
        let (follow_ups, more_follow_ups) =
            follow_ups_in_memory(&view, call, &mask, |one| one.is_visible(call));
        proto::GetCallDetailsResponse {
            call: Some(convert::call(call)),
            details: convert::details(call),
            follow_ups,
            more_follow_ups,
        }
    };
    shared
        .answer_of(call.instances.len(), move |_| async move {
            Ok(details(view, &call))
        })
        .await
}

pub(super) async fn push_button(
    shared: &Shared,
    asked: Asked<proto::PushButtonRequest>,
) -> Result<Ready<proto::PushButtonResponse>, Refusal> {
    let asking = Asking::of_person(&asked);
    let request = asked.request;
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
    let answered = match shared.execute(asking.with_errors(faults), push).await {
        Ok(answered) => answered,
        Err(refused) if is_of_a_mover(&refused) => {
            let view = shared.view();
            return Err(Box::pin(with_mover(shared, &view, instance, refused)).await);
        }
        Err(refused) => return Err(refused),
    };
    Ok(Ready::new(&proto::PushButtonResponse {
        follow_up: Some(answered.follow_up()?),
        entered_stages: answered.entered_stages()?,
        undo_until: undo::undo_until(shared, answered.instance()?),
        sequence: answered.sequence,
    }))
}

pub(super) async fn add_note(
    shared: &Shared,
    asked: Asked<proto::AddNoteRequest>,
) -> Result<proto::AddNoteResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let instance = requests::instance_id(&request.instance_id, &mut faults);
    let command = AddNote {
        instance,
        text: request.text.as_str().into(),
    };
    let asking = Asking::of_person(&asked).with_errors(faults);
    let answered = shared.execute(asking, command).await?;
    let follow_up = Some(answered.follow_up()?);
    Ok(proto::AddNoteResponse {
        follow_up,
        sequence: answered.sequence,
    })
}

pub(super) async fn acknowledge_alert(
    shared: &Shared,
    asked: Asked<proto::AcknowledgeAlertRequest>,
) -> Result<proto::AcknowledgeAlertResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let alert = requests::seen_alert(
        &shared.view(),
        (&request.alert_id, &request.team),
        request.escalations,
        &mut faults,
    );
    let instance = requests::instance_id(&request.instance_id, &mut faults);
    let command = AcknowledgeAlert { instance, alert };
    let asking = Asking::of_person(&asked);
    let asking = asking.with_errors(faults);
    let answered = shared.execute(asking, command).await?;
    let follow_up = Some(answered.follow_up()?);
    Ok(proto::AcknowledgeAlertResponse {
        follow_up,
        sequence: answered.sequence,
    })
}

/// The newest notes, also those given with buttons, oldest first.
async fn notes(shared: &Shared, instance: &Arc<Instance>) -> Result<Vec<proto::Note>, Refusal> {
    if instance.notes == 0 {
        return Ok(Vec::new());
    }
    let wanted = (instance.notes as usize).min(NOTES_SHOWN_MAX);
    let history = shared.ledger.history();
    let trail = history
        .trail_of_instance(instance)
        .await
        .map_err(|error| refusal::of_history(&error))?;
    let mut notes = Vec::with_capacity(wanted);
    for step in trail.iter().rev().filter(|step| step.has_note) {
        if notes.len() == wanted {
            break;
        }
        let entry = history
            .entry(step.sequence)
            .await
            .map_err(|error| refusal::of_history(&error))?;
        let change = entry
            .instances
            .iter()
            .find(|change| change.after.id() == instance.id);
        if change.is_some_and(|change| change.kind.is_note()) && !entry.details.note.is_empty() {
            notes.push(proto::Note {
                at: Some(convert::timestamp(entry.at)),
                actor: Some(convert::actor(&entry.actor)),
                text: entry.details.note.to_string(),
            });
        }
    }
    notes.reverse();
    Ok(notes)
}

/// A refused push says who was first, with what, and when.
async fn with_mover(shared: &Shared, view: &View, id: InstanceId, refused: Refusal) -> Refusal {
    let Some(instance) = view.instance(id) else {
        return refused;
    };
    let mut walk = Walk::of_instance(shared.ledger.history(), instance);
    while let Ok(Some((entry, change))) = walk.next().await {
        // A migration may change the stage without entering it.
        let is_migration = change.kind == ChangeKind::Migrated;
        let moved = is_migration || !change.entered.is_empty() || change.after.status().is_ended();
        if moved {
            let actor = convert::actor(&entry.actor);
            let mover = if actor.name.is_empty() {
                "a timer".to_owned()
            } else {
                actor.name
            };
            let at = convert::timestamp(entry.at).to_string();
            let item = causes::history_item(view, &entry, Some(&change));
            return refused.with_mover(&mover, &at, &item.cause.unwrap_or_default());
        }
    }
    refused
}

/// Whether a push was refused because somebody moved the follow-up first.
fn is_of_a_mover(refused: &Refusal) -> bool {
    matches!(
        refused.reason(),
        Reason::ButtonGone | Reason::StaleVisit | Reason::InstanceEnded
    )
}

/// The view in which an instance is, and the instance, if Call Managers may work on it.
async fn visible(shared: &Shared, id: &str) -> Result<(View, Arc<Instance>), Refusal> {
    let found = archived::anywhere(shared, id).await?;
    if found.is_archived() || !found.view.is_visible(&found.instance) {
        return Err(refusal::not_visible(&found.view, &found.instance));
    }
    Ok((found.view, found.instance))
}

fn row(names: &Names, listed: &FollowUpRow, as_of: Time, mask: &ReadMask) -> proto::FollowUpRow {
    let instance = &listed.instance;
    let alert = listed.alert.and_then(|at| instance.alerts.get(at));
    let definition = names.definition_of(instance);
    let soon = definition.and_then(|definition| names.due_soon_from(definition, instance, alert));
    proto::FollowUpRow {
        due_state: follow_up::due_state(instance, listed.due, soon, as_of).into(),
        follow_up: Some(follow_up::follow_up(names, instance, mask)),
        alert: alert.map(|alert| follow_up::alert(names, instance, alert)),
        due: listed.due.map(convert::timestamp),
        overdue: listed.overdue,
    }
}

/// What a page token holds: the time by which overdue was decided, and the key of the last row.
fn numbers(as_of: Time, cursor: FollowUpCursor) -> [u64; 5] {
    let block = u64::from(cursor.phase) << 8 | u64::from(cursor.rank);
    [
        as_of.0 as u64,
        block,
        cursor.due.0 as u64,
        cursor.made_at,
        u64::from(cursor.slot),
    ]
}

fn cursor(numbers: [u64; 5]) -> FollowUpCursor {
    let [_, block, due, made_at, slot] = numbers;
    FollowUpCursor {
        phase: (block >> 8) as u8,
        rank: block as u8,
        due: Time(due as i64),
        made_at,
        slot: slot as u32,
    }
}
