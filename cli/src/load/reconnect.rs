//! `aftercall load reconnect`: many streams are cut, changes are made, and all come back within a
//! second.
//!
//! Promise: bounded in count and time; every stream is followed until it has caught up, and
//! changes that it missed are counted. Both servers are processes of their own. Must not:
//! judge by absolute figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aftercall_client::Connection;
use aftercall_proto::alert::v1::SubscribeRequest;
use clap::Args;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::Streaming;

use crate::errors::Failure;
use crate::load::audience::{Sequenced, subscribe};
use crate::load::changes::Changes;
use crate::load::child::Servers;
use crate::load::feed_requests::count_feed_requests;
use crate::load::measured::Measured;
use crate::load::usage::{Usage, usage};
use crate::output::{Output, remark};
use crate::session::Session;
use crate::table::{Table, sentence, whole};

/// What was measured, one figure a row.
const FIGURES: Table<'_> = Table {
    columns: &[sentence("what", 0), whole("figure", 0)],
    empty: "Nothing was measured.",
};

/// Within which the streams come back.
const HERD: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall load reconnect
  aftercall load reconnect --streams 10000 --connections 100 --missed 100

Both servers are started on a fresh data directory, and all is gone afterwards. With --server and --alerter
those are measured: the workflow refund must be published there, and nobody else should use them.")]
pub(crate) struct LoadReconnect {
    /// How many streams
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    streams: u32,
    /// How many connections they share; all are new when the streams come back
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// How many changes each stream has missed when it comes back
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    missed: u32,
    /// The longest that a stream is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds_max: u64,
    /// Where the server that is started keeps its data [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// The part of a SubscribeResponse that is read: the numbers are the proto's.
#[derive(Clone, PartialEq, prost::Message)]
struct Seen {
    #[prost(string, tag = "1")]
    token: String,
    #[prost(message, optional, tag = "5")]
    stage_change: Option<Anything>,
    #[prost(message, optional, tag = "7")]
    caught_up: Option<Anything>,
}

/// What shows up to which change a stream is. The numbers are those of SubscribeResponse.
#[derive(Clone, PartialEq, prost::Message)]
struct Reached {
    #[prost(message, optional, tag = "4")]
    snapshot_end: Option<Sequenced>,
    #[prost(message, optional, tag = "5")]
    stage_change: Option<Sequenced>,
}

/// Its content is skipped.
#[derive(Clone, PartialEq, prost::Message)]
struct Anything {}

/// One stream that was caught up.
struct CaughtUp {
    token: String,
    changes: u64,
    took: Duration,
}

/// The result of a run.
struct Report {
    streams: u32,
    expected: u64,
    given: u64,
    failed: Vec<String>,
    /// From a stream's request until it had caught up.
    each: Measured,
    /// From the first request until the last stream had caught up.
    all: Duration,
    /// Requests that alerters sent to the workflow-server meanwhile.
    feed_requests: u64,
    before: Option<Usage>,
    after: Option<Usage>,
}

impl LoadReconnect {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let servers = Servers::both(session, self.data_dir.as_deref()).await?;
        let outcome = self.measure(&servers).await;
        servers.stop().await;
        let report = outcome?;
        report.print(session.output)
    }

    async fn measure(&self, servers: &Servers) -> Result<Report, Failure> {
        let session = &servers.session;
        let used = || servers.alerter_process.and_then(usage);
        servers.remark_one_process();
        servers.publish_samples().await?;
        let changes = Changes::start(session).await?;
        self.wait_for(session, changes.first_sequence()).await?;
        remark(&format!(
            "opening {} streams, and cutting them",
            self.streams
        ));
        let mut tokens = Vec::new();
        for first in self
            .come(session, &vec![String::new(); self.streams as usize])
            .await?
        {
            tokens.push(first.map_err(Failure::refused)?.token);
        }
        remark(&format!("making {} changes", self.missed));
        for number in 1..=u64::from(self.missed) {
            changes.make(number).await?;
        }
        remark("letting them come back");
        let to_server = session.to.to_server()?;
        let (before, asked) = (used(), count_feed_requests(&to_server).await?);
        let began = Instant::now();
        let came = self.come(session, &tokens).await?;
        let all = began.elapsed();
        let asked = count_feed_requests(&to_server).await? - asked;
        let (mut each, mut given, mut failed) = (Measured::new()?, 0, Vec::new());
        for one in came {
            match one {
                Ok(one) => {
                    given += one.changes;
                    each.record(one.took);
                }
                Err(why) => failed.push(why),
            }
        }
        let expected = u64::from(self.missed) * u64::from(self.streams);
        Ok(Report {
            streams: self.streams,
            expected,
            given,
            failed,
            each,
            all,
            feed_requests: asked,
            before,
            after: used(),
        })
    }

    /// Waits until the alerter has a change. A stream that comes before that gets it later, and would
    /// count it as missed.
    async fn wait_for(&self, session: &Session, sequence: u64) -> Result<(), Failure> {
        let channel = session.to.alerter_server().await?;
        let mut stream = subscribe::<Reached>(channel, SubscribeRequest::default()).await?;
        let has_it = async {
            while let Some(seen) = stream.message().await? {
                let reached = seen.snapshot_end.or(seen.stage_change);
                if reached.is_some_and(|reached| reached.sequence >= sequence) {
                    return Ok(());
                }
            }
            Err(closed())
        };
        let waited = timeout(Duration::from_secs(self.seconds_max), has_it).await;
        waited.unwrap_or_else(|_| {
            let why = "The alerter-server did not get the first change in time.";
            Err(Failure::unavailable(why.to_owned()))
        })
    }

    /// Every stream comes with its token, at some moment within a second, and stays until all have
    /// caught up.
    async fn come(
        &self,
        session: &Session,
        tokens: &[String],
    ) -> Result<Vec<Result<CaughtUp, String>>, Failure> {
        let mut channels = Vec::new();
        for _ in 0..self.connections {
            channels.push(session.to.alerter_server().await?);
        }
        let channels = Arc::new(channels);
        let (began, seconds_max) = (Instant::now(), Duration::from_secs(self.seconds_max));
        let mut coming = JoinSet::new();
        for (at, token) in (0_u32..).zip(tokens) {
            let (channels, token) = (Arc::clone(&channels), token.clone());
            let start = began + HERD * at / self.streams;
            coming.spawn(async move {
                sleep_until(start).await;
                let channel = channels[at as usize % channels.len()].clone();
                match timeout(seconds_max, catch_up(channel, token)).await {
                    Ok(caught_up) => caught_up.map_err(|failure| failure.to_string()),
                    Err(_) => Err("it had not caught up in time".to_owned()),
                }
            });
        }
        // A stream that has caught up is not closed before the others have: as with people who are
        // at work.
        let (mut came, mut open) = (
            Vec::with_capacity(tokens.len()),
            Vec::with_capacity(tokens.len()),
        );
        while let Some(one) = coming.join_next().await {
            let one = one
                .map_err(|error| Failure::refused(format!("A stream was broken off: {error}.")))?;
            came.push(one.map(|(caught_up, stream)| {
                open.push(stream);
                caught_up
            }));
        }
        Ok(came)
    }
}

async fn catch_up(
    channel: Connection,
    token: String,
) -> Result<(CaughtUp, Streaming<Seen>), Failure> {
    let began = Instant::now();
    let request = SubscribeRequest {
        resume_token: token,
        ..SubscribeRequest::default()
    };
    let mut stream = subscribe::<Seen>(channel, request).await?;
    let mut changes = 0;
    while let Some(seen) = stream.message().await? {
        changes += u64::from(seen.stage_change.is_some());
        if seen.caught_up.is_some() {
            return Ok((
                CaughtUp {
                    token: seen.token,
                    changes,
                    took: began.elapsed(),
                },
                stream,
            ));
        }
    }
    Err(closed())
}

fn closed() -> Failure {
    Failure::unavailable("The server closed a stream.".to_owned())
}

impl Report {
    fn missing(&self) -> u64 {
        self.expected.saturating_sub(self.given)
    }

    fn cpu(&self) -> Option<Duration> {
        Some(self.after?.cpu_time.saturating_sub(self.before?.cpu_time))
    }

    fn growth(&self) -> Option<u64> {
        Some(
            self.after?
                .resident_bytes
                .saturating_sub(self.before?.resident_bytes),
        )
    }

    fn print(&self, output: Output) -> Result<(), Failure> {
        if output.is_json() {
            let micros = |share| self.each.quantile(share).as_secs_f64() * 1e6;
            output.json(&json!({
                "streams": self.streams,
                "caught_up": self.each.answered(),
                "changes_given": self.given,
                "missing": self.missing(),
                "seconds_until_all_had_caught_up": self.all.as_secs_f64(),
                "each_micros": { "p50": micros(0.5), "p99": micros(0.99) },
                "asked_of_the_workflow_server": self.feed_requests,
                "alerter_cpu_seconds": self.cpu().map(|cpu| cpu.as_secs_f64()),
                "bytes_of_growth": self.growth(),
            }))?;
        } else {
            output.table(&FIGURES, self.rows())?;
        }
        if let Some(why) = self.failed.first() {
            remark(&format!(
                "{} streams did not catch up; the first because: {why}",
                self.failed.len()
            ));
        }
        Ok(())
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let unknown = || "not known here".to_owned();
        let millis = |share| format!("{:.0} ms", self.each.quantile(share).as_secs_f64() * 1e3);
        let row = |what: &str, figure: String| vec![what.to_owned(), figure];
        vec![
            row(
                "streams, of which caught up",
                format!("{}, {}", self.streams, self.each.answered()),
            ),
            row(
                "changes given, missing",
                format!("{}, {}", self.given, self.missing()),
            ),
            row(
                "from the first to the last caught up",
                format!("{:.2} s", self.all.as_secs_f64()),
            ),
            row(
                "each, p50 and p99",
                format!("{}, {}", millis(0.5), millis(0.99)),
            ),
            row(
                "asked of the workflow-server",
                self.feed_requests.to_string(),
            ),
            row(
                "alerter's CPU",
                self.cpu()
                    .map_or_else(unknown, |cpu| format!("{:.2} s", cpu.as_secs_f64())),
            ),
            row(
                "growth of its memory",
                self.growth()
                    .map_or_else(unknown, |bytes| format!("{} KiB", bytes / 1_024)),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1::subscribe_response::Frame;
    use aftercall_proto::alert::v1::{self as alert, SubscribeResponse};
    use prost::Message as _;

    use super::*;

    #[test]
    fn the_token_and_the_kind_of_a_frame_are_read() {
        let seen = |frame| {
            let response = SubscribeResponse {
                token: "t".to_owned(),
                frame: Some(frame),
                ..Default::default()
            };
            Seen::decode(response.encode_to_vec().as_slice()).unwrap()
        };
        let caught_up = seen(Frame::CaughtUp(alert::CaughtUp { sequence: 7 }));
        assert_eq!(
            (caught_up.token.as_str(), caught_up.caught_up.is_some()),
            ("t", true)
        );
        assert!(
            seen(Frame::StageChange(alert::StageChange::default()))
                .stage_change
                .is_some()
        );
        assert!(
            seen(Frame::Bookmark(alert::Bookmark::default()))
                .caught_up
                .is_none()
        );
    }
}
