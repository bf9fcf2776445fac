//! What operations decide about the server itself: which clock counts, and whether more may be
//! removed than a pass may on its own.

use std::sync::Arc;

use aftercall_engine::archive::PurgeConfirmation;
use aftercall_engine::command::{AcceptClock, ConfirmPurge};
use aftercall_engine::entry::Answer;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::ledger::Condition;
use crate::service::ask::Asking;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;

/// A condition, as the API shows it.
pub(crate) fn condition((condition, sentence): (Condition, &Arc<str>)) -> proto::ServerCondition {
    proto::ServerCondition {
        name: condition.name().to_owned(),
        message: sentence.to_string(),
        unready: condition.is_unready(),
    }
}

/// Makes the wall clock the server's time, by an entry of its own.
pub(crate) async fn accept_clock(
    shared: &Shared,
    asked: Asked<proto::AcceptClockRequest>,
) -> Result<proto::AcceptClockResponse, Refusal> {
    let asking = Asking::of_operations(&asked);
    let command = AcceptClock {
        to: shared.ledger.clock_to_accept(),
    };
    let answered = shared.execute(asking, command).await?;
    let (before, after) = match answered.answer {
        Answer::ClockAccepted { from, to } => (from, to),
        // No other answer is given to this command.
        _ => (shared.ledger.now(), shared.ledger.now()),
    };
    let change = match after.cmp(&before) {
        std::cmp::Ordering::Less => proto::ClockChange::Back,
        std::cmp::Ordering::Equal => proto::ClockChange::None,
        std::cmp::Ordering::Greater => proto::ClockChange::Forward,
    };
    if change != proto::ClockChange::None {
        let (from, to) = (convert::timestamp(before), convert::timestamp(after));
        tracing::warn!(actor = asked.actor(), %from, %to, "the wall clock was accepted as the server's time");
    }
    Ok(proto::AcceptClockResponse {
        server_time: Some(convert::timestamp(shared.ledger.now())),
        change: change.into(),
        time_before: Some(convert::timestamp(before)),
        time_after: Some(convert::timestamp(after)),
        sequence: answered.sequence,
    })
}

/// Allows the next pass to remove what waits now, by an entry of its own.
pub(crate) async fn confirm_purge(
    shared: &Shared,
    asked: Asked<proto::ConfirmPurgeRequest>,
) -> Result<proto::ConfirmPurgeResponse, Refusal> {
    let asking = Asking::of_operations(&asked);
    let command = ConfirmPurge {
        instances: shared.ledger.purge_waiting(),
    };
    let answered = shared.execute(asking, command).await?;
    // No other answer is given to this command.
    let Answer::PurgeConfirmed(instances) = answered.answer else {
        return Err(refusal::answer_gone());
    };
    if instances > 0 {
        tracing::warn!(
            actor = asked.actor(),
            instances,
            "the removal of what has outlived its retention was confirmed"
        );
        shared.ledger.wake_keeper();
    }
    Ok(proto::ConfirmPurgeResponse {
        instances,
        sequence: answered.sequence,
    })
}

/// The newest confirmation of a purge, as the API shows it.
pub(crate) fn purge_confirmed(confirmed: &PurgeConfirmation) -> proto::PurgeConfirmation {
    proto::PurgeConfirmation {
        actor: confirmed.actor.name.to_string(),
        at: Some(convert::timestamp(confirmed.at)),
        instances: confirmed.instances,
        sequence: confirmed.sequence,
    }
}
