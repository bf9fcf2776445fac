//! `aftercall serve`: one of the servers, with all its settings, as its own binary runs it.
//!
//! Promise: the first line on stdout is the address where it listens, and is written when it does.
//! Must not: write anything else to stdout.

use clap::Subcommand;

use crate::errors::Failure;
use crate::servers;
use crate::session::Session;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  aftercall serve workflow-server --data-dir ./data
  aftercall serve alerter-server --workflow-server http://127.0.0.1:7401
  aftercall serve call-manager")]
pub(crate) enum Serve {
    /// Own the definitions and the instances
    #[command(
        after_help = "Example:\n  aftercall serve workflow-server --data-dir ./data --print-config"
    )]
    WorkflowServer(workflow_server::config::Args),
    /// Serve the Call Manager page
    #[command(
        after_help = "Example:\n  aftercall serve call-manager --workflow-server http://127.0.0.1:7401 --alerter-server http://127.0.0.1:7402"
    )]
    CallManager(call_manager::config::Args),
    /// Stream the changes of a workflow-server
    #[command(
        after_help = "Example:\n  aftercall serve alerter-server --workflow-server http://127.0.0.1:7401"
    )]
    AlerterServer(alerter_server::config::Args),
}

impl Serve {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::WorkflowServer(args) => {
                let config = args
                    .resolve()
                    .map_err(|error| Failure::usage(error.to_string()))?;
                if args.print_config {
                    return print(session, &config.without_secrets());
                }
                let stop = servers::stop_asked(config.drain_seconds)?;
                aftercall_serving::logs::init(config.log_format, &config.log_filter);
                let failed = |error| servers::failed("workflow-server", &error);
                let server = workflow_server::Server::bind(config)
                    .await
                    .map_err(failed)?;
                session.output.line(&server.local_addr().to_string())?;
                server.serve(stop).await.map_err(failed)
            }
            Self::CallManager(args) => {
                let config = args
                    .resolve()
                    .map_err(|error| Failure::usage(error.to_string()))?;
                if args.print_config {
                    return print(session, &config);
                }
                let stop = servers::stop_asked(config.drain_seconds)?;
                aftercall_serving::logs::init(config.log_format, &config.log_filter);
                let failed = |error| servers::failed("Call Manager page", &error);
                let server = call_manager::Server::bind(config).await.map_err(failed)?;
                session.output.line(&server.local_addr().to_string())?;
                server.serve(stop).await.map_err(failed)
            }
            Self::AlerterServer(args) => {
                let config = args
                    .resolve()
                    .map_err(|error| Failure::usage(error.to_string()))?;
                if args.print_config {
                    return print(session, &config);
                }
                let stop = servers::stop_asked(config.drain_seconds)?;
                aftercall_serving::logs::init(config.log_format, &config.log_filter);
                let failed = |error| servers::failed("alerter-server", &error);
                let server = alerter_server::Server::bind(config).await.map_err(failed)?;
                session.output.line(&server.local_addr().to_string())?;
                server.serve(stop).await.map_err(failed)
            }
        }
    }
}

fn print<C: serde::Serialize>(session: &Session, config: &C) -> Result<(), Failure> {
    let text = aftercall_serving::config::print(config)
        .map_err(|error| Failure::usage(error.to_string()))?;
    session.output.line(text.trim_end())
}
