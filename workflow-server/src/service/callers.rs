//! The caller rings again: what is open, in words that the agent can read out, and all calls of one
//! caller.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::Root;
use aftercall_engine::call::Call;
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::{Alert, Instance, Status as InstanceStatus};
use aftercall_engine::query::{zone_name, zone_of, zone_of_caller};
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::requests::{self, Faults};
use super::script_engine::follow_ups;
use super::{Asked, Refusal, Shared, archived, convert, follow_up, pages, refusal};
use crate::ledger::FoundCall;
use crate::limits::{CALLS_SHOWN_MAX, OPEN_FOLLOW_UPS_SHOWN_MAX};

/// What a caller is found by; a fault where nothing is given that finds anybody.
pub(super) fn key(
    shared: &Shared,
    caller: Option<&proto::Caller>,
    faults: &mut Faults,
) -> Option<CallerKey> {
    let key = caller
        .and_then(|caller| CallerKey::of(&requests::caller(caller.clone()), shared.desk.country));
    if key.is_none() {
        let message = match caller {
            Some(caller) if !caller.phone.is_empty() => {
                "must have a reference, a mail address or a telephone number; this one has no digits, or is withheld"
            }
            _ => "must have a reference, a telephone number or a mail address",
        };
        faults.add("caller", message);
    }
    key
}

pub(super) async fn open(
    shared: &Shared,
    asked: Asked<proto::ListOpenFollowUpsRequest>,
) -> Result<Ready<proto::ListOpenFollowUpsResponse>, Refusal> {
    let request = &asked.request;
    let root = shared.root();
    let mut faults = Faults::default();
    let calls: Vec<Arc<Call>> = match (&request.call, &request.caller) {
        (Some(call), None) => {
            let key = requests::call_key(Some(call), "call", &mut faults);
            root.call(&key).cloned().into_iter().collect()
        }
        (None, Some(caller)) => {
            let key = key(shared, Some(caller), &mut faults);
            key.iter()
                .flat_map(|key| root.calls_of(key, &request.customer))
                .cloned()
                .collect()
        }
        (_, _) => {
            faults.add("call", "name a call or a caller, one of the two");
            Vec::new()
        }
    };
    faults.check()?;
    let of_call = |call: &Arc<Call>| {
        call.instances
            .iter()
            .rev()
            .filter_map(|slot| root.instance_at(*slot))
            .cloned()
            .collect::<Vec<_>>()
    };
    let mut open: Vec<Arc<Instance>> = calls
        .iter()
        .flat_map(of_call)
        .filter(|instance| !instance.status.is_ended())
        .collect();
    let more = open.len() > OPEN_FOLLOW_UPS_SHOWN_MAX;
    open.truncate(OPEN_FOLLOW_UPS_SHOWN_MAX);
    shared
        .answer_of(open.len(), move |shared| async move {
            shown(&shared, &root, open, more).await
        })
        .await
}

/// Open follow-ups, as many as have room, and whether there are more.
async fn shown(
    shared: &Shared,
    root: &Root,
    open: Vec<Arc<Instance>>,
    mut more: bool,
) -> Result<proto::ListOpenFollowUpsResponse, Refusal> {
    let (mut follow_ups, mut room) = (Vec::with_capacity(open.len()), pages::Room::default());
    let now = shared.ledger.now();
    for instance in open {
        let call = root.call_of(&instance);
        let row = proto::OpenFollowUp {
            follow_up: Some(follow_up::follow_up(root, &instance)),
            words: call.map_or_else(String::new, |call| in_words(root, (&instance, call), now)),
            promised_by: promised(shared, &instance).await?.map(convert::timestamp),
            time_zone: zone_name(&zone_of(root, (call.map(|call| &**call), &instance), None))
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

/// What is open at `now`, with whom, since when and until when, for an agent to read out: by the
/// caller's clock. Where that is not known it says whose clock it is.
pub(super) fn in_words(root: &Root, (instance, call): (&Instance, &Call), now: Time) -> String {
    let title = root
        .definition_of(instance)
        .map_or("a follow-up", |definition| &definition.title);
    let of_caller = zone_of_caller(Some(call));
    let zone = zone_of(root, (Some(call), instance), None);
    let whose = match of_caller {
        Some(_) => String::new(),
        None => format!(" Times are by the clock of {}.", zone_name(&zone)),
    };
    let since = clock(instance.started_at, &zone);
    let asked = match instance.chases {
        0 => String::new(),
        1 => " You have asked for it once before.".to_owned(),
        times => format!(" You have asked for it {times} times before."),
    };
    let due = instance
        .due()
        .filter(|_| instance.status != InstanceStatus::Paused)
        .map(|due| {
            let word = if due <= now {
                "It should have been done"
            } else {
                "It should be done"
            };
            format!(" {word} by {}.", clock(due, &zone))
        });
    format!(
        "{title}: asked for on {since}; {}.{}{asked}{whose}",
        with(root, instance, now),
        due.unwrap_or_default()
    )
}

/// Who has it.
fn with(root: &Root, instance: &Instance, now: Time) -> String {
    let teams = instance
        .alerts
        .iter()
        .flat_map(Alert::teams)
        .filter_map(|team| root.teams.at(team));
    let teams: Vec<&str> = teams
        .map(|team| {
            if team.title.is_empty() {
                &*team.name
            } else {
                &*team.title
            }
        })
        .collect();
    match (instance.held(now), instance.status, teams.as_slice()) {
        (_, InstanceStatus::WaitingForCallEnd, _) => "it waits for this call to end".to_owned(),
        (_, InstanceStatus::Paused, _) => "it is paused for the moment".to_owned(),
        (Some(claim), ..) => format!("{} is working on it", claim.by),
        (None, _, []) => "it is in hand".to_owned(),
        (None, _, teams) => format!("it is with {}", teams.join(" and ")),
    }
}

/// Such as "Tuesday 24 November at 09:00".
fn clock(moment: Time, zone: &TimeZone) -> String {
    let shown = Timestamp::from_millisecond(moment.0).map(|at| at.to_zoned_datetime(zone.clone()));
    shown.map_or_else(
        |_| "a day far off".to_owned(),
        |at| at.strftime("%A %-d %B at %H:%M").to_string(),
    )
}

pub(super) async fn calls_of(
    shared: &Shared,
    asked: Asked<proto::ListCallsOfCallerRequest>,
) -> Result<Ready<proto::ListCallsOfCallerResponse>, Refusal> {
    let request = asked.request;
    let root = shared.root();
    let mut faults = Faults::default();
    let key = key(shared, request.caller.as_ref(), &mut faults);
    faults.check()?;
    let Some(key) = key else {
        return Ok(Ready::default());
    };
    let live = root
        .calls_of(&key, &request.customer)
        .filter(|call| call.is_shown())
        .take(CALLS_SHOWN_MAX + 1);
    let follow_ups = live.map(|call| call.instances.len()).sum();
    let calls = move |shared: Shared| async move {
        calls_shown(&shared, &root, &key, &request.customer).await
    };
    shared.answer_of(follow_ups, calls).await
}

async fn calls_shown(
    shared: &Shared,
    root: &Root,
    key: &CallerKey,
    customer: &str,
) -> Result<proto::ListCallsOfCallerResponse, Refusal> {
    let shown = |call: &Call, (follow_ups, more_follow_ups): (Vec<proto::FollowUp>, bool)| {
        proto::CallWithFollowUps {
            call: Some(convert::call(call)),
            follow_ups,
            more_follow_ups,
        }
    };
    let live = root
        .calls_of(key, customer)
        .filter(|call| call.is_shown())
        .take(CALLS_SHOWN_MAX + 1);
    let of_live = |call: &Call| follow_ups(root, call, |one| one.is_shown(call));
    let mut calls: Vec<_> = live.map(|call| shown(call, of_live(call))).collect();
    // What has left memory is older than what is in it.
    let wanted = (CALLS_SHOWN_MAX + 1).saturating_sub(calls.len());
    let archive = shared.ledger.archive();
    // A call that was heard of again after it had left memory is shown by what is known of it now.
    let is_shown =
        |call: &Call| call.is_shown() && root.call(&call.key).is_none_or(|live| live.is_shown());
    let found = archive
        .calls_of(
            key,
            (customer, Some(&is_shown)),
            wanted,
            shared.ledger.now(),
        )
        .await;
    let found = found.map_err(|error| refusal::of_history(&error))?;
    let of_archived =
        |found: &FoundCall| archived::follow_ups(root, found, |one| one.is_shown(&found.call));
    calls.extend(
        found
            .iter()
            .map(|found| shown(&found.call, of_archived(found))),
    );
    let more = calls.len() > CALLS_SHOWN_MAX;
    calls.truncate(CALLS_SHOWN_MAX);
    let (calls, is_cut) = pages::first_of(calls.into_iter());
    let more = more || is_cut;
    Ok(proto::ListCallsOfCallerResponse { calls, more })
}
