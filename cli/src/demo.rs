//! `aftercall demo`: both servers, sample calls at a rate, and a live view of what happens.
//!
//! Promise: the data directory is kept and named, and opens again as it was. Must not: push any
//! button: that is for the person in the second terminal.

mod callers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeResponse};
use aftercall_proto::workflow::v1::{Button, FollowUpFilter, NoteRule};
use aftercall_serving::parse_listen;
use clap::Args;
use tokio::time::{Instant, MissedTickBehavior};

use crate::connect::Connections;
use crate::connect::{DEFAULT_ALERTER, DEFAULT_SERVER};
use crate::errors::Failure;
use crate::output::{Output, remark};
use crate::samples::{self, Published};
use crate::servers::{self, Places, Servers};
use crate::session::{Named, Session};
use crate::subscription::{line, next, subscription};
use crate::time;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall demo
  aftercall demo --data-dir ./demo --calls-per-minute 30
  aftercall demo --listen 127.0.0.1:0 --alerter-listen 127.0.0.1:0

Where another Aftercall has the usual ports, the demo takes free ones and says which.")]
pub(crate) struct Demo {
    /// Where everything is kept [default: a fresh directory, which is kept]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the workflow-server listens; port 0 takes a free one [default: 127.0.0.1:7401, or a
    /// free port]
    #[arg(long, env = "AFTERCALL_WORKFLOW_LISTEN", value_name = "ADDRESS:PORT", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Where the alerter-server listens; port 0 takes a free one [default: 127.0.0.1:7402, or a
    /// free port]
    #[arg(long, env = "AFTERCALL_ALERTER_LISTEN", value_name = "ADDRESS:PORT", value_parser = parse_listen)]
    alerter_listen: Option<SocketAddr>,
    /// How many sample calls come in a minute; 0 for none
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(..=6_000))]
    calls_per_minute: u32,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// What is logged to stderr
    #[arg(
        long = "log-filter",
        visible_alias = "log",
        env = "AFTERCALL_LOG",
        value_name = "FILTER",
        default_value = "warn"
    )]
    log: String,
}

impl Demo {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let is_named = self.data_dir.is_some();
        let data_dir = match self.data_dir {
            Some(data_dir) => data_dir,
            None => tempfile::Builder::new()
                .prefix("aftercall-demo-")
                .tempdir()?
                .keep(),
        };
        let (listen, alerter_listen) = (self.listen, self.alerter_listen);
        let places = Places {
            data_dir: Some(data_dir.clone()),
            listen,
            alerter_listen,
            ..Places::default()
        };
        let mut configs = places.configs()?;
        configs.use_no_shared_store();
        configs.avoid_taken_ports();
        servers::log_to_stderr(configs.workflow.log_format, &self.log)?;
        let stop = servers::stop_asked(configs.workflow.drain_seconds)?;
        if !is_named && std::env::var_os("AFTERCALL_DATA_DIR").is_some() {
            remark(
                "Sample calls do not belong among real ones: AFTERCALL_DATA_DIR is not used. Name a directory with --data-dir.",
            );
        }
        let mut servers = Servers::start(configs, "demo").await?;
        remark(&introduction(&data_dir, &servers));
        let to = Connections {
            server: servers.workflow_server.clone(),
            alerter: servers.alerter_server.clone(),
            actor: "demo".to_owned(),
            ..Connections::default()
        };
        let session = Session::new(to, session.output, Named::BOTH);
        let time_is_up = ended(self.seconds);
        let outcome = tokio::select! {
            () = stop.cancelled() => Ok(()),
            () = time_is_up => Ok(()),
            failure = servers.broken() => Err(failure),
            outcome = show(&session, self.calls_per_minute) => outcome,
        };
        let stopped = servers.stop().await;
        remark(&format!(
            "\nEverything is kept in {0}.\nOpen it again with `aftercall demo --data-dir {0}`.",
            data_dir.display()
        ));
        outcome.and(stopped)
    }
}

fn introduction(data_dir: &Path, servers: &Servers) -> String {
    format!(
        "Open the Call Manager in a browser:\n\n  {}\n\n\
         Data directory: {}\n\
         Sample calls get their follow-ups below. In a second terminal, see them and push a button:\n{}  \
         aftercall calls                (or: cargo run --release -- calls)\n  \
         aftercall push ID BUTTON       (or: cargo run --release -- push ID BUTTON)\n\
         ctrl-C ends the demo; the data is kept. Times are in {}.\n",
        servers.page.as_deref().unwrap_or_default(),
        data_dir.display(),
        variables(&servers.workflow_server, &servers.alerter_server),
        time::zone()
    )
}

/// What a second terminal must be given first, where the servers are not at their usual addresses.
fn variables(server: &str, alerter: &str) -> String {
    let usual = [
        (DEFAULT_SERVER, "AFTERCALL_SERVER", server),
        (DEFAULT_ALERTER, "AFTERCALL_ALERTER", alerter),
    ];
    let other = usual
        .into_iter()
        .filter(|(usual, _, at)| at.trim_start_matches("http://") != *usual);
    other
        .map(|(_, name, at)| format!("  export {name}={}\n", at.trim_start_matches("http://")))
        .collect()
}

async fn ended(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

/// Publishes the samples, then lets calls come and shows what happens.
async fn show(session: &Session, calls_per_minute: u32) -> Result<(), Failure> {
    let workflows = samples::publish_all(session).await?;
    tokio::try_join!(view(session), ring(session, &workflows, calls_per_minute))?;
    Ok(())
}

/// The live view: what is open, then every change.
async fn view(session: &Session) -> Result<(), Failure> {
    let filter = FollowUpFilter::default();
    // The alerter is ready once it has read the workflow-server's snapshot.
    let mut subscription = subscription(session)?
        .snapshot(SnapshotMode::Always)
        .patient();
    let mut is_hinted = session.output.is_json();
    loop {
        let response = next(&mut subscription, session).await?;
        print(session.output, &filter, &response)?;
        if let Some(command) = hint(&response).filter(|_| !is_hinted) {
            remark(&format!(
                "\nPush its button from a second terminal, and watch it move here:\n  {command}\n"
            ));
            is_hinted = true;
        }
    }
}

/// The command that pushes a button of a follow-up that is new here; none where every button asks
/// for something.
fn hint(response: &SubscribeResponse) -> Option<String> {
    let Frame::StageChange(change) = response.frame.as_ref()? else {
        return None;
    };
    let follow_up = change.follow_up.as_ref()?;
    let asks = |button: &&Button| {
        button.note() == NoteRule::Required || button.form.iter().any(|field| field.required)
    };
    let button = follow_up.buttons.iter().find(|button| !asks(button))?;
    Some(format!(
        "cargo run --release -- push {} {}",
        follow_up.instance_id, button.id
    ))
}

fn print(
    output: Output,
    filter: &FollowUpFilter,
    response: &SubscribeResponse,
) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&output.value(response)?);
    }
    line(output, filter, response).map_or(Ok(()), |text| output.line(&text))
}

/// Sets workflows on sample calls, the first at once.
async fn ring(
    session: &Session,
    workflows: &[Published],
    calls_per_minute: u32,
) -> Result<(), Failure> {
    if calls_per_minute == 0 {
        return std::future::pending().await;
    }
    let mut scripts = session.to.scripts().await?;
    let mut ticks =
        tokio::time::interval_at(Instant::now(), Duration::from_secs(60) / calls_per_minute);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0_usize;
    loop {
        ticks.tick().await;
        let now = session.now().await?;
        let request = callers::sample(
            &mut rand::rng(),
            &workflows[number % workflows.len()],
            (number, now),
        );
        scripts.set_workflow(request).await?;
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1::StageChange;
    use aftercall_proto::workflow::v1::{FieldDeclaration, FollowUp};

    use super::*;

    #[test]
    fn the_hint_is_a_button_without_a_form() {
        let button = |id: &str, required: bool| Button {
            id: id.to_owned(),
            form: vec![FieldDeclaration {
                required,
                ..FieldDeclaration::default()
            }],
            ..Button::default()
        };
        let shown = |buttons| {
            let follow_up = FollowUp {
                instance_id: "7-0-beef".to_owned(),
                buttons,
                ..FollowUp::default()
            };
            let change = StageChange {
                follow_up: Some(follow_up),
                ..StageChange::default()
            };
            SubscribeResponse {
                frame: Some(Frame::StageChange(change)),
                ..SubscribeResponse::default()
            }
        };
        assert_eq!(hint(&shown(vec![button("a", true)])), None);
        let both = shown(vec![button("a", true), button("b", false)]);
        assert_eq!(
            hint(&both).as_deref(),
            Some("cargo run --release -- push 7-0-beef b")
        );
    }

    #[test]
    fn unusual_addresses_are_printed_for_a_second_terminal() {
        assert_eq!(
            variables("http://127.0.0.1:7401", "http://127.0.0.1:7402"),
            ""
        );
        assert_eq!(
            variables("http://127.0.0.1:9", "http://127.0.0.1:7402"),
            "  export AFTERCALL_SERVER=127.0.0.1:9\n"
        );
        assert_eq!(
            variables("http://127.0.0.1:9", "http://127.0.0.1:8")
                .lines()
                .count(),
            2
        );
    }
}
