//! The server that is measured: this program's `up`, as a process of its own.
//!
//! Promise: it listens on free ports on a fresh data directory, and both are gone afterwards, also when the run is
//! broken off. Must not: share a process with the client that measures it.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child as Process, Command},
};

use crate::errors::Failure;

/// An empty store opens in well under a second; a disk that takes longer than this is not fit to be measured.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A server of our own.
pub(crate) struct Child {
    /// The workflow-server's URL.
    pub(crate) server: String,
    process: Process,
    /// Removed when dropped, after the process.
    _data_dir: TempDir,
}

/// The first line of `aftercall --output json up`.
#[derive(Deserialize)]
struct Listening {
    workflow_server: String,
}

impl Child {
    /// Starts it and waits until it listens. `beneath` says where its data directory is made.
    pub(crate) async fn start(beneath: Option<&Path>) -> Result<Self, Failure> {
        let mut fresh = tempfile::Builder::new();
        fresh.prefix("aftercall-load-");
        let data_dir = match beneath {
            Some(beneath) => fresh.tempdir_in(beneath)?,
            None => fresh.tempdir()?,
        };
        let mut process = Command::new(std::env::current_exe()?)
            .args([
                "--output",
                "json",
                "up",
                "--listen",
                "127.0.0.1:0",
                "--alerter-listen",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(data_dir.path())
            .env("AFTERCALL_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().ok_or_else(|| not_started("its stdout is closed"))?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        match tokio::time::timeout(START_TIMEOUT, reader.read_line(&mut line)).await {
            Err(_) => return Err(not_started("it did not listen within 30 s")),
            Ok(Err(error)) => return Err(not_started(&error.to_string())),
            Ok(Ok(0)) => return Err(not_started(&ended(process.wait().await?))),
            Ok(Ok(_)) => {}
        }
        let listening: Listening = serde_json::from_str(&line).map_err(|_| not_started(line.trim()))?;
        Ok(Self { server: listening.workflow_server, process, _data_dir: data_dir })
    }

    /// Ends it. Its data is thrown away, so it need not drain.
    pub(crate) async fn stop(mut self) {
        // A process that cannot be killed has ended already.
        let _ = self.process.kill().await;
    }
}

fn ended(status: ExitStatus) -> String {
    format!("it ended with {status}; the lines above say why")
}

fn not_started(why: &str) -> Failure {
    Failure::unavailable(format!("The server to be measured did not start: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_up_names_the_server() {
        let line = r#"{"alerter_server":"http://127.0.0.1:2","data_dir":"d","workflow_server":"http://127.0.0.1:1"}"#;
        let listening: Listening = serde_json::from_str(line).unwrap();
        assert_eq!(listening.workflow_server, "http://127.0.0.1:1");
    }
}
