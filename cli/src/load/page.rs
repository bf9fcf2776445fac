//! `aftercall load page`: many browsers' streams of the Call Manager page, while changes are made at a
//! rate.
//!
//! Promise: bounded in count and time; what a stream was not sent is counted and shown. The page is a
//! process of its own. A delay is from the answer to a change, which comes when it is durable, to the
//! receipt of its event. Must not: judge by absolute figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::errors::Failure;
use crate::load::audience::Commits;
use crate::load::browsers::Browsers;
use crate::load::changes::Changes;
use crate::load::child::{Child, Servers};
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

/// How often to check whether all is received.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall load page
  aftercall load page --streams 10000 --rate 1 --seconds 20

The page and both servers are started, and all is gone afterwards. With --server and --alerter the page is
started for those: the workflow refund must be published there, and nobody else should use them.
Each stream needs an open file here, and two in the page: `ulimit -n` limits them.")]
pub(crate) struct LoadPage {
    /// How many streams, each of one browser
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    streams: u32,
    /// How many changes a second, each of which every stream sees
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// For how long changes are made
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// The longest that the last events are waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds_max: u64,
    /// Where the server that is started keeps its data [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// The result of a run.
struct Report {
    streams: u32,
    changes: u64,
    received: Measured,
    expected: u64,
    ended: usize,
    before: Option<Usage>,
    idle: Option<Usage>,
    after: Option<Usage>,
}

impl LoadPage {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let servers = Servers::both(session, self.data_dir.as_deref()).await?;
        let outcome = self.run_beside(&servers).await;
        servers.stop().await;
        outcome?.print(session.output)
    }

    async fn run_beside(&self, servers: &Servers) -> Result<Report, Failure> {
        servers.publish_samples().await?;
        let to = &servers.session.to;
        let page = Child::page(&to.server, &to.alerter).await?;
        let outcome = self.measure(servers, &page).await;
        page.stop().await;
        outcome
    }

    async fn measure(&self, servers: &Servers, page: &Child) -> Result<Report, Failure> {
        let used = || page.process_id().and_then(usage);
        let changes = Changes::start(&servers.session).await?;
        let before = used();
        remark(&format!("opening {} streams", self.streams));
        let browsers = Browsers::open(&page.url, self.streams).await?;
        let idle = used();
        let count = u64::from(self.rate) * u64::from(self.seconds);
        let room = usize::try_from(count).unwrap_or(usize::MAX);
        let first = changes.first_sequence() + 1;
        let commits = Arc::new(Commits::new(first, room));
        let (_tasks, receipts) = browsers.listen(first, &commits)?;
        remark(&format!("making {count} changes at {} a second", self.rate));
        let began = Instant::now();
        let mut ticks = interval(Duration::from_secs(1) / self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for number in 1..=count {
            ticks.tick().await;
            commits.note(changes.make(number).await?);
        }
        let expected = count * u64::from(self.streams);
        let all = async {
            while receipts.count() < expected {
                sleep(LOOK_EVERY).await;
            }
        };
        // What has not arrived until now is missing.
        let _ = timeout(Duration::from_secs(self.seconds_max), all).await;
        let mut received = receipts.measured()?;
        received.elapsed = began.elapsed();
        Ok(Report {
            streams: self.streams,
            changes: count,
            received,
            expected,
            ended: receipts.ended(),
            before,
            idle,
            after: used(),
        })
    }
}

impl Report {
    fn missing(&self) -> u64 {
        self.expected.saturating_sub(self.received.answered())
    }

    /// Of the page's memory, what came with the streams before there was a change.
    fn bytes_each(&self) -> Option<u64> {
        let more = self.idle?.resident_bytes;
        let more = more.saturating_sub(self.before?.resident_bytes);
        Some(more / u64::from(self.streams))
    }

    fn growth(&self) -> Option<u64> {
        let after = self.after?.resident_bytes;
        Some(after.saturating_sub(self.idle?.resident_bytes))
    }

    /// Of the page's CPU, from the first change to the last event.
    fn cpu_micros_each(&self) -> Option<u128> {
        let used = self.after?.cpu_time.saturating_sub(self.idle?.cpu_time);
        used.as_micros()
            .checked_div(u128::from(self.received.answered()))
    }

    fn print(&self, output: Output) -> Result<(), Failure> {
        let millis = |share| self.received.quantile(share).as_secs_f64() * 1e3;
        if output.is_json() {
            return output.json(&json!({
                "streams": self.streams,
                "changes": self.changes,
                "events": self.received.answered(),
                "missing": self.missing(),
                "ended_streams": self.ended,
                "delay_millis": { "p50": millis(0.5), "p99": millis(0.99), "p999": millis(0.999) },
                "cpu_micros_per_event": self.cpu_micros_each(),
                "bytes_per_idle_stream": self.bytes_each(),
                "bytes_of_growth_under_load": self.growth(),
            }));
        }
        let row = |what: &str, figure: String| vec![what.to_owned(), figure];
        let known = |figure: Option<String>| figure.unwrap_or_else(|| "not known here".to_owned());
        let delay = |share| format!("{:.1} ms", millis(share));
        let changes = format!("{}, {}", self.changes, self.received.answered());
        let gone = format!("{}, {}", self.missing(), self.ended);
        let cpu = self.cpu_micros_each().map(|each| format!("{each} µs"));
        let memory = self.bytes_each().map(|each| format!("{each} bytes"));
        let growth = self.growth().map(|all| format!("{} KiB", all / 1_024));
        let rows = vec![
            row("streams", self.streams.to_string()),
            row("changes, events", changes),
            row("missing, ended streams", gone),
            row("commit to event, p50", delay(0.5)),
            row("commit to event, p99", delay(0.99)),
            row("commit to event, p99.9", delay(0.999)),
            row("page's CPU an event", known(cpu)),
            row("page's memory an idle stream", known(memory)),
            row("its growth under load", known(growth)),
        ];
        output.table(&FIGURES, rows)
    }
}
