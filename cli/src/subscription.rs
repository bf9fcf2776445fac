//! The stream of alerts for a person at a terminal: frames as lines of text, losses as remarks.
//!
//! Must not: reconnect; the client library does.

use std::time::Duration;

use aftercall_client::{Error, Event, Subscription};
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{OutOfView, ResetReason, StageChange, SubscribeResponse};
use aftercall_proto::workflow::v1::{FollowUp, FollowUpFilter};

use crate::connect::ALERTER_SERVER;
use crate::errors::Failure;
use crate::output::{Output, one_line, remark};
use crate::session::Session;
use crate::{connect, time, wording};

/// The next frame. Says so where the connection was lost; fails where the server refuses the
/// request.
pub(crate) async fn next(
    subscription: &mut Subscription,
    session: &Session,
) -> Result<Box<SubscribeResponse>, Failure> {
    loop {
        match subscription
            .next()
            .await
            .map_err(|error| failure(&error, session))?
        {
            Event::Frame(response) => return Ok(response),
            Event::Lost { reason, wait } => remark(&lost(&reason, wait)),
            Event::Connected => remark(CONNECTED),
        }
    }
}

/// The remark when a lost connection is back.
pub(crate) const CONNECTED: &str = "Connected again.";

/// The remark when a connection is lost.
pub(crate) fn lost(reason: &str, wait: Duration) -> String {
    let reason = reason.lines().next().unwrap_or_default();
    format!(
        "Connection lost ({reason}); connecting again in {:.1} s.",
        wait.as_secs_f64()
    )
}

/// A stream of the alerter-server.
pub(crate) fn subscription(session: &Session) -> Result<Subscription, Failure> {
    Ok(Subscription::over(session.to.to_alerter()?))
}

/// Why a stream of the alerter-server ended.
pub(crate) fn failure(error: &Error, session: &Session) -> Failure {
    connect::failure(error, &session.to.alerter, ALERTER_SERVER)
}

/// A frame as a line for people; none where there is nothing to say.
pub(crate) fn line(
    output: Output,
    filter: &FollowUpFilter,
    response: &SubscribeResponse,
) -> Option<String> {
    // A change that waited for an absent client is shown with the time at which it happened.
    let at = match response.frame.as_ref()? {
        Frame::StageChange(change) => change.at.as_ref(),
        _ => response.server_time.as_ref(),
    };
    let at = output.faint(&time::clock(at));
    let text = match response.frame.as_ref()? {
        Frame::SnapshotItem(item) => item
            .follow_up
            .as_ref()
            .map(|open| summary(output, filter, open))?,
        Frame::SnapshotEnd(end) => format!("{} open. Watching for changes.", end.item_count),
        Frame::StageChange(change) => changed(output, filter, change)?,
        Frame::OutOfView(left) => gone(output, left),
        Frame::Upstream(upstream) if upstream.connected => {
            "The alerter is in touch with the workflow-server.".to_owned()
        }
        Frame::Upstream(upstream) => {
            let since = time::local(upstream.as_of.as_ref());
            output.urgent(&format!(
                "The alerter has lost the workflow-server; all is known up to {since}."
            ))
        }
        Frame::FellBehind(behind) => format!("{} changes behind; nothing is lost.", behind.changes),
        Frame::Reset(reset) => format!(
            "The stream starts again: {}. A snapshot follows.",
            reason(reset.reason())
        ),
        Frame::Drain(_) => "The alerter-server is going away; connecting again.".to_owned(),
        Frame::CaughtUp(_) | Frame::Bookmark(_) => return None,
    };
    Some(format!("{at}  {}", one_line(&text)))
}

fn changed(output: Output, filter: &FollowUpFilter, change: &StageChange) -> Option<String> {
    let follow_up = change.follow_up.as_ref()?;
    let who = wording::actor(change.actor.as_ref());
    let why = output.faint(&format!(
        "({} by {who})",
        wording::cause(change.cause.as_ref(), output.sensitive())
    ));
    Some(format!("{}  {why}", summary(output, filter, follow_up)))
}

/// Id, caller, workflow, stage, alert and buttons.
fn summary(output: Output, filter: &FollowUpFilter, follow_up: &FollowUp) -> String {
    let caller = wording::caller(follow_up.call.as_ref());
    let alert = wording::alert(follow_up, filter)
        .map(|alert| alert.text.as_str())
        .unwrap_or_default();
    let id = output.strong(&follow_up.instance_id);
    let stage = wording::stage_of(follow_up);
    let buttons = wording::buttons(follow_up);
    format!(
        "{id}  {caller}  {}  stage {stage}  {alert}  {buttons}",
        follow_up.workflow
    )
    .trim_end()
    .to_owned()
}

fn gone(output: Output, left: &OutOfView) -> String {
    let ending = wording::ending(left.status(), &left.outcome);
    let who = wording::actor(left.actor.as_ref());
    let why = output.faint(&format!(
        "({} by {who})",
        wording::cause(left.cause.as_ref(), output.sensitive())
    ));
    format!(
        "{}  {}  {why}",
        output.strong(&left.instance_id),
        output.done(&ending)
    )
}

fn reason(reason: ResetReason) -> &'static str {
    match reason {
        ResetReason::Unspecified => "the server does not say why",
        ResetReason::TooOld => "the token is older than the server keeps",
        ResetReason::OtherHistory => "the token is of another store",
        ResetReason::OtherFilter => "the token was given for another filter",
        ResetReason::FromTheFuture => "the token is ahead of what the server knows",
        ResetReason::AlerterRestarted => "the alerter had to start again",
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1::{Bookmark, SnapshotItem};
    use aftercall_proto::workflow::v1::{Alert, Button, Call, Caller, Stage};

    use super::*;
    use crate::output::Form;

    #[test]
    fn a_heartbeat_prints_no_line() {
        let follow_up = FollowUp {
            instance_id: "i-1".to_owned(),
            workflow: "refund".to_owned(),
            stage: Some(Stage {
                number: 1,
                title: "New call".to_owned(),
                ..Default::default()
            }),
            call: Some(Call {
                caller: Some(Caller {
                    name: "Ann Lee".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            alerts: vec![Alert {
                text: "Refund 120".to_owned(),
                ..Default::default()
            }],
            buttons: vec![Button {
                label: "Approve".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let frame = |frame| SubscribeResponse {
            frame: Some(frame),
            ..Default::default()
        };
        let output = Output::new(Form::Json);
        let item = frame(Frame::SnapshotItem(SnapshotItem {
            follow_up: Some(follow_up),
        }));
        let shown = line(output, &FollowUpFilter::default(), &item).unwrap();
        assert_eq!(
            shown.trim(),
            "i-1  Ann Lee  refund  stage 1 New call  Refund 120  [Approve]"
        );
        assert_eq!(
            line(
                output,
                &FollowUpFilter::default(),
                &frame(Frame::Bookmark(Bookmark { sequence: 1 }))
            ),
            None
        );
    }
}
