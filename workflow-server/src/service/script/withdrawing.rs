//! A script takes a follow-up back, as long as nobody has worked on it, by its history.

use aftercall_engine::command::WithdrawWorkflow;
use aftercall_engine::instance::Instance;
use aftercall_engine::work::is_work;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::ledger::history::Walk;
use crate::limits::WORK_WALK_MAX;
use crate::service::ask::{Asking, Faults, Prepared, has_moved_on, requests};
use crate::service::say::{Refusal, refusal};
use crate::service::shared::Shared;

pub(crate) async fn withdraw(
    shared: &Shared,
    asked: Asked<proto::WithdrawWorkflowRequest>,
) -> Result<proto::WithdrawWorkflowResponse, Refusal> {
    let request = &asked.request;
    for attempt in 1.. {
        let prepare = async {
            let mut faults = Faults::default();
            let instance = requests::instance_id(&request.instance_id, &mut faults);
            let mut expected = request.expected_revision;
            let mut worked = false;
            if let Some(known) = shared.view().instance(instance) {
                // What happens after this look is refused by the revision, and looked at again.
                expected = expected.or(Some(u64::from(known.revision)));
                worked = has_work(shared, known).await?;
            }
            let reason = request.reason.as_str().into();
            Ok(Prepared::new(
                WithdrawWorkflow {
                    instance,
                    reason,
                    expected,
                    worked,
                },
                faults,
            ))
        };
        let asking = Asking::of_script(&asked, &request.instance_id);
        match shared.execute_new(asking, prepare).await {
            Err(refused) if has_moved_on(&refused, request.expected_revision, attempt) => {}
            Err(refused) => return Err(refused),
            Ok(answered) => {
                let follow_up = Some(answered.follow_up()?);
                return Ok(proto::WithdrawWorkflowResponse {
                    follow_up,
                    sequence: answered.sequence,
                });
            }
        }
    }
    Err(refusal::unavailable(
        "the follow-up changes all the time: try again",
    ))
}

/// Whether somebody has worked on an instance. One with more changes than are looked at counts as
/// worked on: taking somebody's work away is worse than leaving what nobody wants.
async fn has_work(shared: &Shared, instance: &Instance) -> Result<bool, Refusal> {
    let mut walk = Walk::of_instance(shared.ledger.history(), instance);
    for _ in 0..WORK_WALK_MAX {
        match walk
            .next()
            .await
            .map_err(|error| refusal::of_history(&error))?
        {
            Some((entry, change)) if is_work(&entry, &change) => return Ok(true),
            Some(_) => {}
            None => return Ok(false),
        }
    }
    Ok(true)
}
