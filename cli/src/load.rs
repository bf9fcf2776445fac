//! `aftercall load`: durable requests against a no-op of the same size and a sync of the same disk,
//! in one run.
//!
//! Promise: closed or open loop, bounded in count and time. Errors are counted and shown, and a
//! figure with errors does not count. The server is a process of its own, and its CPU time is shown
//! beside the client's. Must not: judge by absolute figures: the ratios are what counts.

mod alerts;
mod audience;
mod bench;
mod browsers;
mod changes;
mod child;
mod counters;
mod crowd;
mod disk;
mod feed_requests;
mod http2;
mod measured;
mod messages;
mod mix;
mod no_op;
mod options;
mod pace;
mod page;
mod phase;
mod process;
mod reconnect;
mod report;
mod requests;
mod usage;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::errors::Failure;
use crate::load::alerts::LoadAlerts;
use crate::load::bench::Bench;
use crate::load::child::Servers;
use crate::load::crowd::LoadCrowd;
use crate::load::no_op::NoOpServer;
use crate::load::options::Options;
use crate::load::page::LoadPage;
use crate::load::reconnect::LoadReconnect;
use crate::load::report::Report;
use crate::session::Session;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  aftercall load
  aftercall load --in-flight 64 --requests 5000 --data-dir /mnt/fast
  aftercall load --rate 2000 --mix push=80,set=20
  aftercall load --server http://127.0.0.1:7401
  aftercall load alerts --streams 1000 --rate 100
  aftercall load reconnect --streams 10000
  aftercall load crowd --people 60
  aftercall load page --streams 10000 --rate 1

The no-op is a process with the serving layer alone: its requests and answers have as many bytes as those of
set-workflow. SERVER US and CLIENT US are CPU time a request, PER CORE-SECOND the requests that one core of the
server answers in a second. SWITCHES and READS+WRITES are of the server, a request, as Linux counts them.
OTHERS' CPU is the share of the machine that other processes used.

Without --server a server of its own is started on a fresh data directory, and both are gone afterwards.
With --server the follow-ups that it makes stay in that server: take one that is for measuring."
)]
pub(crate) struct Load {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    options: Options,
    /// Where the server that is started keeps its data [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measure how changes reach many streams of alerts
    Alerts(LoadAlerts),
    /// Measure how many streams that come back at once are given what they missed
    Reconnect(LoadReconnect),
    /// Measure how changes reach many browsers over the Call Manager page
    Page(LoadPage),
    /// Measure a push beside a crowd of people who read
    Crowd(LoadCrowd),
    /// Answer each request with the same bytes, as the no-op of a load
    #[command(hide = true)]
    NoOpServer(NoOpServer),
}

impl Load {
    pub(crate) async fn run(mut self, session: &Session) -> Result<(), Failure> {
        match self.what.take() {
            Some(What::Alerts(alerts)) => return alerts.run(session).await,
            Some(What::Reconnect(reconnect)) => return reconnect.run(session).await,
            Some(What::Page(page)) => return page.run(session).await,
            Some(What::Crowd(crowd)) => return crowd.run(session).await,
            Some(What::NoOpServer(no_op)) => return no_op.run(session).await,
            None => {}
        }
        let servers = Servers::workflow_server(session, self.data_dir.as_deref()).await?;
        let outcome = self.measure(&servers).await;
        servers.stop().await;
        let report = outcome?;
        report.print(session.output)
    }

    async fn measure(&self, servers: &Servers) -> Result<Report, Failure> {
        let bench = Bench::start(&self.options, servers).await?;
        let outcome = bench.run().await;
        bench.stop().await;
        outcome
    }
}
