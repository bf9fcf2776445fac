//! `aftercall snooze`, `pause`, `resume`, `undo`: what people do with a follow-up besides pushing
//! and holding.
//!
//! Promise: the follow-up's new state is shown, as the server answered. Must not: decide who may.

use std::time::Duration;

use aftercall_proto::workflow::v1::snooze_alert_request::When;
use aftercall_proto::workflow::v1::{
    FollowUp, PauseFollowUpRequest, ResumeFollowUpRequest, SnoozeAlertRequest, UndoPushRequest,
};
use clap::Args;
use jiff::Timestamp;

use super::ack::{SeenAlert, WhichAlert};
use crate::commands::finish::Finish;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::{connect, time, wording};

commands! {
    Desk:
    /// Hide an alert for a time, to call back later
    Snooze(Snooze),
    /// Stop the clocks of a follow-up, with a reason
    Pause(Pause),
    /// Resume the clocks of a follow-up
    Resume(Resume),
    /// Finish an incomplete follow-up with an outcome
    Finish(Finish),
    /// Undo a mistaken push
    Undo(Undo),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall snooze ID --for 2h --attempt no-answer
  aftercall snooze ID --until 09:00 --note 'asked for a call in the morning'
  aftercall snooze ID --until 2026-11-25T14:30
  aftercall snooze ID --days 3
  aftercall snooze ID --end")]
pub(crate) struct Snooze {
    /// Which follow-up
    id: String,
    #[command(flatten)]
    alert: WhichAlert,
    #[command(flatten)]
    when: SnoozeWhen,
    /// The result of an attempt to reach the caller, such as no-answer or left-message
    #[arg(
        long,
        value_name = "OUTCOME",
        default_value = "",
        hide_default_value = true
    )]
    attempt: String,
    /// A note
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    note: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SnoozeWhen {
    /// Until the caller's clock shows this: 2026-11-25T09:00, or 09:00 for the next time that it
    /// does
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// For this long
    #[arg(long = "for", value_name = "SPAN", value_parser = time::parse_span)]
    span: Option<Duration>,
    /// For this many days, until the same time of day where the caller is
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// End the snooze: the alert comes back at once
    #[arg(long)]
    end: bool,
}

impl From<SnoozeWhen> for When {
    fn from(when: SnoozeWhen) -> Self {
        let local = || when.until.map(Self::LocalTime);
        let span = || when.span.map(|span| Self::Duration(time::proto_span(span)));
        let days = || when.days.map(Self::Days);
        local()
            .or_else(span)
            .or_else(days)
            .unwrap_or(Self::EndNow(when.end))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall pause ID --reason 'waits for a part'
  aftercall pause ID --reason 'shop is closed' --for 3d")]
pub(crate) struct Pause {
    /// Which follow-up
    id: String,
    /// Why; it stays in the history
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how long [default: until somebody resumes it]
    #[arg(long = "for", value_name = "SPAN", value_parser = time::parse_span)]
    span: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall resume ID\n  aftercall resume ID --note 'the part is here'"
)]
pub(crate) struct Resume {
    /// Which follow-up
    id: String,
    /// A note
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    note: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall undo ID
  aftercall undo ID --as-supervisor --reason 'Ben pushed the wrong one'")]
pub(crate) struct Undo {
    /// Which follow-up
    id: String,
    /// Take back what somebody else pushed; say why
    #[arg(long, requires = "reason")]
    as_supervisor: bool,
    /// Why; it stays in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Snooze {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let mut client = session.to.calls().await?;
        let SeenAlert {
            id: alert_id,
            escalations,
            team,
        } = self.alert.seen(&self.id, &mut client).await?;
        let request = SnoozeAlertRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id.clone(),
            alert_id,
            escalations,
            team,
            attempt_outcome: self.attempt,
            note: self.note,
            when: Some(self.when.into()),
            read_mask: None,
        };
        let answer = client.snooze_alert(request).await?.into_inner();
        answer
            .warnings
            .iter()
            .for_each(|warning| remark(&format!("Warning: {warning}.")));
        session.output.one(&answer, || match &answer.snoozed_until {
            Some(until) => {
                let (at, relative) = (time::local(Some(until)), time::relative(Some(until), now));
                vec![format!(
                    "Snoozed {}: the alert is back {relative}, at {at}.",
                    self.id
                )]
            }
            None => vec![format!("The alert of {} is back.", self.id)],
        })
    }
}

impl Pause {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let request = PauseFollowUpRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            reason: self.reason,
            until: self.span.map(|span| time::from_now(now, span)),
            expected_revision: None,
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .pause_follow_up(request)
            .await?
            .into_inner();
        session.output.one(&answer, || {
            vec![outcome("Paused", answer.follow_up.as_ref(), now)]
        })
    }
}

impl Resume {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let request = ResumeFollowUpRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            note: self.note,
            expected_revision: None,
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .resume_follow_up(request)
            .await?
            .into_inner();
        session.output.one(&answer, || {
            vec![outcome("Resumed", answer.follow_up.as_ref(), now)]
        })
    }
}

impl Undo {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let now = session.now().await?;
        let request = UndoPushRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            as_supervisor: self.as_supervisor,
            reason: self.reason.unwrap_or_default(),
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .undo_push(request)
            .await?
            .into_inner();
        session.output.one(&answer, || {
            vec![outcome(
                "Took the push back",
                answer.follow_up.as_ref(),
                now,
            )]
        })
    }
}

/// What was done, and what the follow-up is now.
fn outcome(done: &str, follow_up: Option<&FollowUp>, now: Timestamp) -> String {
    let after = follow_up.cloned().unwrap_or_default();
    let due = time::relative(after.due.as_ref(), now);
    let due = if due.is_empty() || after.pause.is_some() {
        String::new()
    } else {
        format!(", due {due}")
    };
    let stage = wording::stage_of(&after);
    format!(
        "{done}: {} is {} in stage {stage}{due}.",
        after.instance_id,
        wording::status(after.status())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_has_four_forms() {
        let none = || SnoozeWhen {
            until: None,
            span: None,
            days: None,
            end: false,
        };
        let clock = SnoozeWhen {
            until: Some("09:00".to_owned()),
            ..none()
        };
        assert_eq!(When::from(clock), When::LocalTime("09:00".to_owned()));
        let span = SnoozeWhen {
            span: Some(Duration::from_secs(7_200)),
            ..none()
        };
        assert_eq!(
            When::from(span),
            When::Duration(prost_types::Duration {
                seconds: 7_200,
                nanos: 0
            })
        );
        assert_eq!(
            When::from(SnoozeWhen {
                days: Some(3),
                ..none()
            }),
            When::Days(3)
        );
        assert_eq!(
            When::from(SnoozeWhen {
                end: true,
                ..none()
            }),
            When::EndNow(true)
        );
    }
}
