//! A stream of alerts that goes on over lost connections, and its frames as lines of text.
//!
//! Promise: after a loss it resumes with the token of the last frame that its reader handled, so that nothing is missed;
//! waiting times grow with full jitter, so that many clients do not come back at once. Must not: give up on a server that
//! is away, or go on where the server refuses the request itself.

use std::time::Duration;

use aftercall_proto::{
    alert::v1::{
        OutOfView, ResetReason, SnapshotMode, StageChange, SubscribeRequest, SubscribeResponse,
        subscribe_response::Frame,
    },
    workflow::v1::{FollowUp, FollowUpFilter},
};
use rand::Rng;
use tonic::{Code, Status, Streaming};

use crate::{
    connect::Connections,
    errors::{Exit, Failure},
    output::{Output, remark},
    time, wording,
};

/// The first wait is at most this; each further one may be twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(200);
/// No wait is longer: a person is looking at the screen.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// A stream that reconnects by itself.
pub(crate) struct Subscription {
    to: Connections,
    filter: FollowUpFilter,
    token: String,
    snapshot: SnapshotMode,
    stream: Option<Streaming<SubscribeResponse>>,
    losses: u32,
    /// What a server that goes away asked to be waited, beside our own wait.
    reconnect_after: Duration,
    /// The first connection must succeed: a wrong address is told at once.
    was_connected: bool,
}

impl Subscription {
    /// A stream that is opened when its first frame is asked for. An empty token means none.
    pub(crate) fn new(to: Connections, filter: FollowUpFilter, token: String, snapshot: SnapshotMode) -> Self {
        Self {
            to,
            filter,
            token,
            snapshot,
            stream: None,
            losses: 0,
            reconnect_after: Duration::ZERO,
            was_connected: false,
        }
    }

    /// The token of the last frame that was handled; empty before the first one.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Says that a frame was handled: a reconnection goes on after it.
    pub(crate) fn handled(&mut self, response: &SubscribeResponse) {
        if !response.token.is_empty() {
            self.token.clone_from(&response.token);
        }
    }

    /// Waits also for a server that is not there yet.
    pub(crate) fn wait_for_the_first_connection(&mut self) {
        self.was_connected = true;
    }

    /// The next frame. Waits over losses of the connection; fails where the server refuses the request. May be dropped
    /// while it waits: the frames that come afterwards are the same.
    pub(crate) async fn next(&mut self) -> Result<SubscribeResponse, Failure> {
        loop {
            let received = match &mut self.stream {
                Some(stream) => stream.message().await,
                None => match self.open().await {
                    Ok(stream) => {
                        self.stream = Some(stream);
                        continue;
                    }
                    Err(failure) if self.was_connected && failure.exit() == Exit::Unavailable => {
                        self.lost(failure.sentence()).await;
                        continue;
                    }
                    Err(failure) => return Err(failure),
                },
            };
            match received {
                Ok(Some(response)) => {
                    self.losses = 0;
                    self.was_connected = true;
                    if let Some(Frame::Drain(drain)) = &response.frame {
                        self.reconnect_after = time::std_span(drain.reconnect_after.as_ref()).min(WAIT_MAX);
                    }
                    return Ok(response);
                }
                Ok(None) => self.lost("The alerter-server closed the stream.").await,
                Err(status) if is_passing(&status) => self.lost(status.message()).await,
                Err(status) => return Err(status.into()),
            }
        }
    }

    async fn open(&self) -> Result<Streaming<SubscribeResponse>, Failure> {
        // A snapshot that was asked for is wanted once; after a loss the token goes on where there is one.
        let again = self.was_connected && !self.token.is_empty();
        let snapshot = if again && self.snapshot == SnapshotMode::Always { SnapshotMode::Auto } else { self.snapshot };
        let request = SubscribeRequest {
            filter: Some(self.filter.clone()),
            resume_token: self.token.clone(),
            snapshot: snapshot.into(),
        };
        Ok(self.to.alerts().await?.subscribe(request).await?.into_inner())
    }

    async fn lost(&mut self, reason: &str) {
        self.stream = None;
        let wait = std::mem::take(&mut self.reconnect_after) + jittered(self.losses, rand::rng().random());
        self.losses = self.losses.saturating_add(1);
        let reason = reason.lines().next().unwrap_or_default();
        remark(&format!("Connection lost ({reason}); connecting again in {:.1} s.", wait.as_secs_f64()));
        tokio::time::sleep(wait).await;
    }
}

/// A wait between nothing and a bound that doubles with each loss in a row. `share` is from 0 to 1.
fn jittered(losses: u32, share: f64) -> Duration {
    WAIT_FIRST.saturating_mul(1_u32 << losses.min(16)).min(WAIT_MAX).mul_f64(share)
}

/// Whether a broken stream may be opened again with the same request.
fn is_passing(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Unknown
            | Code::Cancelled
            | Code::Internal
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
    )
}

/// A frame as a line for people; none where there is nothing to say.
pub(crate) fn line(output: Output, filter: &FollowUpFilter, response: &SubscribeResponse) -> Option<String> {
    let at = output.faint(&time::clock(response.server_time.as_ref()));
    let text = match response.frame.as_ref()? {
        Frame::SnapshotItem(item) => item.follow_up.as_ref().map(|open| standing(output, filter, open))?,
        Frame::SnapshotEnd(end) => format!("{} open; from here on live", end.item_count),
        Frame::StageChange(change) => changed(output, filter, change)?,
        Frame::OutOfView(left) => gone(output, left),
        Frame::Upstream(upstream) if upstream.connected => {
            "The alerter is in touch with the workflow-server.".to_owned()
        }
        Frame::Upstream(upstream) => {
            let since = time::clock(upstream.as_of.as_ref());
            output.urgent(&format!("The alerter has lost the workflow-server; all is known up to {since}."))
        }
        Frame::FellBehind(behind) => format!("{} changes behind; nothing is lost.", behind.changes),
        Frame::Reset(reset) => format!("The stream begins anew: {}. A snapshot follows.", reason(reset.reason())),
        Frame::Drain(_) => "The alerter-server is going away; connecting again.".to_owned(),
        Frame::CaughtUp(_) | Frame::Bookmark(_) => return None,
    };
    Some(format!("{at}  {text}"))
}

fn changed(output: Output, filter: &FollowUpFilter, change: &StageChange) -> Option<String> {
    let follow_up = change.follow_up.as_ref()?;
    let who = wording::actor(change.actor.as_ref());
    let why = output.faint(&format!("({} by {who})", wording::cause(change.cause.as_ref())));
    Some(format!("{}  {why}", standing(output, filter, follow_up)))
}

/// Id, caller, workflow, stage, alert and buttons.
fn standing(output: Output, filter: &FollowUpFilter, follow_up: &FollowUp) -> String {
    let caller = wording::caller(follow_up.call.as_ref());
    let alert = wording::alert(follow_up, filter).map(|alert| alert.text.as_str()).unwrap_or_default();
    let id = output.strong(&follow_up.instance_id);
    let stage = wording::stage(follow_up.stage.as_ref());
    let buttons = wording::buttons(follow_up);
    format!("{id}  {caller}  {}  stage {stage}  {alert}  {buttons}", follow_up.workflow).trim_end().to_owned()
}

fn gone(output: Output, left: &OutOfView) -> String {
    let ending = wording::ending(left.status(), &left.outcome);
    let who = wording::actor(left.actor.as_ref());
    let why = output.faint(&format!("({} by {who})", wording::cause(left.cause.as_ref())));
    format!("{}  {}  {why}", output.strong(&left.instance_id), output.done(&ending))
}

fn reason(reason: ResetReason) -> &'static str {
    match reason {
        ResetReason::Unspecified => "the server does not say why",
        ResetReason::TooOld => "the token is older than the server keeps",
        ResetReason::OtherHistory => "the token is of another store",
        ResetReason::OtherFilter => "the token was given for another filter",
        ResetReason::FromTheFuture => "the token is ahead of what the server knows",
        ResetReason::AlerterRestarted => "the alerter had to begin anew",
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::{
        alert::v1::{Bookmark, SnapshotItem},
        workflow::v1::{Alert, Button, Call, Caller, Stage},
    };

    use super::*;
    use crate::output::Form;

    #[test]
    fn waits_grow_to_their_bound_and_are_spread_from_nothing() {
        assert_eq!(jittered(0, 1.0), WAIT_FIRST);
        assert_eq!(jittered(1, 1.0), WAIT_FIRST * 2);
        assert_eq!(jittered(60, 1.0), WAIT_MAX);
        assert_eq!(jittered(60, 0.0), Duration::ZERO);
    }

    #[test]
    fn a_refused_request_is_not_repeated() {
        assert!(is_passing(&Status::unavailable("draining")));
        assert!(!is_passing(&Status::invalid_argument("filter")));
        assert!(!is_passing(&Status::out_of_range("token")));
    }

    #[test]
    fn a_token_is_kept_only_of_frames_that_were_handled() {
        let to = Connections { server: String::new(), alerter: String::new(), actor: String::new() };
        let mut subscription = Subscription::new(to, FollowUpFilter::default(), "a".to_owned(), SnapshotMode::Auto);
        subscription.handled(&SubscribeResponse { token: "b".to_owned(), ..Default::default() });
        subscription.handled(&SubscribeResponse::default());
        assert_eq!(subscription.token(), "b");
    }

    #[test]
    fn a_follow_up_is_one_line_and_a_heartbeat_is_none() {
        let follow_up = FollowUp {
            instance_id: "i-1".to_owned(),
            workflow: "refund".to_owned(),
            stage: Some(Stage { number: 1, title: "New call".to_owned(), ..Default::default() }),
            call: Some(Call {
                caller: Some(Caller { name: "Ann Lee".to_owned(), ..Default::default() }),
                ..Default::default()
            }),
            alerts: vec![Alert { text: "Refund 120".to_owned(), ..Default::default() }],
            buttons: vec![Button { label: "Approve".to_owned(), ..Default::default() }],
            ..Default::default()
        };
        let frame = |frame| SubscribeResponse { frame: Some(frame), ..Default::default() };
        let output = Output::new(Form::Json);
        let item = frame(Frame::SnapshotItem(SnapshotItem { follow_up: Some(follow_up) }));
        let shown = line(output, &FollowUpFilter::default(), &item).unwrap();
        assert_eq!(shown.trim(), "i-1  Ann Lee  refund  stage 1 New call  Refund 120  [Approve]");
        assert_eq!(line(output, &FollowUpFilter::default(), &frame(Frame::Bookmark(Bookmark { sequence: 1 }))), None);
    }
}
