//! A server that is measured: this program's `serve`, as a process of its own.
//!
//! Promise: it listens on a free port, the workflow-server on a fresh data directory, and all is
//! gone afterwards, also when the run is broken off. Must not: share a process with the client that
//! measures it, or with the other server.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child as Process, Command};

use crate::connect::Connections;
use crate::errors::Failure;
use crate::output::Output;
use crate::session::Session;

/// An empty store opens in well under a second; a disk that takes longer than this is not fit to be
/// measured.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A server of our own.
pub(crate) struct Child {
    /// Its URL.
    pub(crate) url: String,
    process: Process,
    /// Removed when dropped, after the process.
    _data_dir: Option<TempDir>,
}

impl Child {
    /// Starts a workflow-server and waits until it listens. `beneath` says where its data directory
    /// is made.
    pub(crate) async fn workflow_server(beneath: Option<&Path>) -> Result<Self, Failure> {
        let mut fresh = tempfile::Builder::new();
        fresh.prefix("aftercall-load-");
        let data_dir = match beneath {
            Some(beneath) => {
                std::fs::create_dir_all(beneath)?;
                fresh.tempdir_in(beneath)?
            }
            None => fresh.tempdir()?,
        };
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", "workflow-server", "--data-dir"])
            .arg(data_dir.path());
        Self::start(command, Some(data_dir)).await
    }

    /// Starts an alerter-server of a workflow-server and waits until it listens.
    pub(crate) async fn alerter_server(workflow_server: &str) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([
            "serve",
            "alerter-server",
            "--workflow-server",
            workflow_server,
        ]);
        Self::start(command, None).await
    }

    async fn start(mut command: Command, data_dir: Option<TempDir>) -> Result<Self, Failure> {
        let mut process = command
            .args(["--listen", "127.0.0.1:0", "--log", "warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process
            .stdout
            .take()
            .ok_or_else(|| not_started("its stdout is closed"))?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        match tokio::time::timeout(START_TIMEOUT, reader.read_line(&mut line)).await {
            Err(_) => return Err(not_started("it did not listen within 30 s")),
            Ok(Err(error)) => return Err(not_started(&error.to_string())),
            Ok(Ok(0)) => return Err(not_started(&ended(process.wait().await?))),
            Ok(Ok(_)) => {}
        }
        Ok(Self {
            url: format!("http://{}", line.trim()),
            process,
            _data_dir: data_dir,
        })
    }

    /// The process's number, while it runs.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Ends it. Its data is thrown away, so it need not drain.
    pub(crate) async fn stop(mut self) {
        // A process that cannot be killed has ended already.
        let _ = self.process.kill().await;
    }
}

/// Both servers, each a process of its own, and the session that asks them.
pub(crate) struct Servers {
    server: Child,
    pub(crate) alerter: Child,
    pub(crate) session: Session,
}

impl Servers {
    /// Starts both and waits until they listen. `beneath` says where the data directory is made.
    pub(crate) async fn start(beneath: Option<&Path>, output: Output) -> Result<Self, Failure> {
        let server = Child::workflow_server(beneath).await?;
        let alerter = Child::alerter_server(&server.url).await?;
        let to = Connections {
            server: server.url.clone(),
            alerter: alerter.url.clone(),
            actor: "load".to_owned(),
        };
        Ok(Self {
            server,
            alerter,
            session: Session::new(to, output, true),
        })
    }

    /// Ends both.
    pub(crate) async fn stop(self) {
        self.alerter.stop().await;
        self.server.stop().await;
    }
}

fn ended(status: ExitStatus) -> String {
    format!("it ended with {status}; the lines above say why")
}

fn not_started(why: &str) -> Failure {
    Failure::unavailable(format!("The server to be measured did not start: {why}."))
}
