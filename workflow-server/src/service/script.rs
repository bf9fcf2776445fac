//! For call scripts, through their script engines.

pub(super) mod open_follow_ups;
pub(super) mod withdrawing;

use std::sync::Arc;

use aftercall_engine::call::Call;
use aftercall_engine::command::{
    ChaseInstance, EndCall, IfRunning, Release, SetWorkflow, UpdateCall,
};
use aftercall_engine::entry::{Answer, Warning};
use aftercall_engine::query::zone_name;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::script_engine_service_server::ScriptEngineService;
use aftercall_serving::asked::Asked;

use crate::service::archived;
use crate::service::ask::{Answered, Asking, Faults, first_answer, pages, requests};
use crate::service::rpcs::rpcs;
use crate::service::say::refusal::Missing;
use crate::service::say::words::in_words;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::{Services, Shared};

/// The service.
pub struct ScriptEngine(pub Arc<Services>);

rpcs! {
    ScriptEngineService for ScriptEngine {
        set_workflow(proto::SetWorkflowRequest) -> Ready<proto::SetWorkflowResponse> = set_workflow;
        withdraw_workflow(proto::WithdrawWorkflowRequest) -> proto::WithdrawWorkflowResponse = withdrawing::withdraw;
        update_call(proto::UpdateCallRequest) -> proto::UpdateCallResponse = update_call;
        end_call(proto::EndCallRequest) -> proto::EndCallResponse = end_call;
        get_call(proto::GetCallRequest) -> Ready<proto::GetCallResponse> = get_call;
        list_open_follow_ups(proto::ListOpenFollowUpsRequest) -> Ready<proto::ListOpenFollowUpsResponse> = open_follow_ups::list;
        chase(proto::ChaseRequest) -> proto::ChaseResponse = chase;
    }
}

pub(super) async fn set_workflow(
    shared: &Shared,
    asked: Asked<proto::SetWorkflowRequest>,
) -> Result<Ready<proto::SetWorkflowResponse>, Refusal> {
    let source = asked.request.call.as_ref().map_or("", |call| &call.source);
    let asking = Asking::of_script(&asked, source);
    let (set, faults) = set_command(asked.request);
    let (call, asking) = (set.call.clone(), asking.with_errors(faults));
    let answered = shared.execute_on_call(asking, &call, set).await?;
    set_response(&answered)
}

pub(super) async fn update_call(
    shared: &Shared,
    asked: Asked<proto::UpdateCallRequest>,
) -> Result<proto::UpdateCallResponse, Refusal> {
    let mut faults = Faults::default();
    let call = requests::call_key(asked.request.call.as_ref(), "call", &mut faults);
    let asking = Asking::of_script(&asked, &call.source);
    let request = asked.request;
    let mask = request.update_mask.unwrap_or_default().paths;
    let changes = if mask.is_empty() {
        requests::given_changes(request.properties)
    } else {
        requests::masked_changes(request.properties, &mask, &mut faults)
    };
    let command = UpdateCall {
        call: call.clone(),
        changes,
        expected: request.expected_revision,
    };
    let answered = shared
        .execute_on_call(asking.with_errors(faults), &call, command)
        .await?;
    let call = first_answer::call(shared, &answered.view, &call, answered.entry.as_deref()).await?;
    let call = call.map(|call| convert::call(&call));
    Ok(proto::UpdateCallResponse {
        call,
        sequence: answered.sequence,
    })
}

pub(super) async fn end_call(
    shared: &Shared,
    asked: Asked<proto::EndCallRequest>,
) -> Result<proto::EndCallResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let call = requests::call_key(request.call.as_ref(), "call", &mut faults);
    let asking = Asking::of_script(&asked, &call.source).with_errors(faults);
    let answered = shared
        .execute_on_call(asking, &call, EndCall { call: call.clone() })
        .await?;
    let released = match &answered.answer {
        Answer::Released(instances) => instances
            .iter()
            .filter(|id| shared.reach().is_everything() || answered.view.instance(**id).is_some())
            .map(ToString::to_string)
            .collect(),
        _ => Vec::new(),
    };
    let call = first_answer::call(shared, &answered.view, &call, answered.entry.as_deref()).await?;
    Ok(proto::EndCallResponse {
        call: call.map(|call| convert::call(&call)),
        released_instance_ids: released,
        sequence: answered.sequence,
    })
}

pub(super) async fn get_call(
    shared: &Shared,
    asked: Asked<proto::GetCallRequest>,
) -> Result<Ready<proto::GetCallResponse>, Refusal> {
    let request = asked.request;
    let mut faults = Faults::default();
    let key = requests::call_key(request.call.as_ref(), "call", &mut faults);
    if request.call.is_some() {
        [("call.source", &key.source), ("call.id", &key.id)]
            .into_iter()
            .filter(|(_, given)| given.is_empty())
            .for_each(|(field, _)| faults.add(field, "must be given"));
    }
    let mask = requests::read_mask(request.read_mask.as_ref(), &mut faults);
    faults.check()?;
    let view = shared.view();
    let name = format!("{}/{}", key.source, key.id);
    let missing = || refusal::not_found(Missing::Call, &name, format!("there is no call {name}"));
    let live = view.call(&key);
    // A call that is reported again after it had left memory also has its earlier instances.
    let archived = archived::calls(shared, &key).await?;
    let call = live
        .or(archived.first().map(|newest| &newest.call))
        .cloned()
        .ok_or_else(missing)?;
    let live = live.cloned();
    let count = |call: Option<&Call>| call.map_or(0, |call| call.instances.len());
    let count = count(live.as_deref())
        + archived
            .iter()
            .map(|found| found.instances.len())
            .sum::<usize>();
    let answer = move || {
        let of_live = live
            .as_deref()
            .map(|live| archived::follow_ups_in_memory(&view, live, &mask, |_| true));
        let (of_live, more_live) = of_live.unwrap_or_default();
        let parts: Vec<_> = archived
            .iter()
            .map(|found| archived::follow_ups(&view, found, &mask, |_| true))
            .collect();
        let is_cut = more_live || parts.iter().any(|(_, more)| *more);
        let of_archived = parts.into_iter().flat_map(|(follow_ups, _)| follow_ups);
        let (follow_ups, more) = pages::first_of(of_live.into_iter().chain(of_archived));
        proto::GetCallResponse {
            call: Some(convert::call(&call)),
            details: convert::details(&call),
            follow_ups,
            more_follow_ups: more || is_cut,
        }
    };
    shared
        .answer_of(count, move |_| async move { Ok(answer()) })
        .await
}

pub(super) async fn chase(
    shared: &Shared,
    asked: Asked<proto::ChaseRequest>,
) -> Result<proto::ChaseResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let instance = requests::instance_id(&request.instance_id, &mut faults);
    let command = ChaseInstance {
        instance,
        note: request.note.as_str().into(),
    };
    let asking = Asking::of_script(&asked, &request.instance_id).with_errors(faults);
    let answered = shared.execute(asking, command).await?;
    let then = answered
        .entry
        .as_ref()
        .map_or_else(|| shared.ledger.now(), |entry| entry.at);
    let found = answered.found()?;
    Ok(proto::ChaseResponse {
        follow_up: Some(answered.follow_up()?),
        words: in_words(&answered.view, (&found.instance, &found.call), then),
        sequence: answered.sequence,
    })
}

/// What is asked, as far as it can be read, and what cannot.
fn set_command(request: proto::SetWorkflowRequest) -> (SetWorkflow, Faults) {
    let mut faults = Faults::default();
    faults.check_enum::<proto::Release>("release", request.release);
    faults.check_enum::<proto::IfRunning>("if_running", request.if_running);
    let call = requests::call_key(request.call.as_ref(), "call", &mut faults);
    let release = match request.release() {
        proto::Release::Unspecified => None,
        proto::Release::Immediately => Some(Release::Immediately),
        proto::Release::CallEnded => Some(Release::CallEnded),
    };
    let if_running = match request.if_running() {
        proto::IfRunning::Unspecified | proto::IfRunning::ReturnIt => IfRunning::ReturnIt,
        proto::IfRunning::Refuse => IfRunning::Refuse,
        proto::IfRunning::Replace => IfRunning::Replace,
    };
    let release_within_millis = request.release_within.and_then(|span| {
        let millis = requests::span_millis(span);
        if millis.is_none() {
            faults.add("release_within", "is not a span of time");
        }
        millis
    });
    let set = SetWorkflow {
        call,
        changes: requests::given_changes(request.properties),
        workflow: request.workflow.into(),
        version: (request.version != 0).then_some(request.version),
        fields: requests::values(request.fields, "fields", &mut faults),
        release,
        release_within_millis,
        if_running,
    };
    (set, faults)
}

fn set_response(answered: &Answered) -> Result<Ready<proto::SetWorkflowResponse>, Refusal> {
    let Answer::Set {
        started,
        updated_fields,
        warnings,
        promise_by,
        ..
    } = &answered.answer
    else {
        return Err(refusal::answer_gone());
    };
    let found = answered.found()?;
    let zone = answered
        .view
        .zone_of((Some(&found.call), &found.instance), None);
    Ok(Ready::new(&proto::SetWorkflowResponse {
        follow_up: Some(answered.follow_up()?),
        time_zone: zone_name(&zone).to_owned(),
        started: *started,
        updated_fields: updated_fields.clone(),
        warnings: warnings
            .iter()
            .map(|warning| sentence(*warning).to_owned())
            .collect(),
        promise_by: promise_by.map(convert::timestamp),
        sequence: answered.sequence,
    }))
}

fn sentence(warning: Warning) -> &'static str {
    match warning {
        Warning::NotChargeable => {
            "the call is not marked as chargeable: nobody sees this follow-up in the Call Manager until it is"
        }
        Warning::UnlinkedEnds => {
            "the workflow has unlinked ends: a path that runs into one stays incomplete"
        }
        Warning::CallHadEnded => "the call had ended already: the follow-up was released at once",
        Warning::StageWarnings => {
            "a value is missing or a condition had no answer: the history of the instance says which"
        }
        Warning::Overdue => {
            "the follow-up is overdue: promise nothing before somebody has looked at it"
        }
        Warning::Incomplete => {
            "the follow-up is incomplete from the start: its first stage is an unlinked end"
        }
    }
}
