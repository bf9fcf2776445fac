//! The alerter-server's process: configuration, logs, signals; all else is in the library.

use std::process::ExitCode;
use std::time::Duration;

use alerter_server::Server;
use alerter_server::config::Args;
use anyhow::Context as _;
use clap::Parser as _;

// Requests are made on tokio's threads and freed on the ledger's and the writer's: the system's
// allocator takes a lock for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aftercall_serving::run(serve(), |_| ExitCode::FAILURE)
}

async fn serve() -> anyhow::Result<()> {
    let args = Args::parse();
    let config = args.resolve()?;
    if args.print_config {
        print!("{}", aftercall_serving::config::print(&config)?);
        return Ok(());
    }
    aftercall_serving::logs::init(config.log_format, &config.log_filter);
    let shutdown = aftercall_serving::shutdown_token(Duration::from_secs(config.drain_seconds));
    let shutdown = shutdown.context("signals cannot be listened to")?;
    let server = Server::bind(config)
        .await
        .context("the alerter-server cannot start")?;
    // The first line on standard output is the address: a program that started us reads it.
    println!("{}", server.local_addr());
    Ok(server.serve(shutdown).await?)
}
