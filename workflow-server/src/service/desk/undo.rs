//! Taking a push back: the instance as it was before comes from the history.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::UndoPush;
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::work::can_undo_over;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::ledger::history::Walk;
use crate::limits::UNDO_WALK_MAX;
use crate::service::archived;
use crate::service::ask::{Asking, Faults, Prepared, requests};
use crate::service::say::refusal::Reason;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;

/// How often an undo looks at the history again when the follow-up changed between the look and the
/// decision.
const UNDO_TRIES: usize = 3;

pub(crate) async fn undo(
    shared: &Shared,
    asked: Asked<proto::UndoPushRequest>,
) -> Result<proto::UndoPushResponse, Refusal> {
    let request = &asked.request;
    let id = requests::instance_id(&request.instance_id, &mut Faults::default());
    for attempt in 1.. {
        let seen = shared.view().instance(id).map(|instance| instance.sequence);
        let asking = Asking::of_person(&asked);
        let prepare = async {
            let mut faults = Faults::default();
            let id = requests::instance_id(&request.instance_id, &mut faults);
            requests::read_mask(request.read_mask.as_ref(), &mut faults);
            faults.check()?;
            undo_command(shared, request, id).await.map(Prepared::from)
        };
        match shared.execute_new(asking, prepare).await {
            // A timer or the call may have touched it since the look.
            Err(refused)
                if attempt < UNDO_TRIES
                    && refused.reason() == Reason::NothingToUndo
                    && has_changed(shared, id, seen) => {}
            Err(refused) => return Err(refused),
            Ok(answered) => {
                let follow_up = Some(answered.follow_up()?);
                return Ok(proto::UndoPushResponse {
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

fn has_changed(shared: &Shared, id: InstanceId, seen: Option<u64>) -> bool {
    shared.view().instance(id).map(|instance| instance.sequence) != seen
}

/// What takes the newest push back, with the instance as it was before, from the history. Where
/// something has happened since, it names nothing, and is refused.
async fn undo_command(
    shared: &Shared,
    request: &proto::UndoPushRequest,
    id: InstanceId,
) -> Result<UndoPush, Refusal> {
    let view = shared.view();
    let found = archived::anywhere(shared, &request.instance_id).await?;
    let instance = view
        .instance(id)
        .ok_or_else(|| refusal::archived(&view, &found.instance))?;
    let pushed = pushed(shared, instance).await?;
    let (sequence, pushed_by, pushed_at, before) = match pushed {
        Some((pushed_by, pushed_at, before)) => (instance.sequence, pushed_by, pushed_at, before),
        None => {
            let nobody = Actor::named(ActorKind::Person, "");
            (0, nobody, Time::default(), instance.clone())
        }
    };
    Ok(UndoPush {
        instance: id,
        sequence,
        pushed_by: pushed_by.name,
        pushed_by_subject: pushed_by.subject,
        pushed_at,
        before,
        within_millis: i64::try_from(shared.desk.undo.as_millis()).unwrap_or(i64::MAX),
        as_supervisor: request.as_supervisor,
        reason: request.reason.as_str().into(),
    })
}

/// Who pushed last, when, and the instance as it was before; none where something has happened
/// since.
async fn pushed(
    shared: &Shared,
    instance: &Instance,
) -> Result<Option<(Actor, Time, Arc<Instance>)>, Refusal> {
    let mut walk = Walk::of_instance(shared.ledger.history(), instance);
    let failed = |error| refusal::of_history(&error);
    let mut since = Vec::new();
    for _ in 0..UNDO_WALK_MAX {
        let Some((entry, change)) = walk.next().await.map_err(failed)? else {
            return Ok(None);
        };
        if change.kind != ChangeKind::ButtonPushed {
            since.push((entry, change));
            continue;
        }
        let pushed_by = &entry.actor;
        if !since
            .iter()
            .all(|(entry, change)| can_undo_over(entry, change, &pushed_by.name))
        {
            return Ok(None);
        }
        let Some((_, before)) = walk.next().await.map_err(failed)? else {
            return Ok(None);
        };
        let before = shared
            .ledger
            .history()
            .whole(&before)
            .await
            .map_err(failed)?;
        return Ok(Some((pushed_by.clone(), entry.at, before)));
    }
    Ok(None)
}

/// Until when a push that was just made may be taken back.
pub(crate) fn undo_until(shared: &Shared, pushed: &Instance) -> Option<prost_types::Timestamp> {
    let millis = i64::try_from(shared.desk.undo.as_millis())
        .ok()
        .filter(|millis| *millis > 0)?;
    Some(convert::timestamp(Time(
        pushed.entered_at.0.saturating_add(millis),
    )))
}
