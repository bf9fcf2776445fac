//! Claims: people take follow-ups, extend their claims, release them and take them over.

use aftercall_engine::command::{
    ClaimInstance, ClaimNext, ExtendClaim, ReleaseClaim, Requested, TakeOver,
};
use aftercall_engine::entry::Answer;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::limits::CLAIM_TRIES;
use crate::service::ask::{Answered, Asking, Faults, Prepared, filters, requests};
use crate::service::desk::claim_search;
use crate::service::say::Refusal;
use crate::service::say::refusal::Reason;
use crate::service::shared::Shared;

pub(crate) async fn claim(
    shared: &Shared,
    asked: Asked<proto::ClaimFollowUpRequest>,
) -> Result<proto::ClaimFollowUpResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let instance = requests::instance_id(&request.instance_id, &mut faults);
    let command = ClaimInstance {
        instance,
        lease_millis: requests::lease(request.lease, &mut faults),
    };
    let asking = Asking::of_person(&asked);
    let (follow_up, sequence) = held(shared, asking.with_errors(faults), command).await?;
    Ok(proto::ClaimFollowUpResponse {
        follow_up,
        sequence,
    })
}

pub(crate) async fn extend(
    shared: &Shared,
    asked: Asked<proto::ExtendClaimRequest>,
) -> Result<proto::ExtendClaimResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let instance = requests::instance_id(&request.instance_id, &mut faults);
    let command = ExtendClaim {
        instance,
        lease_millis: requests::lease(request.lease, &mut faults),
    };
    let asking = Asking::of_person(&asked);
    let (follow_up, sequence) = held(shared, asking.with_errors(faults), command).await?;
    Ok(proto::ExtendClaimResponse {
        follow_up,
        sequence,
    })
}

pub(crate) async fn release(
    shared: &Shared,
    asked: Asked<proto::ReleaseClaimRequest>,
) -> Result<proto::ReleaseClaimResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let instance = requests::instance_id(&request.instance_id, &mut faults);
    let asking = Asking::of_person(&asked);
    let (follow_up, sequence) = held(
        shared,
        asking.with_errors(faults),
        ReleaseClaim { instance },
    )
    .await?;
    Ok(proto::ReleaseClaimResponse {
        follow_up,
        sequence,
    })
}

pub(crate) async fn take_over(
    shared: &Shared,
    asked: Asked<proto::TakeOverRequest>,
) -> Result<proto::TakeOverResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let instance = requests::instance_id(&request.instance_id, &mut faults);
    let lease_millis = requests::lease(request.lease, &mut faults);
    let command = TakeOver {
        instance,
        lease_millis,
        reason: request.reason.as_str().into(),
    };
    let asking = Asking::of_person(&asked);
    let (follow_up, sequence) = held(shared, asking.with_errors(faults), command).await?;
    Ok(proto::TakeOverResponse {
        follow_up,
        sequence,
    })
}

pub(crate) async fn claim_next(
    shared: &Shared,
    asked: Asked<proto::ClaimNextRequest>,
) -> Result<proto::ClaimNextResponse, Refusal> {
    let answered = first_free(shared, &asked).await?;
    let follow_up = match &answered.answer {
        Answer::Done => None,
        _ => Some(answered.follow_up()?),
    };
    Ok(proto::ClaimNextResponse {
        follow_up,
        sequence: answered.sequence,
    })
}

/// Searches, then claims the first that is still free; again where others took all that was found.
async fn first_free(
    shared: &Shared,
    asked: &Asked<proto::ClaimNextRequest>,
) -> Result<Answered, Refusal> {
    let mut tries = 1;
    loop {
        let asking = Asking::of_person(asked);
        match shared
            .execute_new(asking, search(shared, &asked.request))
            .await
        {
            Err(refused) if refused.reason() == Reason::CandidatesTaken && tries < CLAIM_TRIES => {
                tries += 1;
            }
            answered => return answered,
        }
    }
}

async fn search(shared: &Shared, request: &proto::ClaimNextRequest) -> Result<Prepared, Refusal> {
    let asked = request.filter.clone().unwrap_or_default();
    let view = shared.view();
    let (filter, mut faults) = filters::waiting(&view, &asked, shared.desk.country);
    let filter = view.within(filter);
    if asked.unclaimed || !asked.holders.is_empty() {
        faults.add(
            "filter",
            "the next is one that nobody holds: leave holders and unclaimed out",
        );
    }
    let lease_millis = requests::lease(request.lease, &mut faults);
    let candidates = if faults.is_empty() {
        claim_search::candidates(shared, &filter).await?
    } else {
        Vec::new()
    };
    let command = ClaimNext {
        filter,
        candidates,
        lease_millis,
    };
    Ok(Prepared::new(command, faults))
}

async fn held(
    shared: &Shared,
    asking: Asking,
    command: impl Requested,
) -> Result<(Option<proto::FollowUp>, u64), Refusal> {
    let answered = shared.execute(asking, command).await?;
    Ok((Some(answered.follow_up()?), answered.sequence))
}
