//! `aftercall push`: pushes a button of a follow-up, by its id or its label.
//!
//! Promise: the push names the visit that was read, so that a click on an earlier round is refused
//! and never lands in a later one. Must not: repeat a refused push.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::{
    ActionDescription, Button, FollowUp, GetFollowUpRequest, GetWorkflowRequest, Pause,
    PushButtonRequest, Value,
};
use clap::Args;
use jiff::tz::TimeZone;

use crate::confirm::Sure;
use crate::errors::{Exit, Failure};
use crate::session::Session;
use crate::values::{self, parse_pair};
use crate::{connect, time, wording};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall push ID Approve
  aftercall push ID paid --form reference=R7
  aftercall push ID Reject --note 'No receipt'")]
pub(crate) struct Push {
    /// Which follow-up
    id: String,
    /// Which button: its id, or its label
    button: String,
    /// A note; some buttons require one
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// A value of the button's form; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    form: Vec<(String, String)>,
    /// The visit that you were looking at [default: the present one]
    #[arg(long, value_name = "N")]
    visit: Option<u32>,
    /// The number of the stage that you were looking at [default: the present one]
    #[arg(long, value_name = "N", requires = "visit")]
    stage: Option<u32>,
    #[command(flatten)]
    sure: Sure,
}

impl Push {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let mut client = session.to.calls().await?;
        let read = client
            .get_follow_up(GetFollowUpRequest {
                instance_id: self.id.clone(),
                read_mask: None,
            })
            .await?
            .into_inner();
        let follow_up = read.follow_up.unwrap_or_default();
        // With a visit of its own the server judges the button: it knows who pushed it first, and
        // when.
        let found = find(&follow_up.buttons, &self.button);
        let button_id = match (found, self.visit) {
            (Some(button), _) => button.id.clone(),
            (None, Some(_)) if self.form.is_empty() => self.button.clone(),
            (None, _) => {
                let is_elsewhere = is_in_its_workflow(session, &follow_up, &self.button).await?;
                return Err(no_button(&follow_up, &self.button, is_elsewhere));
            }
        };
        let form = self.typed_form(found, &read.time_zone)?;
        let times: Vec<_> = values::times(&form).collect();
        if let Some(button) = found.filter(|button| !button.confirmation.is_empty()) {
            self.sure
                .ask(&format!("{}: {}", button.label, button.confirmation))?;
        }
        let stage = follow_up.stage.as_ref().map_or(0, |stage| stage.number);
        let request = PushButtonRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            stage: self
                .stage
                .unwrap_or(if self.visit.is_some() { 0 } else { stage }),
            visit: self.visit.unwrap_or(follow_up.visit),
            form,
            button_id,
            note: self.note,
            read_mask: None,
        };
        let answer = client.push_button(request).await?.into_inner();
        let after = answer.follow_up.clone().unwrap_or_default();
        session.output.one(&answer, || {
            let echoes = times
                .iter()
                .map(|(name, at)| values::echo(name, at, &read.time_zone, now));
            [pushed(&self.button, &after)]
                .into_iter()
                .chain(echoes)
                .collect()
        })
    }
}

impl Push {
    /// The form's values in the types that the button declares. The server chose the time zone:
    /// the caller's, else the calendar's, else its own setting.
    fn typed_form(
        &self,
        button: Option<&Button>,
        time_zone: &str,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        let zone = if self.form.is_empty() {
            TimeZone::UTC
        } else {
            values::zone(time_zone)?
        };
        let declared = button
            .map(|button| button.form.as_slice())
            .unwrap_or_default();
        values::typed(&self.form, declared, (&self.button, &zone))
    }
}

/// A button by its id, or else by its label, ignoring case.
fn find<'a>(buttons: &'a [Button], wanted: &str) -> Option<&'a Button> {
    let by_label = || {
        buttons
            .iter()
            .find(|button| button.label.to_lowercase() == wanted.to_lowercase())
    };
    buttons
        .iter()
        .find(|button| button.id == wanted)
        .or_else(by_label)
}

/// Whether any stage of the follow-up's workflow has the button, by its id or its label.
async fn is_in_its_workflow(
    session: &Session,
    follow_up: &FollowUp,
    wanted: &str,
) -> Result<bool, Failure> {
    let request = GetWorkflowRequest {
        name: follow_up.workflow.clone(),
        version: follow_up.version,
        draft: false,
    };
    let workflow = session
        .to
        .definitions()
        .await?
        .get_workflow(request)
        .await?
        .into_inner()
        .workflow;
    let label = format!("\"{}\"", wanted.to_lowercase());
    let is_meant = |action: &ActionDescription| {
        action.kind == "button"
            && (action.event_id == wanted || action.text.to_lowercase().contains(&label))
    };
    Ok(workflow.is_some_and(|workflow| {
        workflow
            .stages
            .iter()
            .flat_map(|stage| &stage.actions)
            .any(is_meant)
    }))
}

/// A button that may not be pushed now, or that no stage of the workflow has.
fn no_button(follow_up: &FollowUp, wanted: &str, is_elsewhere: bool) -> Failure {
    if let Some(pause) = &follow_up.pause {
        return Failure::new(Exit::Precondition, paused(&follow_up.instance_id, pause));
    }
    let stage = wording::stage_of(follow_up);
    let offered: Vec<_> = follow_up
        .buttons
        .iter()
        .map(|button| format!("{} ({})", button.label, button.id))
        .collect();
    let offered = if offered.is_empty() {
        "none".to_owned()
    } else {
        offered.join(", ")
    };
    let exit = if is_elsewhere {
        Exit::Precondition
    } else {
        Exit::NotFound
    };
    Failure::new(
        exit,
        format!(
            "There is no button {wanted} in stage {stage}. Buttons that may be pushed now: {offered}."
        ),
    )
}

fn paused(id: &str, pause: &Pause) -> String {
    let until = match &pause.until {
        Some(until) => format!("until {}", time::local(Some(until))),
        None => "until somebody resumes it".to_owned(),
    };
    let since = time::local(pause.since.as_ref());
    format!(
        "It is paused by {} since {since}, {until} ({}). `aftercall resume {id}` ends the pause.",
        pause.by, pause.reason
    )
}

/// What the push did.
fn pushed(button: &str, after: &FollowUp) -> String {
    match after.ended_at {
        Some(_) => format!(
            "Pushed {button}: {}.",
            wording::ending(after.status(), &after.outcome)
        ),
        None => format!(
            "Pushed {button}: now in stage {}.",
            wording::stage_of(after)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn button(id: &str, label: &str) -> Button {
        Button {
            id: id.to_owned(),
            label: label.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn an_id_wins_over_a_label() {
        let buttons = [
            button("pay-out", "Approve"),
            button("approve", "Ask the boss"),
        ];
        assert_eq!(find(&buttons, "approve").unwrap().id, "approve");
        assert_eq!(find(&buttons, "Approve").unwrap().id, "pay-out");
        assert_eq!(find(&buttons, "APPROVE").unwrap().id, "pay-out");
        assert!(find(&buttons, "Reject").is_none());
    }

    #[test]
    fn a_missing_button_lists_the_others() {
        let follow_up = FollowUp {
            buttons: vec![button("pay-out", "Approve")],
            ..Default::default()
        };
        assert_eq!(no_button(&follow_up, "Rejct", false).exit(), Exit::NotFound);
        let failure = no_button(&follow_up, "Reject", true);
        assert_eq!(failure.exit(), Exit::Precondition);
        assert!(
            failure.sentence().ends_with("now: Approve (pay-out)."),
            "{}",
            failure.sentence()
        );
    }

    #[test]
    fn a_push_on_a_paused_follow_up_explains_the_pause() {
        let pause = Pause {
            by: "ann".to_owned(),
            reason: "waits for a part".to_owned(),
            ..Default::default()
        };
        let follow_up = FollowUp {
            instance_id: "1-0-aaaa".to_owned(),
            pause: Some(pause),
            ..Default::default()
        };
        let sentence = no_button(&follow_up, "paid", true).sentence().to_owned();
        assert!(
            sentence.starts_with("It is paused by ann since"),
            "{sentence}"
        );
        assert!(
            sentence.ends_with("(waits for a part). `aftercall resume 1-0-aaaa` ends the pause."),
            "{sentence}"
        );
    }
}
