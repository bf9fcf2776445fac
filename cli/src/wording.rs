//! Proto enums and follow-ups in the words that people use.
//!
//! Promise: one word for one thing, on every page of the command line. Must not: print, or ask a
//! server.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::{
    Actor, ActorKind, Alert, Call, Cause, ChangeKind, FollowUp, FollowUpFilter, NoteRule, Priority,
    Stage, Status, Value,
};

use crate::sensitive::Sensitive;
use crate::values;

/// A status in a word.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Unspecified => "",
        Status::WaitingForCallEnd => "waiting for the call to end",
        Status::Active => "active",
        Status::Paused => "paused",
        Status::Incomplete => "incomplete",
        Status::Finished => "finished",
        Status::Cancelled => "cancelled",
    }
}

/// A priority in a word.
pub(crate) fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Unspecified => "",
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "urgent",
    }
}

/// A stage as people follow it: number and title.
pub(crate) fn stage(stage: Option<&Stage>) -> String {
    stage
        .map(|stage| format!("{} {}", stage.number, stage.title))
        .unwrap_or_default()
}

/// The stage of a follow-up, and the last one of its workflow: "2 of 4 To be paid".
pub(crate) fn stage_of(follow_up: &FollowUp) -> String {
    let Some(stage) = &follow_up.stage else {
        return String::new();
    };
    match follow_up.last_stage {
        0 => self::stage(Some(stage)),
        last => format!("{} of {last} {}", stage.number, stage.title),
    }
}

/// Who did something.
pub(crate) fn actor(actor: Option<&Actor>) -> String {
    let Some(actor) = actor else {
        return String::new();
    };
    match actor.kind() {
        ActorKind::Timer => "a timer".to_owned(),
        ActorKind::Server => "the server".to_owned(),
        ActorKind::ScriptEngine => format!("script {}", actor.name),
        _ => actor.name.clone(),
    }
}

/// What happened and why, without who.
pub(crate) fn cause(cause: Option<&Cause>, sensitive: Sensitive) -> String {
    cause_on(cause, "another version", sensitive)
}

/// The same, where it is known on which version it has been since.
pub(crate) fn cause_on(cause: Option<&Cause>, version: &str, sensitive: Sensitive) -> String {
    let Some(cause) = cause else {
        return String::new();
    };
    let mut values = sensitive.shown(&cause.values, &cause.sensitive_values);
    let mut parts = vec![what(cause, &mut values, version)];
    if !cause.note.is_empty() {
        parts.push(format!("\"{}\"", cause.note));
    }
    if !values.is_empty() {
        parts.push(values::shown_all(&values));
    }
    parts.join(" ")
}

/// What happened. Takes the values that the sentence names.
fn what(cause: &Cause, values: &mut BTreeMap<String, Value>, version: &str) -> String {
    let mut named = |before: &str, name: &str, otherwise: &str| {
        let shown = values
            .remove(name)
            .map(|value| format!("{before}{}", values::shown(&value)));
        shown.unwrap_or_else(|| otherwise.to_owned())
    };
    match cause.kind() {
        ChangeKind::Unspecified => "changed".to_owned(),
        ChangeKind::Set => "set on the call".to_owned(),
        ChangeKind::ButtonPushed => format!("pushed {}", cause.title),
        ChangeKind::TimerElapsed => format!("timer {} elapsed", cause.title),
        ChangeKind::AlertAcknowledged => "seen".to_owned(),
        ChangeKind::ClaimExtended => "extended the claim".to_owned(),
        ChangeKind::ClaimReleased => "released the claim".to_owned(),
        ChangeKind::ClaimLapsed => format!("the lease{} ran out", named(" of ", "holder", "")),
        ChangeKind::TakenOver => format!("taken over{}", named(" from ", "from", "")),
        ChangeKind::HandedOver => {
            let (from, team) = (named(" from ", "from", ""), named(" to team ", "team", ""));
            let instead = named(" instead of ", "instead_of", "");
            format!(
                "handed over{from}{}{instead}",
                named(" to ", "person", &team)
            )
        }
        ChangeKind::AlertReturned => "snooze ended".to_owned(),
        ChangeKind::AlertedAgain => {
            format!(
                "new again: nobody worked on it{}",
                named(", seen by ", "seen_by", "")
            )
        }
        ChangeKind::PushUndone => "took the push back".to_owned(),
        ChangeKind::Chased => "caller asked again".to_owned(),
        ChangeKind::Migrated => format!("moved to {version}"),
        ChangeKind::NoteAdded => "note".to_owned(),
        ChangeKind::Finished => "finished by hand".to_owned(),
        ChangeKind::Replaced => format!("replaced by {}", named("", "by", "a newer one")),
        // The words of most kinds are their names.
        kind => words(kind),
    }
}

/// The name of a kind as words: CHANGE_KIND_CALL_ENDED is "call ended".
fn words(kind: ChangeKind) -> String {
    let name = kind.as_str_name().trim_start_matches("CHANGE_KIND_");
    name.to_lowercase().replace('_', " ")
}

/// The caller, as the list shows them.
pub(crate) fn caller(call: Option<&Call>) -> String {
    let Some(caller) = call.and_then(|call| call.caller.as_ref()) else {
        return String::new();
    };
    if caller.name.is_empty() {
        caller.phone.clone()
    } else {
        caller.name.clone()
    }
}

/// The buttons that may be pushed now: label, and the id where it is another word.
pub(crate) fn buttons(follow_up: &FollowUp) -> String {
    let shown: Vec<_> = follow_up
        .buttons
        .iter()
        .map(|button| format!("[{}]", button.label))
        .collect();
    shown.join(" ")
}

/// What a button asks for, beside its label.
pub(crate) fn asks(button: &aftercall_proto::workflow::v1::Button) -> String {
    let mut asked = Vec::new();
    if button.note() == NoteRule::Required {
        asked.push("--note TEXT".to_owned());
    }
    asked.extend(
        button
            .form
            .iter()
            .map(|field| format!("--form {}", values::described(field))),
    );
    asked.join(", ")
}

/// The most urgent alert that a filter lets through: the server sends them most urgent first.
pub(crate) fn alert<'a>(follow_up: &'a FollowUp, filter: &FollowUpFilter) -> Option<&'a Alert> {
    follow_up.alerts.iter().find(|alert| {
        let is_for = |team: &String| *team == alert.team || alert.added_teams.contains(team);
        alert.snoozed_until.is_none()
            && (filter.teams.is_empty() || filter.teams.iter().any(is_for))
            && (filter.priorities.is_empty() || filter.priorities.contains(&alert.priority))
    })
}

/// How a follow-up ended, or its status.
pub(crate) fn ending(status_now: Status, outcome: &str) -> String {
    match (status_now, outcome) {
        (Status::Finished, outcome) if !outcome.is_empty() => format!("finished: {outcome}"),
        _ => status(status_now).to_owned(),
    }
}

/// The teams that an alert is for.
pub(crate) fn teams(alert: &Alert) -> String {
    std::iter::once(&alert.team)
        .chain(&alert.added_teams)
        .cloned()
        .collect::<Vec<_>>()
        .join(" and ")
}

/// How many times an alert has become more urgent, after a comma; nothing where it has not.
pub(crate) fn escalated(times: u32) -> String {
    match times {
        0 => String::new(),
        1 => ", became more urgent once".to_owned(),
        times => format!(", became more urgent {times} times"),
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::value::Kind;

    use super::*;

    #[test]
    fn the_first_matching_alert_is_shown() {
        let alert_for = |team: &str| Alert {
            team: team.to_owned(),
            text: format!("for {team}"),
            ..Default::default()
        };
        let follow_up = FollowUp {
            alerts: vec![alert_for("billing"), alert_for("stock")],
            ..Default::default()
        };
        let stock = FollowUpFilter {
            teams: vec!["stock".to_owned()],
            ..Default::default()
        };
        assert_eq!(alert(&follow_up, &stock).unwrap().text, "for stock");
        assert_eq!(
            alert(&follow_up, &FollowUpFilter::default()).unwrap().text,
            "for billing"
        );
    }

    #[test]
    fn a_push_is_shown_with_its_note_and_form() {
        let pushed = Cause {
            kind: ChangeKind::ButtonPushed.into(),
            title: "Reject".to_owned(),
            note: "no receipt".to_owned(),
            ..Default::default()
        };
        let shown = cause(Some(&pushed), Sensitive::Hidden);
        assert_eq!(shown, "pushed Reject \"no receipt\"");
    }

    #[test]
    fn a_handover_names_the_people() {
        let text = |text: &str| Value {
            kind: Some(Kind::Text(text.to_owned())),
        };
        let changed = |kind: ChangeKind, values: &[(&str, &str)]| {
            let values = values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), text(value)))
                .collect();
            let changed = Cause {
                kind: kind.into(),
                note: "end of shift".to_owned(),
                values,
                ..Default::default()
            };
            cause(Some(&changed), Sensitive::Hidden)
        };
        for (kind, values, expected) in [
            (
                ChangeKind::HandedOver,
                &[("person", "ben")][..],
                "handed over to ben \"end of shift\"",
            ),
            (
                ChangeKind::HandedOver,
                &[("team", "payments"), ("from", "ann")],
                "handed over from ann to team payments \"end of shift\"",
            ),
            (
                ChangeKind::HandedOver,
                &[("person", "ben"), ("instead_of", "cid")],
                "handed over to ben instead of cid \"end of shift\"",
            ),
            (ChangeKind::HandedOver, &[], "handed over \"end of shift\""),
            (
                ChangeKind::TakenOver,
                &[("from", "ann")],
                "taken over from ann \"end of shift\"",
            ),
            (
                ChangeKind::ClaimLapsed,
                &[("holder", "ann")],
                "the lease of ann ran out \"end of shift\"",
            ),
            (
                ChangeKind::AlertAcknowledged,
                &[("alert", "Ring back")],
                "seen \"end of shift\" alert=\"Ring back\"",
            ),
            (
                ChangeKind::AlertedAgain,
                &[("seen_by", "ann")],
                "new again: nobody worked on it, seen by ann \"end of shift\"",
            ),
            (
                ChangeKind::Replaced,
                &[("by", "7-0-beef")],
                "replaced by 7-0-beef \"end of shift\"",
            ),
        ] {
            assert_eq!(changed(kind, values), expected);
        }
    }

    #[test]
    fn only_finished_follow_ups_have_an_outcome() {
        assert_eq!(ending(Status::Finished, "paid"), "finished: paid");
        assert_eq!(ending(Status::Cancelled, ""), "cancelled");
    }
}
