//! The workflow-server's process: configuration, logs, the server, the signals.

use std::process::ExitCode;
use std::time::Duration;

use aftercall_authoring::graph::hush_layout_panics;
use anyhow::Context as _;
use clap::Parser as _;
use workflow_server::config::Args;
use workflow_server::{Server, ServerError};

// Requests are made on tokio's threads and freed on the ledger's and the writer's: the system's
// allocator takes a lock for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aftercall_serving::run(serve(), exit_code)
}

/// The store has failed, and a start may well succeed (`EX_TEMPFAIL` of `sysexits.h`).
const EXIT_STORE_FAILED: u8 = 75;

fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref() {
        Some(ServerError::StoreFailed(_)) => EXIT_STORE_FAILED.into(),
        _ => ExitCode::FAILURE,
    }
}

async fn serve() -> anyhow::Result<()> {
    hush_layout_panics();
    let args = Args::parse();
    let config = args.resolve()?;
    if args.print_config {
        print!(
            "{}",
            aftercall_serving::config::print(&config.without_secrets())?
        );
        return Ok(());
    }
    aftercall_serving::logs::init(config.log_format, &config.log_filter);
    let shutdown = aftercall_serving::shutdown_token(Duration::from_secs(config.drain_seconds));
    let shutdown = shutdown.context("signals cannot be listened to")?;
    let server = Server::bind(config)
        .await
        .context("the workflow-server cannot start")?;
    // The first line on standard output is the address where the server listens.
    println!("{}", server.local_addr());
    Ok(server.serve(shutdown).await?)
}
