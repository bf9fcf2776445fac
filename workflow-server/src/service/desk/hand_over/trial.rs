//! Tries a hand-over without changing anything, as the dry run of a batch does.

use aftercall_engine::Rejection;
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::HandOver;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::recipient::Recipient;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use super::wanted::{NO_INSTANCE, as_person, held_by, refused_count};
use crate::reading::Lane;
use crate::service::ask::{Faults, requests};
use crate::service::say::{ReadMask, Refusal, convert, follow_up, refusal};
use crate::service::shared::Shared;
use crate::service::view::View;

/// What would become of each follow-up now.
pub(super) async fn try_all(
    shared: &Shared,
    asked: &Asked<proto::HandOverRequest>,
    named: Vec<InstanceId>,
    to: Recipient,
) -> Result<proto::HandOverResponse, Refusal> {
    let request = &asked.request;
    let (ids, left_out) = match &*request.all_of {
        "" => (named, 0),
        holder => held_by(shared, holder).await?,
    };
    let reason: Box<str> = request.reason.as_str().into();
    let of_none = HandOver {
        instance: NO_INSTANCE,
        to: to.clone(),
        reason: reason.clone(),
    };
    let actor = as_person(asked, of_none).actor;
    let mask = requests::read_mask(request.read_mask.as_ref(), &mut Faults::default());
    let start = StartBatch {
        work: BatchWork::HandOver(to),
        items: BatchItems::named(ids),
        reason,
        per_second: 1,
    };
    let (view, now) = (shared.view(), shared.ledger.now());
    let sequence = view.sequence();
    let tried = shared.walk(Lane::Desk, view, move |view, should_stop| {
        let to_result = |id: InstanceId, tried: Result<&Instance, Rejection>| {
            // What is out of scope does not exist.
            let seen = view.instance(id).ok_or(Rejection::NoSuchInstance(id));
            match seen.and(tried) {
                Ok(instance) => would_have(view, (instance, &start.work), &mask),
                Err(rejection) => {
                    let refused = refusal::of_rejection(rejection, view);
                    proto::HandOverResult {
                        instance_id: id.to_string(),
                        reason: refused.reason().word().to_owned(),
                        message: refused.message().to_owned(),
                        ..proto::HandOverResult::default()
                    }
                }
            }
        };
        view.try_batch(&start, (&actor, now), to_result, should_stop)
    });
    let results = tried.await?;
    let still_held = match &*request.all_of {
        "" => 0,
        _ => refused_count(&results),
    };
    Ok(proto::HandOverResponse {
        results,
        remaining: left_out.saturating_add(still_held),
        sequence,
    })
}

/// A follow-up as it would be.
fn would_have(
    view: &View,
    (instance, work): (&Instance, &BatchWork),
    mask: &ReadMask,
) -> proto::HandOverResult {
    let is_visible = view.is_visible(instance);
    let holder = instance.claim.as_ref().map_or("", |claim| &claim.by);
    let is_named =
        matches!(work, BatchWork::HandOver(Recipient::Person { name, .. }) if **name == *holder);
    let away = view.away_for(holder, instance);
    proto::HandOverResult {
        instance_id: instance.id.to_string(),
        follow_up: is_visible.then(|| follow_up::follow_up(view, instance, mask)),
        instead: if is_named { "" } else { holder }.to_owned(),
        away_until: away.map(|away| convert::timestamp(away.until)),
        ..proto::HandOverResult::default()
    }
}
