//! What a hand-over and its trial have in common.

use aftercall_engine::Request;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::HandOver;
use aftercall_engine::instance::InstanceId;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::limits::HAND_OVER_MAX;
use crate::reading::Lane;
use crate::service::say::Refusal;
use crate::service::shared::Shared;

/// Takes the place of an instance where a request names none.
pub(super) const NO_INSTANCE: InstanceId = InstanceId {
    made_at: 0,
    slot: u32::MAX,
    salt: 0,
};

/// The command as a request of the person who asks.
pub(super) fn as_person(asked: &Asked<proto::HandOverRequest>, command: HandOver) -> Request {
    Request {
        actor: Actor {
            kind: ActorKind::Person,
            name: asked.actor().into(),
            subject: asked.owner(),
        },
        mark: None,
        salt: 0,
        known: None,
        acts_for: None,
        reach: aftercall_engine::Reach::EVERYTHING,
        command: command.into(),
    }
}

pub(super) fn refused_count(results: &[proto::HandOverResult]) -> u32 {
    let is_refused = |result: &&proto::HandOverResult| !result.reason.is_empty();
    u32::try_from(results.iter().filter(is_refused).count()).unwrap_or(u32::MAX)
}

/// What a person holds, most urgent first, and how much more that is. All slots are looked at:
/// snoozed and hidden follow-ups are in no list of the Call Manager.
pub(super) async fn held_by(
    shared: &Shared,
    holder: &str,
) -> Result<(Vec<InstanceId>, u32), Refusal> {
    let (holder, now): (Box<str>, _) = (holder.into(), shared.ledger.now());
    let walk = shared.walk(Lane::Desk, shared.view(), move |view, should_stop| {
        view.held_by(&holder, now, should_stop)
    });
    let mut held = walk.await?;
    let remaining = held.len().saturating_sub(HAND_OVER_MAX);
    held.truncate(HAND_OVER_MAX);
    Ok((held, u32::try_from(remaining).unwrap_or(u32::MAX)))
}
