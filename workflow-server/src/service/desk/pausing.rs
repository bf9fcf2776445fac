//! What people do at their desks besides pushing and claiming: snooze, pause, resume, and take a
//! push back.

use aftercall_engine::command::{
    FinishFollowUp, PauseInstance, Requested, ResumeInstance, SnoozeAlert, SnoozeUntil,
};
use aftercall_engine::instance::{Alert, Instance};
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::service::ask::{Asking, Faults, requests};
use crate::service::say::{Refusal, convert};
use crate::service::shared::Shared;
use crate::service::view::Names;

pub(crate) async fn snooze(
    shared: &Shared,
    asked: Asked<proto::SnoozeAlertRequest>,
) -> Result<proto::SnoozeAlertResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let seen = requests::seen_alert(
        &shared.view(),
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
    let answered = shared.execute(asking.with_errors(faults), command).await?;
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
            back_too_late(&answered.view, instance, alert)
        }),
        sequence: answered.sequence,
    })
}

/// A snooze may reach past the time at which the work should be done, because the caller asked for
/// it; the person should know. In a pause nothing becomes due.
fn back_too_late(names: &Names, instance: &Instance, alert: &Alert) -> Vec<String> {
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
    let clock = names.wall_clock_of(instance);
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

pub(crate) async fn pause(
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
    let (follow_up, sequence) = changed(shared, asking.with_errors(faults), command).await?;
    Ok(proto::PauseFollowUpResponse {
        follow_up,
        sequence,
    })
}

pub(crate) async fn resume(
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
    let (follow_up, sequence) = changed(shared, asking.with_errors(faults), command).await?;
    Ok(proto::ResumeFollowUpResponse {
        follow_up,
        sequence,
    })
}

pub(crate) async fn finish(
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
    let (follow_up, sequence) = changed(shared, asking.with_errors(faults), command).await?;
    Ok(proto::FinishFollowUpResponse {
        follow_up,
        sequence,
    })
}

async fn changed(
    shared: &Shared,
    asking: Asking,
    command: impl Requested,
) -> Result<(Option<proto::FollowUp>, u64), Refusal> {
    let answered = shared.execute(asking, command).await?;
    Ok((Some(answered.follow_up()?), answered.sequence))
}
