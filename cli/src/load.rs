//! `aftercall load`: durable requests against a no-op of the same server and a sync of the same
//! disk, in one run.
//!
//! Promise: closed loop, bounded in count and time; errors are counted and shown, and a figure with
//! errors is no figure. The server is a process of its own. Must not: judge by absolute figures:
//! the ratios are what counts.

mod alerts;
mod asked;
mod audience;
mod child;
mod closed_loop;
mod crowd;
mod disk;
mod process;
mod reconnect;
mod report;
mod requests;
mod usage;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::errors::Failure;
use crate::load::alerts::LoadAlerts;
use crate::load::child::Servers;
use crate::load::closed_loop::Bounds;
use crate::load::crowd::LoadCrowd;
use crate::load::reconnect::LoadReconnect;
use crate::load::report::{Report, Step};
use crate::load::requests::Requests;
use crate::output::remark;
use crate::samples;
use crate::session::Session;

/// Enough for the connections, the server's allocator and its branch predictors to be in use.
const WARM_UP: Bounds = Bounds {
    in_flight: 16,
    requests: 500,
    time_max: Duration::from_secs(10),
};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  aftercall load
  aftercall load --in-flight 64 --requests 5000 --data-dir /mnt/fast
  aftercall load --server http://127.0.0.1:7401
  aftercall load alerts --streams 1000 --rate 100
  aftercall load reconnect --streams 10000
  aftercall load crowd --people 60

Without --server a server of its own is started on a fresh data directory, and both are gone afterwards.
With --server the follow-ups that it makes stay in that server: take one that is for measuring."
)]
pub(crate) struct Load {
    #[command(subcommand)]
    what: Option<What>,
    /// How many requests are under way at a time, one step each
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "1,64,256", value_parser = clap::value_parser!(u32).range(1..=4_096))]
    in_flight: Vec<u32>,
    /// How many requests of each kind in a step
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    requests: u64,
    /// The longest that one kind of request may take in a step
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds_max: u64,
    /// How many connections the requests share
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// Which workflow is set; its first button is pushed
    #[arg(long, value_name = "WORKFLOW", default_value = "refund")]
    workflow: String,
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
    /// Measure a push beside a crowd of people who read
    Crowd(LoadCrowd),
}

impl Load {
    pub(crate) async fn run(mut self, session: &Session) -> Result<(), Failure> {
        match self.what.take() {
            Some(What::Alerts(alerts)) => return alerts.run(session).await,
            Some(What::Reconnect(reconnect)) => return reconnect.run(session).await,
            Some(What::Crowd(crowd)) => return crowd.run(session).await,
            None => {}
        }
        let servers = Servers::workflow_server(session, self.data_dir.as_deref()).await?;
        let outcome = self.measure(&servers).await;
        servers.stop().await;
        let report = outcome?;
        report.print(session.output)
    }

    async fn measure(&self, servers: &Servers) -> Result<Report, Failure> {
        let session = &servers.session;
        servers.publish_samples().await?;
        let workflow = samples::published(session, &self.workflow).await?;
        let requests = Requests::connect(session, workflow, self.connections).await?;
        requests.health(WARM_UP).await?;
        requests.set_workflow(WARM_UP).await?;
        let mut steps = Vec::new();
        for &in_flight in &self.in_flight {
            steps.push(self.step(&requests, in_flight).await?);
        }
        remark("measuring the disk");
        let disk = disk::measure(&requests.data_dir().await?).await;
        Ok(Report { steps, disk })
    }

    async fn step(&self, requests: &Requests, in_flight: u32) -> Result<Step, Failure> {
        let time_max = Duration::from_secs(self.seconds_max);
        let bounds = Bounds {
            in_flight,
            requests: self.requests,
            time_max,
        };
        let health = requests.health(bounds).await?;
        let (set, targets) = requests.set_workflow(bounds).await?;
        let push = requests.push(bounds, targets).await?;
        Ok(Step {
            in_flight,
            health,
            set,
            push,
        })
    }
}
