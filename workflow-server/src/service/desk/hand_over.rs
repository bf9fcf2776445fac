//! Handing over: many follow-ups in one request, each given or refused on its own.
//!
//! Promises: what was begun is carried out even if the client disconnects. Repeated with the same
//! id, it is about the same follow-ups: what was given has its first answer, what was refused is
//! tried again.

mod trial;
mod wanted;

use std::collections::HashSet;

use aftercall_definition::value::Value;
use aftercall_engine::Entry;
use aftercall_engine::command::{HandOver, ListHandOver};
use aftercall_engine::entry::{AWAY_UNTIL, Answer, INSTEAD_OF, TO_PERSON};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::recipient::Recipient;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;
use futures::{StreamExt as _, stream};
use wanted::{NO_INSTANCE, as_person, held_by, refused_count};

use crate::limits::{HAND_OVER_AT_ONCE, HAND_OVER_MAX, HAND_OVER_REQUEST_ID_CHARS_MAX};
use crate::service::ask::{Answered, Asking, Faults, Prepared, requests};
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;

pub(crate) async fn hand_over(
    shared: &Shared,
    asked: Asked<proto::HandOverRequest>,
) -> Result<proto::HandOverResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let (to, reason) = (
        recipient(shared, request, &mut faults),
        request.reason.as_str().into(),
    );
    let ids = ids(request, &mut faults);
    requests::read_mask(request.read_mask.as_ref(), &mut faults);
    let of_first = HandOver {
        instance: ids.first().copied().unwrap_or(NO_INSTANCE),
        to: to.clone(),
        reason,
    };
    let errors = aftercall_engine::request_errors(&as_person(&asked, of_first));
    let faults = faults.with(errors);
    if !faults.is_empty() {
        return Err(refusal::invalid(faults));
    }
    if request.dry_run {
        return trial::try_all(shared, &asked, ids, to).await;
    }
    let (ids, left_out) = listed(shared, &asked, ids).await?;
    let shared = shared.clone();
    // A task of its own: a client that goes away does not leave half of a shift's work behind.
    let given = tokio::spawn(async move {
        let (shared, asked) = (&shared, &asked);
        let results = stream::iter(ids)
            .map(|id| one(shared, asked, id, &to))
            .buffered(HAND_OVER_AT_ONCE);
        let (results, sequences): (Vec<_>, Vec<_>) = results.unzip().await;
        let newest = shared.view().sequence();
        // Where nothing was given, the answer is of now.
        let sequence = sequences.into_iter().max().filter(|given| *given > 0);
        let still_held = if asked.request.all_of.is_empty() {
            0
        } else {
            refused_count(&results)
        };
        proto::HandOverResponse {
            results,
            remaining: left_out.saturating_add(still_held),
            sequence: sequence.unwrap_or(newest),
        }
    });
    given.await.map_err(|error| refusal::internal(&error))
}

/// The follow-ups that a request is about, and how many more there are than it takes. With a
/// request id they are written down first: what a person holds is no longer the same when the
/// request is repeated.
async fn listed(
    shared: &Shared,
    asked: &Asked<proto::HandOverRequest>,
    named: Vec<InstanceId>,
) -> Result<(Vec<InstanceId>, u32), Refusal> {
    let request = &asked.request;
    let list = async {
        if request.all_of.is_empty() {
            Ok((named, 0))
        } else {
            held_by(shared, &request.all_of).await
        }
    };
    if request.request_id.is_empty() {
        return list.await;
    }
    let asking = Asking::of_person(asked);
    let prepare = async {
        let (instances, remaining) = list.await?;
        Ok(Prepared::from(ListHandOver {
            instances,
            remaining,
        }))
    };
    match shared.execute_new(asking, prepare).await?.answer {
        Answer::HandOver {
            instances,
            remaining,
        } => Ok((instances, remaining)),
        _ => Err(refusal::answer_gone()),
    }
}

/// Gives one; what became of it, and the sequence if it was given.
async fn one(
    shared: &Shared,
    asked: &Asked<proto::HandOverRequest>,
    instance: InstanceId,
    to: &Recipient,
) -> (proto::HandOverResult, u64) {
    let request = &asked.request;
    // The id holds for each of them; what else is in the request is not part of what is asked of
    // one.
    let request_id = match request.request_id.as_str() {
        "" => String::new(),
        id => format!("{id}/{instance}"),
    };
    let of_one = proto::HandOverRequest {
        instance_ids: Vec::new(),
        all_of: String::new(),
        ..request.clone()
    };
    let asking = Asking::of_person(&asked.part(of_one)).into_part("HandOver of one", request_id);
    let command = HandOver {
        instance,
        to: to.clone(),
        reason: request.reason.as_str().into(),
    };
    let answered = shared.execute(asking, command).await;
    // What the Call Manager must not show is handed over all the same.
    let entry = answered.as_ref().ok().and_then(|one| one.entry.clone());
    let shown = |answered: &Answered| -> Result<Option<proto::FollowUp>, Refusal> {
        let found = answered.found()?;
        let is_visible = found.instance.is_visible(&found.call);
        is_visible.then(|| answered.follow_up()).transpose()
    };
    let given = answered.and_then(|answered| Ok((shown(&answered)?, answered.sequence)));
    let result = proto::HandOverResult {
        instance_id: instance.to_string(),
        ..recipient_in(entry.as_deref())
    };
    match given {
        Ok((follow_up, sequence)) => (
            proto::HandOverResult {
                follow_up,
                ..result
            },
            sequence,
        ),
        Err(refused) => {
            let reason = refused.reason().word().to_owned();
            (
                proto::HandOverResult {
                    reason,
                    message: refused.message().to_owned(),
                    ..result
                },
                0,
            )
        }
    }
}

/// Who has a follow-up, where that is not the person who was named, and until when that one is away.
fn recipient_in(entry: Option<&Entry>) -> proto::HandOverResult {
    let value = |name: &str| {
        let values = entry.map_or(&[][..], |entry| &entry.details.values);
        values.iter().find(|(of, _)| **of == *name)
    };
    let text = |value: Option<&(Box<str>, Value)>| match value {
        Some((_, Value::Text(text))) => text.to_string(),
        _ => String::new(),
    };
    let instead = value(INSTEAD_OF).and_then(|_| value(TO_PERSON));
    let away_until = match value(AWAY_UNTIL) {
        Some((_, Value::Time(until))) => Some(convert::timestamp(*until)),
        _ => None,
    };
    proto::HandOverResult {
        instead: text(instead),
        away_until,
        ..proto::HandOverResult::default()
    }
}

fn recipient(shared: &Shared, request: &proto::HandOverRequest, faults: &mut Faults) -> Recipient {
    if request.release {
        if !request.to_person.is_empty() || !request.to_team.is_empty() {
            faults.add("release", "must not be given with a person or a team");
        }
        return Recipient::Release;
    }
    let lease_millis = requests::lease(request.lease, faults);
    let nobody = Recipient::Team { team: u32::MAX };
    match (request.to_person.as_str(), request.to_team.as_str()) {
        ("", "") => faults.add("to_person", "name a person or a team, or give release"),
        (_, "") => {
            return Recipient::Person {
                name: request.to_person.as_str().into(),
                lease_millis,
            };
        }
        ("", name) => match shared.view().teams().place(name) {
            Some(team) => return Recipient::Team { team },
            None => faults.add("to_team", format!("there is no team `{name}`")),
        },
        _ => faults.add("to_team", "name a person or a team, not both"),
    }
    nobody
}

/// The instances that are named, each once, in order.
fn ids(request: &proto::HandOverRequest, faults: &mut Faults) -> Vec<InstanceId> {
    if request.request_id.chars().count() > HAND_OVER_REQUEST_ID_CHARS_MAX {
        faults.add(
            "request_id",
            format!("has more than {HAND_OVER_REQUEST_ID_CHARS_MAX} characters"),
        );
    }
    match (request.instance_ids.len(), request.all_of.is_empty()) {
        (0, true) => faults.add(
            "instance_ids",
            "name the follow-ups, or whose work it is in all_of",
        ),
        (1.., false) => faults.add("all_of", "name the follow-ups or a person, not both"),
        (count, _) if count > HAND_OVER_MAX => {
            faults.add(
                "instance_ids",
                format!("has {count} values, at most {HAND_OVER_MAX} are allowed"),
            );
        }
        _ => {}
    }
    let mut seen = HashSet::new();
    let mut ids = Vec::new();
    for (at, text) in request.instance_ids.iter().take(HAND_OVER_MAX).enumerate() {
        match text.parse::<InstanceId>() {
            Ok(id) => ids.extend(seen.insert(id).then_some(id)),
            Err(error) => faults.add(format!("instance_ids[{at}]"), error.to_string()),
        }
    }
    ids
}
