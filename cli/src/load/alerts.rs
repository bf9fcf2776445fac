//! `aftercall load alerts`: many streams of alerts, while changes are made at a rate.
//!
//! Promise: bounded in count and time; what a reading stream was not given is counted and shown.
//! Both servers are processes of their own, or those that the command line names. A delay is from the answer to a change, which comes
//! when it is durable, to the receipt. Must not: judge by absolute figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aftercall_client::Connection;
use clap::Args;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::errors::Failure;
use crate::load::audience::{Audience, Commits, Reader, Receipts};
use crate::load::changes::Changes;
use crate::load::child::Servers;
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

/// Changes that are under way at a time: enough for any rate that a group commit takes.
const CHANGES_IN_FLIGHT: usize = 256;
/// How often to check whether all is delivered.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall load alerts
  aftercall load alerts --streams 10000 --connections 100 --rate 20
  aftercall load alerts --stalled 10 --slow 10

Both servers are started on a fresh data directory, and all is gone afterwards. With --server and --alerter
those are measured: the workflow refund must be published there, and nobody else should use them.")]
pub(crate) struct LoadAlerts {
    /// How many streams
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    streams: u32,
    /// How many connections they share
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// How many changes a second, each of which every stream sees
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// For how long changes are made
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// How many streams in a hundred read slowly
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50))]
    slow: u32,
    /// How many streams in a hundred never read; they have connections of their own, as clients
    /// that hang have
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=49))]
    stalled: u32,
    /// The longest that the last deliveries are waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds_max: u64,
    /// Where the server that is started keeps its data [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// The result of a run.
struct Report {
    streams: u32,
    readers: u64,
    changes: Measured,
    deliveries: Measured,
    expected: u64,
    ended: Vec<String>,
    before: Option<Usage>,
    idle: Option<Usage>,
    after: Option<Usage>,
}

impl LoadAlerts {
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
        let requests = Arc::new(Changes::start(session).await?);
        let first = requests.first_sequence() + 1;
        let before = used();
        let channels = self.connect(session).await?;
        remark(&format!("opening {} streams", self.streams));
        let places = self.places();
        let audience = Audience::open(&channels, &places).await?;
        let idle = used();
        let count = u64::from(self.rate) * u64::from(self.seconds);
        let commits = Arc::new(Commits::new(
            first,
            usize::try_from(count).unwrap_or(usize::MAX),
        ));
        let (_tasks, receipts) = audience.listen(channels.len(), &commits)?;
        remark(&format!("making {count} changes at {} a second", self.rate));
        let readers = places
            .iter()
            .filter(|(reader, _)| *reader == Reader::Fast)
            .count() as u64;
        let began = Instant::now();
        let changes = self.make_changes(&requests, count, &commits).await?;
        let expected = changes.answered() * readers;
        // What has not arrived until now is missing.
        let _ = timeout(
            Duration::from_secs(self.seconds_max),
            all_received(&receipts, expected),
        )
        .await;
        let mut deliveries = receipts.measured()?;
        deliveries.elapsed = began.elapsed();
        let ended = receipts.ended();
        Ok(Report {
            streams: self.streams,
            readers,
            changes,
            deliveries,
            expected,
            ended,
            before,
            idle,
            after: used(),
        })
    }

    /// Every stream with its connection: a client that hangs holds up its own connection only.
    fn places(&self) -> Vec<(Reader, usize)> {
        let hanging = self.hanging_connections();
        let of_share = |percent: u32| self.streams * percent / 100;
        let (stalled, slow) = (of_share(self.stalled), of_share(self.slow));
        let place = |at: u32| match at {
            at if at < stalled => (Reader::Stalled, self.connections + at % hanging.max(1)),
            at if at < stalled + slow => (Reader::Slow, at % self.connections),
            at => (Reader::Fast, at % self.connections),
        };
        (0..self.streams)
            .map(place)
            .map(|(reader, connection)| (reader, connection as usize))
            .collect()
    }

    fn hanging_connections(&self) -> u32 {
        (self.connections * self.stalled).div_ceil(100)
    }

    async fn connect(&self, session: &Session) -> Result<Vec<Connection>, Failure> {
        let mut channels = Vec::new();
        for _ in 0..self.connections + self.hanging_connections() {
            channels.push(session.to.alerter_server().await?);
        }
        Ok(channels)
    }

    /// An open loop: a change leaves when its time has come, whether others are answered or not.
    async fn make_changes(
        &self,
        requests: &Arc<Changes>,
        count: u64,
        commits: &Arc<Commits>,
    ) -> Result<Measured, Failure> {
        let mut measured = Measured::new()?;
        let began = Instant::now();
        let mut ticks = interval(Duration::from_secs(1) / self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let room = Arc::new(Semaphore::new(CHANGES_IN_FLIGHT));
        let mut under_way = JoinSet::new();
        for number in 1..=count {
            ticks.tick().await;
            let permit = Arc::clone(&room).acquire_owned().await;
            let (requests, commits) = (Arc::clone(requests), Arc::clone(commits));
            under_way.spawn(async move {
                let _permit = permit;
                let asked = Instant::now();
                let sequence = requests.make(number).await?;
                commits.note(sequence);
                Ok::<_, Failure>(asked.elapsed())
            });
            while let Some(answered) = under_way.try_join_next() {
                measured.record(answered??);
            }
        }
        while let Some(answered) = under_way.join_next().await {
            measured.record(answered??);
        }
        measured.elapsed = began.elapsed();
        Ok(measured)
    }
}

async fn all_received(receipts: &Receipts, expected: u64) {
    while receipts.count() < expected {
        sleep(LOOK_EVERY).await;
    }
}

impl Report {
    fn missing(&self) -> u64 {
        self.expected.saturating_sub(self.deliveries.answered())
    }

    /// Of the alerter's CPU, from the first change to the last delivery; slow and stalled streams
    /// are paid for by the others.
    fn cpu_each(&self) -> Option<Duration> {
        let used = self.after?.cpu_time.saturating_sub(self.idle?.cpu_time);
        let nanos = used
            .as_nanos()
            .checked_div(u128::from(self.deliveries.answered()))?;
        u64::try_from(nanos).ok().map(Duration::from_nanos)
    }

    /// Of the alerter's memory, what came with the streams before there was a change.
    fn bytes_each(&self) -> Option<u64> {
        let more = self
            .idle?
            .resident_bytes
            .saturating_sub(self.before?.resident_bytes);
        Some(more / u64::from(self.streams))
    }

    fn print(&self, output: Output) -> Result<(), Failure> {
        let micros = |share| self.deliveries.quantile(share).as_secs_f64() * 1e6;
        let growth = self
            .after
            .zip(self.idle)
            .map(|(after, idle)| after.resident_bytes.saturating_sub(idle.resident_bytes));
        if output.is_json() {
            output.json(&json!({
                "streams": self.streams,
                "reading_streams": self.readers,
                "changes": self.changes.answered(),
                "changes_per_second": self.changes.rate(),
                "deliveries": self.deliveries.answered(),
                "deliveries_per_second": self.deliveries.rate(),
                "missing": self.missing(),
                "ended_streams": self.ended.len(),
                "delay_micros": { "p50": micros(0.5), "p99": micros(0.99), "p999": micros(0.999) },
                "cpu_micros_per_delivery": self.cpu_each().map(|each| each.as_secs_f64() * 1e6),
                "bytes_per_idle_stream": self.bytes_each(),
                "bytes_of_growth_under_load": growth,
            }))?;
        } else {
            output.table(&FIGURES, self.rows(growth))?;
        }
        if let Some(why) = self.ended.first() {
            remark(&format!(
                "{} reading streams ended; the first because: {why}",
                self.ended.len()
            ));
        }
        Ok(())
    }

    fn rows(&self, growth: Option<u64>) -> Vec<Vec<String>> {
        let millis = |share| {
            format!(
                "{:.2} ms",
                self.deliveries.quantile(share).as_secs_f64() * 1e3
            )
        };
        let unknown = || "not known here".to_owned();
        let row = |what: &str, figure: String| vec![what.to_owned(), figure];
        vec![
            row(
                "streams, of which reading",
                format!("{}, {}", self.streams, self.readers),
            ),
            row(
                "changes",
                format!(
                    "{} at {:.0}/s",
                    self.changes.answered(),
                    self.changes.rate()
                ),
            ),
            row(
                "deliveries",
                format!(
                    "{} at {:.0}/s",
                    self.deliveries.answered(),
                    self.deliveries.rate()
                ),
            ),
            row("missing", self.missing().to_string()),
            row("commit to receipt, p50", millis(0.5)),
            row("commit to receipt, p99", millis(0.99)),
            row("commit to receipt, p99.9", millis(0.999)),
            row(
                "alerter's CPU a delivery",
                self.cpu_each().map_or_else(unknown, |each| {
                    format!("{:.2} µs", each.as_secs_f64() * 1e6)
                }),
            ),
            row(
                "alerter's memory an idle stream",
                self.bytes_each()
                    .map_or_else(unknown, |bytes| format!("{bytes} bytes")),
            ),
            row(
                "its growth under load",
                growth.map_or_else(unknown, |bytes| format!("{} KiB", bytes / 1_024)),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        load: LoadAlerts,
    }

    #[test]
    fn stalled_and_reading_streams_share_no_connection() {
        let line = [
            "load",
            "--streams",
            "1000",
            "--connections",
            "10",
            "--stalled",
            "10",
            "--slow",
            "5",
        ];
        let places = Line::parse_from(line).load.places();
        let count = |wanted| {
            places
                .iter()
                .filter(|(reader, _)| *reader == wanted)
                .count()
        };
        assert_eq!(
            (
                count(Reader::Stalled),
                count(Reader::Slow),
                count(Reader::Fast)
            ),
            (100, 50, 850)
        );
        assert!(
            places
                .iter()
                .all(|(reader, connection)| (*reader == Reader::Stalled) == (*connection >= 10))
        );
        assert!(places.iter().all(|(_, connection)| *connection < 11));
    }
}
