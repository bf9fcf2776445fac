//! `aftercall server`: how the workflow-server is, and accepting the clock after a jump.
//!
//! Promise: a server whose store has failed still tells why. Must not: change anything but the clock's hold.

use aftercall_proto::workflow::v1::{AcceptClockRequest, GetServerInfoRequest, GetServerInfoResponse};
use clap::Subcommand;

use crate::{errors::Failure, session::Session, time};

#[derive(Debug, Subcommand)]
pub(crate) enum Server {
    /// Say what the server is and how it is
    #[command(after_help = "Example:\n  aftercall server info")]
    Info,
    /// Accept the clock after it jumped, so that held timers fire
    #[command(after_help = "Example:\n  date; aftercall server accept-clock")]
    AcceptClock,
}

impl Server {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.to.operations().await?;
        match self {
            Self::Info => {
                let answer = client.get_server_info(GetServerInfoRequest {}).await?.into_inner();
                session.output.one(&answer, || page(&answer))
            }
            Self::AcceptClock => {
                let request = AcceptClockRequest { actor: session.to.actor.clone() };
                let answer = client.accept_clock(request).await?.into_inner();
                session.output.one(&answer, || {
                    vec![format!("Accepted; the server's time is {}.", time::local(answer.server_time.as_ref()))]
                })
            }
        }
    }
}

fn page(answer: &GetServerInfoResponse) -> Vec<String> {
    let start = time::std_span(answer.start_duration.as_ref());
    let cpu = time::std_span(answer.cpu_time.as_ref());
    let mut lines = vec![
        format!("workflow-server {}", answer.version),
        format!("data directory   {}", answer.data_dir),
        format!("epoch            {}", answer.epoch),
        format!("sequence         {} (feed from {})", answer.sequence, answer.oldest_feed_sequence),
        format!(
            "instances        {} open, {} ended, {} archived",
            answer.open_instances, answer.ended_instances, answer.archived_instances
        ),
        format!("timers           {}", answer.timers),
        format!("server time      {}", time::local(answer.server_time.as_ref())),
        format!("store read in    {:.3} s", start.as_secs_f64()),
        format!("CPU used         {:.1} s", cpu.as_secs_f64()),
        format!("memory           {:.1} MiB", mebibytes(answer.resident_bytes)),
    ];
    if answer.clock_held {
        lines.push("The clock jumped and timers are held: check it, then `aftercall server accept-clock`.".to_owned());
    }
    if !answer.failure.is_empty() {
        lines.push(format!("Writing has stopped: {}", answer.failure));
    }
    lines
}

#[allow(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_clock_and_a_failed_store_are_told_last() {
        let answer = GetServerInfoResponse { clock_held: true, failure: "disk full".to_owned(), ..Default::default() };
        let lines = page(&answer);
        assert!(lines[lines.len() - 2].contains("accept-clock"));
        assert_eq!(lines[lines.len() - 1], "Writing has stopped: disk full");
    }
}
