//! What is open for a caller who rings again.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::call::Call;
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::Instance;
use aftercall_engine::query::zone_name;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::limits::OPEN_FOLLOW_UPS_SHOWN_MAX;
use crate::service::ask::{Faults, callers, pages, requests};
use crate::service::say::words::in_words;
use crate::service::say::{ReadMask, Refusal, convert, follow_up, refusal};
use crate::service::shared::Shared;
use crate::service::view::Names;

pub(crate) async fn list(
    shared: &Shared,
    asked: Asked<proto::ListOpenFollowUpsRequest>,
) -> Result<Ready<proto::ListOpenFollowUpsResponse>, Refusal> {
    let request = &asked.request;
    let view = shared.view();
    let mut faults = Faults::default();
    let calls: Vec<Arc<Call>> = match (&request.call, &request.caller) {
        (Some(call), None) => {
            let key = requests::call_key(Some(call), "call", &mut faults);
            view.call(&key).cloned().into_iter().collect()
        }
        (None, Some(caller)) => {
            let key = callers::key(shared, Some(caller), &mut faults);
            key.iter()
                .flat_map(|key| view.calls_of(key, &request.customer))
                .cloned()
                .collect()
        }
        (_, _) => {
            faults.add("call", "name a call or a caller, one of the two");
            Vec::new()
        }
    };
    let mask = requests::read_mask(request.read_mask.as_ref(), &mut faults);
    faults.check()?;
    let mut open: Vec<Arc<Instance>> = calls
        .iter()
        .flat_map(|call| view.instances_of(call))
        .filter(|instance| !instance.status.is_ended())
        .cloned()
        .collect();
    let more = open.len() > OPEN_FOLLOW_UPS_SHOWN_MAX;
    open.truncate(OPEN_FOLLOW_UPS_SHOWN_MAX);
    shared
        .answer_of(open.len(), move |shared| async move {
            shown(&shared, &view, (open, more), &mask).await
        })
        .await
}

/// Open follow-ups, as many as have room, and whether there are more.
async fn shown(
    shared: &Shared,
    names: &Names,
    (open, mut more): (Vec<Arc<Instance>>, bool),
    mask: &ReadMask,
) -> Result<proto::ListOpenFollowUpsResponse, Refusal> {
    let (mut follow_ups, mut room) = (Vec::with_capacity(open.len()), pages::Room::default());
    let now = shared.ledger.now();
    for instance in open {
        let call = names.call_of(&instance);
        let row = proto::OpenFollowUp {
            follow_up: Some(follow_up::follow_up(names, &instance, mask)),
            words: call.map_or_else(String::new, |call| in_words(names, (&instance, call), now)),
            promised_by: promised(shared, &instance).await?.map(convert::timestamp),
            time_zone: zone_name(&names.zone_of((call.map(|call| &**call), &instance), None))
                .to_owned(),
        };
        if !room.takes(&row) {
            more = true;
            break;
        }
        follow_ups.push(row);
    }
    Ok(proto::ListOpenFollowUpsResponse { follow_ups, more })
}

/// What the answer to Set Workflow said when the instance was made: its id names the entry.
async fn promised(shared: &Shared, instance: &Instance) -> Result<Option<Time>, Refusal> {
    let entry = shared.ledger.history().entry(instance.id.made_at).await;
    match entry.map_err(|error| refusal::of_history(&error))?.answer {
        Answer::Set { promise_by, .. } => Ok(promise_by),
        _ => Ok(None),
    }
}
