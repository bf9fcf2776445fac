//! What people do at their desks besides pushing and claiming: snooze, pause, resume, and take a
//! push back.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::Root;
use aftercall_engine::command::{
    FinishFollowUp, PauseInstance, Requested, ResumeInstance, SnoozeAlert, SnoozeUntil, UndoPush,
};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::{Alert, Instance, InstanceId};
use aftercall_engine::query::wall_clock_of;
use aftercall_engine::work::can_undo_over;
use aftercall_proto::workflow::v1 as proto;

use super::requests::{self, Faults};
use super::{Asked, Asking, Prepared, Refusal, Shared, archived, convert, refusal};
use crate::ledger::history::Walk;
use crate::limits::UNDO_WALK_MAX;

/// How often an undo looks at the history again when the follow-up changed between the look and the
/// decision.
const UNDO_TRIES: usize = 3;

pub(super) async fn snooze(
    shared: &Shared,
    asked: Asked<proto::SnoozeAlertRequest>,
) -> Result<proto::SnoozeAlertResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let seen = requests::seen_alert(
        &shared.root(),
        (&request.alert_id, &request.team),
        request.escalations,
        &mut faults,
    );
    let command = SnoozeAlert {
        instance: requests::instance_id(&request.instance_id, &mut faults),
        alert: seen,
        until: snooze_until(request.when.as_ref(), &mut faults),
        outcome: request.attempt_outcome.as_str().into(),
        note: request.note.as_str().into(),
    };
    let asking = Asking::of_person(&asked);
    let answered = shared.execute(asking.at_fault(faults), command).await?;
    let instance = answered.instance()?;
    let is_present = (seen.stage, seen.visit) == (instance.stage, instance.visit());
    let alert = instance
        .alerts
        .iter()
        .find(|alert| is_present && alert.action == seen.action);
    let snooze = alert.and_then(|alert| alert.snooze.as_ref());
    Ok(proto::SnoozeAlertResponse {
        follow_up: Some(answered.follow_up()?),
        snoozed_until: snooze.map(|snooze| convert::timestamp(snooze.until)),
        warnings: alert.map_or_else(Vec::new, |alert| {
            back_too_late(&answered.root, instance, alert)
        }),
        sequence: answered.sequence,
    })
}

/// A snooze may reach past the time at which the work should be done, because the caller asked for
/// it; the person should know. In a pause nothing becomes due.
fn back_too_late(root: &Root, instance: &Instance, alert: &Alert) -> Vec<String> {
    let until = alert
        .snooze
        .as_ref()
        .map(|snooze| snooze.until)
        .filter(|_| instance.pause.is_none());
    let dues = [
        ("the alert is due", alert.due),
        ("the deadline is", instance.deadline),
    ];
    let late = dues
        .into_iter()
        .filter_map(|(what, due)| Some((what, due.filter(|due| Some(*due) < until)?)));
    let clock = wall_clock_of(root, instance);
    late.map(|(what, due)| {
        format!(
            "{what} at {}, before the alert comes back",
            clock.show_seconds(due)
        )
    })
    .collect()
}

fn snooze_until(
    when: Option<&proto::snooze_alert_request::When>,
    faults: &mut Faults,
) -> SnoozeUntil {
    use proto::snooze_alert_request::When;
    let read = match when {
        Some(When::Until(stamp)) => requests::time(*stamp)
            .map(SnoozeUntil::Moment)
            .ok_or(("until", "is not a moment")),
        Some(When::Duration(span)) => requests::span_millis(*span)
            .map(SnoozeUntil::For)
            .ok_or(("duration", "is not a duration")),
        Some(When::Days(days)) => Ok(SnoozeUntil::Days(*days)),
        Some(When::LocalTime(text)) => Ok(SnoozeUntil::Clock(text.as_str().into())),
        Some(When::EndNow(true)) => Ok(SnoozeUntil::Now),
        Some(When::EndNow(false)) | None => Err((
            "when",
            "must be given: until, duration, days, local_time or end_now",
        )),
    };
    read.unwrap_or_else(|(field, message)| {
        faults.add(field, message);
        SnoozeUntil::Now
    })
}

pub(super) async fn pause(
    shared: &Shared,
    asked: Asked<proto::PauseFollowUpRequest>,
) -> Result<proto::PauseFollowUpResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let until = request.until.and_then(|stamp| {
        let until = requests::time(stamp);
        if until.is_none() {
            faults.add("until", "is not a moment");
        }
        until
    });
    let command = PauseInstance {
        instance: requests::instance_id(&request.instance_id, &mut faults),
        until,
        reason: request.reason.as_str().into(),
        expected: request.expected_revision,
    };
    let asking = Asking::of_person(&asked);
    let (follow_up, sequence) = changed(shared, asking.at_fault(faults), command).await?;
    Ok(proto::PauseFollowUpResponse {
        follow_up,
        sequence,
    })
}

pub(super) async fn resume(
    shared: &Shared,
    asked: Asked<proto::ResumeFollowUpRequest>,
) -> Result<proto::ResumeFollowUpResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let command = ResumeInstance {
        instance: requests::instance_id(&request.instance_id, &mut faults),
        note: request.note.as_str().into(),
        expected: request.expected_revision,
    };
    let asking = Asking::of_person(&asked);
    let (follow_up, sequence) = changed(shared, asking.at_fault(faults), command).await?;
    Ok(proto::ResumeFollowUpResponse {
        follow_up,
        sequence,
    })
}

pub(super) async fn finish(
    shared: &Shared,
    asked: Asked<proto::FinishFollowUpRequest>,
) -> Result<proto::FinishFollowUpResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    if request.stage == 0 {
        faults.add(
            "stage",
            "must be given: the number of the stage that the person was looking at",
        );
    }
    let command = FinishFollowUp {
        instance: requests::instance_id(&request.instance_id, &mut faults),
        stage: request.stage,
        visit: request.visit,
        outcome: request.outcome.as_str().into(),
        note: request.note.as_str().into(),
        expected: request.expected_revision,
    };
    let asking = Asking::of_person(&asked);
    let (follow_up, sequence) = changed(shared, asking.at_fault(faults), command).await?;
    Ok(proto::FinishFollowUpResponse {
        follow_up,
        sequence,
    })
}

pub(super) async fn undo(
    shared: &Shared,
    asked: Asked<proto::UndoPushRequest>,
) -> Result<proto::UndoPushResponse, Refusal> {
    let request = &asked.request;
    let id = requests::instance_id(&request.instance_id, &mut Faults::default());
    for attempt in 1.. {
        let seen = shared.root().instance(id).map(|instance| instance.sequence);
        let asking = Asking::of_person(&asked);
        let prepare = async {
            let mut faults = Faults::default();
            let id = requests::instance_id(&request.instance_id, &mut faults);
            faults.check()?;
            undo_command(shared, request, id).await.map(Prepared::from)
        };
        match shared.execute_new(asking, prepare).await {
            // A timer or the call may have touched it since the look.
            Err(refused)
                if attempt < UNDO_TRIES
                    && refused.has_reason("NOTHING_TO_UNDO")
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
    shared.root().instance(id).map(|instance| instance.sequence) != seen
}

/// What takes the newest push back, with the instance as it was before, from the history. Where
/// something has happened since, it names nothing, and is refused.
async fn undo_command(
    shared: &Shared,
    request: &proto::UndoPushRequest,
    id: InstanceId,
) -> Result<UndoPush, Refusal> {
    let root = shared.root();
    let found = archived::anywhere(shared, &request.instance_id).await?;
    let instance = root
        .instance(id)
        .ok_or_else(|| refusal::archived(&root, &found.instance))?;
    let pushed = pushed(shared, instance).await?;
    let (sequence, pushed_by, pushed_at, before) = match pushed {
        Some((pushed_by, pushed_at, before)) => (instance.sequence, pushed_by, pushed_at, before),
        None => (0, "".into(), Time::default(), instance.clone()),
    };
    Ok(UndoPush {
        instance: id,
        sequence,
        pushed_by,
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
) -> Result<Option<(Box<str>, Time, Arc<Instance>)>, Refusal> {
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
        let pushed_by = &entry.actor.name;
        if !since
            .iter()
            .all(|(entry, change)| can_undo_over(entry, change, pushed_by))
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
pub(super) fn undo_until(shared: &Shared, pushed: &Instance) -> Option<prost_types::Timestamp> {
    let millis = i64::try_from(shared.desk.undo.as_millis())
        .ok()
        .filter(|millis| *millis > 0)?;
    Some(convert::timestamp(Time(
        pushed.entered_at.0.saturating_add(millis),
    )))
}

async fn changed(
    shared: &Shared,
    asking: Asking,
    command: impl Requested,
) -> Result<(Option<proto::FollowUp>, u64), Refusal> {
    let answered = shared.execute(asking, command).await?;
    Ok((Some(answered.follow_up()?), answered.sequence))
}
