//! `aftercall up`: both servers and the Call Manager page in this process, until a signal.
//!
//! Promise: the first line on stdout says where they listen, and is written when all do. Must not:
//! write anything else to stdout.

use std::net::SocketAddr;
use std::path::PathBuf;

use aftercall_serving::{NetworkArgs, parse_listen};
use clap::Args;
use workflow_server::config::StoreArgs;

use crate::errors::Failure;
use crate::output::remark;
use crate::servers::{self, Places, Servers};
use crate::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall up --data-dir ./data
  AFTERCALL_STORE=postgres://aftercall@db/aftercall aftercall up
  aftercall --output json up --data-dir ./data --listen 127.0.0.1:0 --alerter-listen 127.0.0.1:0

Every other setting of the two servers is taken from its variable (AFTERCALL_UNDO_SECONDS and so on), or from the files that
AFTERCALL_CONFIG and AFTERCALL_ALERTER_CONFIG name. `aftercall serve workflow-server --help` lists them.
")]
pub(crate) struct Up {
    /// Where everything is kept; made if it is not there. With --store, only the sessions of the page
    #[arg(
        long,
        env = "AFTERCALL_DATA_DIR",
        value_name = "DIR",
        required_unless_present_any = ["store", "store_file"]
    )]
    data_dir: Option<PathBuf>,
    /// Where the workflow-server listens; port 0 takes a free one [default: 127.0.0.1:7401]
    #[arg(long, env = "AFTERCALL_WORKFLOW_LISTEN", value_name = "ADDRESS:PORT", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Where the alerter-server listens; port 0 takes a free one [default: 127.0.0.1:7402]
    #[arg(long, env = "AFTERCALL_ALERTER_LISTEN", value_name = "ADDRESS:PORT", value_parser = parse_listen)]
    alerter_listen: Option<SocketAddr>,
    /// Where the Call Manager page listens; port 0 takes a free one [default: 127.0.0.1:7400, or a free
    /// port]
    #[arg(long, env = "AFTERCALL_CALL_MANAGER_LISTEN", value_name = "ADDRESS:PORT", value_parser = parse_listen)]
    call_manager_listen: Option<SocketAddr>,
    /// Do not serve the Call Manager page
    #[arg(
        long,
        env = "AFTERCALL_NO_CALL_MANAGER",
        conflicts_with = "call_manager_listen"
    )]
    no_call_manager: bool,
    /// The time zone that counts where neither the caller nor a calendar has one, such as
    /// Europe/Berlin [default: UTC]
    #[arg(long, env = "AFTERCALL_TIME_ZONE", value_name = "ZONE")]
    time_zone: Option<String>,
    /// The country of telephone numbers that name none, by its ISO 3166 code, such as GB [default:
    /// none]
    #[arg(long, env = "AFTERCALL_COUNTRY", value_name = "CODE")]
    country: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    network: NetworkArgs,
    /// What is logged to stderr, such as warn or info,workflow_server=debug
    #[arg(
        long = "log-filter",
        visible_alias = "log",
        env = "AFTERCALL_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    log: String,
}

impl Up {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let places = Places {
            data_dir: self.data_dir.clone(),
            listen: self.listen,
            alerter_listen: self.alerter_listen,
            page_listen: self.call_manager_listen,
            is_without_page: self.no_call_manager,
            time_zone: self.time_zone,
            country: self.country,
            store: self.store,
            network: self.network,
        };
        let configs = places.configs()?;
        servers::log_to_stderr(configs.workflow.log_format, &self.log)?;
        let stop = servers::stop_asked(configs.workflow.drain_seconds)?;
        let mut servers = Servers::start(configs, "up").await?;
        let Servers {
            workflow_server,
            alerter_server,
            page,
            ..
        } = &servers;
        if session.output.is_json() {
            session.output.json(&serde_json::json!({
                "workflow_server": workflow_server, "alerter_server": alerter_server, "call_manager": page, "data_dir": self.data_dir,
            }))?;
        } else {
            session.output.line(&format!(
                "workflow-server {workflow_server}  alerter-server {alerter_server}{}",
                page.as_ref()
                    .map(|page| format!("  Call Manager {page}"))
                    .unwrap_or_default()
            ))?;
        }
        tokio::select! {
            failure = servers.broken() => {
                // This failure is the one to report; the other server's messages are in the log.
                let _ = servers.stop().await;
                return Err(failure);
            }
            () = stop.cancelled() => {}
        }
        remark("Stopping; a second signal stops at once.");
        servers.stop().await
    }
}
