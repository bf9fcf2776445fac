//! The alerter-server's process: configuration, logs, signals; all else is in the library.

use alerter_server::Server;
use alerter_server::config::Args;
use clap::Parser as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let config = args.resolve()?;
    if args.print_config {
        print!("{}", aftercall_serving::config::print(&config)?);
        return Ok(());
    }
    aftercall_serving::logs::init(config.log_format, &config.log_filter);
    let shutdown = aftercall_serving::shutdown_token()?;
    Server::bind(config).await?.serve(shutdown).await?;
    Ok(())
}
