//! One instance as a page of text.
//!
//! Promise: what can be done next (buttons, with what they ask for) is on it. Must not: ask a
//! server.

use aftercall_proto::workflow::v1::{Alert, Attempts, Button, FollowUp};
use jiff::Timestamp;

use crate::output::Output;
use crate::values::{call_name, shown_all};
use crate::{time, wording};

/// The page of an instance; times relative to `now`.
pub(crate) fn page(output: Output, instance: &FollowUp, now: Timestamp) -> Vec<String> {
    let title = format!(
        "{}  {} (version {})",
        instance.instance_id, instance.workflow_title, instance.version
    );
    let mut lines = vec![output.strong(&title)];
    lines.extend(state_lines(instance, now));
    lines.extend(instance.alerts.iter().map(|alert| alert_line(alert, now)));
    lines.extend(instance.buttons.iter().map(button_line));
    for timer in &instance.timers {
        let due = time::relative(timer.due.as_ref(), now);
        lines.push(format!(
            "timer     {} {due} → stage {}",
            timer.id, timer.leads_to_stage
        ));
    }
    if !instance.fields.is_empty() {
        let sensitive = &instance.sensitive_fields;
        let fields = output.sensitive().shown(&instance.fields, sensitive);
        lines.push(format!("fields    {}", shown_all(&fields)));
    }
    lines
}

fn alert_line(alert: &Alert, now: Timestamp) -> String {
    let due = prefixed(", due ", time::relative(alert.due.as_ref(), now));
    let priority = wording::priority(alert.priority());
    let seen = prefixed(", seen by ", alert.acknowledged_by.clone());
    let teams = wording::teams(alert);
    let next = time::relative(alert.escalates_at.as_ref(), now);
    let escalates = prefixed(", escalates ", next);
    let escalated = wording::escalated(alert.escalations);
    let again = prefixed(
        ", new again ",
        time::relative(alert.alerts_again_at.as_ref(), now),
    );
    let back = time::relative(alert.snoozed_until.as_ref(), now);
    let snoozed = prefixed(&format!(", snoozed by {}: back ", alert.snoozed_by), back);
    format!(
        "alert     {} ({teams}, {priority}{due}{escalated}{escalates}{seen}{again}{snoozed})",
        alert.text
    )
}

fn button_line(button: &Button) -> String {
    let asks = prefixed(", asks ", wording::asks(button));
    format!(
        "button    [{}] {} → stage {}{asks}",
        button.label, button.id, button.leads_to_stage
    )
}

/// The text after its prefix; nothing where the text is empty.
fn prefixed(prefix: &str, text: String) -> String {
    if text.is_empty() {
        return text;
    }
    format!("{prefix}{text}")
}

fn state_lines(instance: &FollowUp, now: Timestamp) -> Vec<String> {
    let mut lines = vec![format!(
        "status    {}",
        wording::ending(instance.status(), &instance.outcome)
    )];
    if !instance.reason.is_empty() {
        lines.push(format!("reason    {}", instance.reason));
    }
    if instance.stage.is_some() {
        let since = time::relative(instance.stage_entered_at.as_ref(), now);
        lines.push(format!(
            "stage     {}, visit {}, entered {since}",
            wording::stage_of(instance),
            instance.visit
        ));
    }
    if let Some(call) = &instance.call {
        let caller = wording::caller(Some(call));
        lines.push(format!(
            "call      {}  {}  {caller}",
            call_name(call.r#ref.as_ref()),
            call.customer
        ));
    }
    if let Some(claim) = &instance.claim {
        let until = time::relative(claim.until.as_ref(), now);
        lines.push(format!("held by   {}, lease ends {until}", claim.holder));
    }
    lines.extend(worked(instance, now));
    if !instance.visible && instance.ended_at.is_none() {
        lines.push("seen      no: Call Managers do not list it now".to_owned());
    }
    for (word, at) in [
        ("release", &instance.release_at),
        ("deadline", &instance.deadline),
    ] {
        if at.is_some() {
            lines.push(format!(
                "{word:<9} {} ({})",
                time::local(at.as_ref()),
                time::relative(at.as_ref(), now)
            ));
        }
    }
    lines
}

/// What people and the caller have done about it.
fn worked(instance: &FollowUp, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(pause) = &instance.pause {
        let until = time::relative(pause.until.as_ref(), now);
        let until = if until.is_empty() {
            "until somebody resumes it".to_owned()
        } else {
            format!("continues {until}")
        };
        lines.push(format!(
            "paused    by {}, {until}: {}",
            pause.by, pause.reason
        ));
    }
    if instance.chase_count > 0 {
        lines.push(format!("chased    {} times", instance.chase_count));
    }
    if let Some(attempts) = &instance.attempts {
        let at = time::relative(attempts.last_at.as_ref(), now);
        let Attempts {
            count,
            last_outcome,
            last_by,
            ..
        } = attempts;
        lines.push(format!(
            "attempts  {count}, the newest by {last_by} {at}: {last_outcome}"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::{Alert, Button, NoteRule, Status};

    use super::*;
    use crate::output::Form;

    #[test]
    fn the_page_shows_the_form_of_a_button() {
        let instance = FollowUp {
            instance_id: "i-1".to_owned(),
            workflow_title: "Refund".to_owned(),
            version: 1,
            status: Status::Active.into(),
            visible: true,
            alerts: vec![Alert {
                text: "Decide".to_owned(),
                team: "billing".to_owned(),
                priority: 3,
                ..Default::default()
            }],
            buttons: vec![Button {
                id: "reject".to_owned(),
                label: "Reject".to_owned(),
                note: NoteRule::Required.into(),
                leads_to_stage: 4,
                ..Default::default()
            }],
            ..Default::default()
        };
        let lines = page(Output::new(Form::Json), &instance, Timestamp::UNIX_EPOCH);
        let expected = [
            "i-1  Refund (version 1)",
            "status    active",
            "alert     Decide (billing, high)",
            "button    [Reject] reject → stage 4, asks --note TEXT",
        ];
        assert_eq!(lines, expected);
    }
}
