//! `aftercall watch`: the live stream of follow-ups, which continues after lost connections.
//!
//! Promise: no change is missed between two tokens; the last token is printed on stderr at the end,
//! and `--resume` continues from there. Must not: show a change twice after a reconnection.

use std::time::Duration;

use aftercall_client::Subscription;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeResponse};
use aftercall_proto::workflow::v1::FollowUpFilter;
use clap::{Args, ValueEnum};
use tokio::time::Instant;

use crate::commands::calls::HeldFilter;
use crate::errors::Failure;
use crate::output::{Output, remark};
use crate::session::Session;
use crate::subscription::{line, next, subscription};
use crate::time;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall watch --team billing
  aftercall --output json watch --for 10 > changes.jsonl
  aftercall watch --resume TOKEN")]
pub(crate) struct Watch {
    #[command(flatten)]
    filter: HeldFilter,
    /// Continue after this token, which the last watch printed
    #[arg(long, value_name = "TOKEN", default_value = "")]
    resume: String,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Whether to begin with what is open now
    #[arg(long, value_enum, default_value = "auto")]
    snapshot: Snapshot,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Snapshot {
    /// What to send if there is no token to resume from
    Auto,
    /// Always
    Always,
    /// Never; without a token, from now on
    Never,
}

impl Watch {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mode = match self.snapshot {
            Snapshot::Auto => SnapshotMode::Auto,
            Snapshot::Always => SnapshotMode::Always,
            Snapshot::Never => SnapshotMode::Never,
        };
        let filter = self.filter.resolve_for_stream(session).await?;
        let mut subscription = subscription(session)?
            .filter(filter.clone())
            .resume(self.resume)
            .snapshot(mode);
        let end = self
            .seconds
            .map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let ended = async move {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        if !session.output.is_json() {
            remark(&format!("Times are in {}.", time::zone()));
        }
        let outcome = tokio::select! {
            () = ended => Ok(()),
            _ = tokio::signal::ctrl_c() => Ok(()),
            outcome = follow(session, &filter, &mut subscription) => outcome,
        };
        if outcome.is_ok() && !subscription.token().is_empty() {
            remark(&format!(
                "Continue from here with `--resume {}`.",
                subscription.token()
            ));
        }
        outcome
    }
}

async fn follow(
    session: &Session,
    filter: &FollowUpFilter,
    subscription: &mut Subscription,
) -> Result<(), Failure> {
    loop {
        let response = next(subscription, session).await?;
        show(session.output, filter, &response)?;
    }
}

fn show(
    output: Output,
    filter: &FollowUpFilter,
    response: &SubscribeResponse,
) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&output.value(response)?);
    }
    match line(output, filter, response) {
        Some(text) => output.line(&text),
        None => Ok(()),
    }
}
