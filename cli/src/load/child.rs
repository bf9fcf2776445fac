//! The servers that are measured: those that the command line names, or this program's `serve` as a
//! process of its own.
//!
//! Promise: a command measures every server that its command line names, or refuses the option. A
//! server that is started listens on a free port, the workflow-server on a fresh data directory, and
//! all is gone afterwards, also when the run is broken off. Must not: share a process with the client that
//! measures it, or with the other server.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child as Process, Command};

use crate::connect::Connections;
use crate::errors::Failure;
use crate::load::process;
use crate::output::{Output, remark};
use crate::samples;
use crate::session::{Named, Session};

/// An empty store opens in well under a second; a disk that takes longer than this is not fit to be
/// measured.
const START_TIMEOUT: Duration = Duration::from_secs(30);

const ON_A_FREE_PORT: [&str; 4] = ["--listen", "127.0.0.1:0", "--log", "warn"];

const ALERTER_REFUSED: &str = "--alerter: this command measures the workflow-server and asks no alerter. Leave --alerter out.";
const ONE_NAMED: &str = "This command measures both servers: give --server and --alerter, or neither to have both started here.";
const DATA_DIR_REFUSED: &str =
    "--data-dir is for a server that is started here, and --server names one that runs already.";

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
            .arg(data_dir.path())
            .args(ON_A_FREE_PORT);
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
        command.args(ON_A_FREE_PORT);
        Self::start(command, None).await
    }

    /// Starts the Call Manager page of two servers and waits until it listens.
    pub(crate) async fn page(workflow_server: &str, alerter_server: &str) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([
            "serve",
            "call-manager",
            "--workflow-server",
            workflow_server,
        ]);
        command.args(["--alerter-server", alerter_server]);
        command.args(ON_A_FREE_PORT);
        Self::start(command, None).await
    }

    /// Starts a server that only answers, each time with so many bytes.
    pub(crate) async fn no_op_server(answer_bytes: usize) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["load", "no-op-server", "--answer-bytes"]);
        command.arg(answer_bytes.to_string());
        Self::start(command, None).await
    }

    async fn start(mut command: Command, data_dir: Option<TempDir>) -> Result<Self, Failure> {
        let mut process = command
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

    /// The number of its process, while it runs.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Ends it. Its data is thrown away, so it need not drain.
    pub(crate) async fn stop(mut self) {
        // A process that cannot be killed has ended already.
        let _ = self.process.kill().await;
    }
}

/// The servers that are measured, and the session that asks them: those that the command line names,
/// or processes of our own on a fresh data directory.
pub(crate) struct Servers {
    pub(crate) session: Session,
    /// Whether they were started here, and are empty.
    pub(crate) are_fresh: bool,
    /// The workflow-server's process, where it runs on this machine and may be looked up.
    pub(crate) server_process: Option<u32>,
    /// The alerter-server's.
    pub(crate) alerter_process: Option<u32>,
    /// In the order in which they end.
    children: Vec<Child>,
}

impl Servers {
    /// The workflow-server alone. `beneath` says where the data directory of one that is started is
    /// made.
    pub(crate) async fn workflow_server(
        session: &Session,
        beneath: Option<&Path>,
    ) -> Result<Self, Failure> {
        if session.named.alerter {
            return Err(Failure::usage(ALERTER_REFUSED));
        }
        if session.named.server {
            return Self::named(session, beneath);
        }
        let server = Child::workflow_server(beneath).await?;
        let to = Connections {
            server: server.url.clone(),
            actor: session.to.actor.clone(),
            ..Connections::default()
        };
        Ok(Self::started(to, session.output, vec![server]))
    }

    /// Both servers.
    pub(crate) async fn both(session: &Session, beneath: Option<&Path>) -> Result<Self, Failure> {
        match session.named {
            Named::BOTH => return Self::named(session, beneath),
            Named {
                server: false,
                alerter: false,
            } => {}
            _ => return Err(Failure::usage(ONE_NAMED)),
        }
        let server = Child::workflow_server(beneath).await?;
        let alerter = Child::alerter_server(&server.url).await?;
        let to = Connections {
            server: server.url.clone(),
            alerter: alerter.url.clone(),
            actor: session.to.actor.clone(),
            ..Connections::default()
        };
        Ok(Self::started(to, session.output, vec![alerter, server]))
    }

    fn named(session: &Session, beneath: Option<&Path>) -> Result<Self, Failure> {
        if beneath.is_some() {
            return Err(Failure::usage(DATA_DIR_REFUSED));
        }
        let process = |is_named: bool, address: &str| {
            is_named.then(|| process::listening_on(address)).flatten()
        };
        Ok(Self {
            session: asking(session.to.clone(), session.output),
            are_fresh: false,
            server_process: process(session.named.server, &session.to.server),
            alerter_process: process(session.named.alerter, &session.to.alerter),
            children: Vec::new(),
        })
    }

    fn started(to: Connections, output: Output, children: Vec<Child>) -> Self {
        let process_of = |url: &str| {
            let child = children.iter().find(|child| child.url == url)?;
            child.process_id()
        };
        Self {
            are_fresh: true,
            server_process: process_of(&to.server),
            alerter_process: process_of(&to.alerter),
            session: asking(to, output),
            children,
        }
    }

    /// Publishes the samples in servers that were started here. A named server keeps the workflows
    /// that it has.
    pub(crate) async fn publish_samples(&self) -> Result<(), Failure> {
        if self.are_fresh {
            samples::publish_all(&self.session).await?;
        }
        Ok(())
    }

    /// Remarks that a figure of the alerter's process is one of both servers, as with `up`.
    pub(crate) fn remark_one_process(&self) {
        if self.alerter_process.is_some() && self.alerter_process == self.server_process {
            remark("Both servers are one process: its CPU and memory are those of both.");
        }
    }

    /// Ends those that were started here.
    pub(crate) async fn stop(self) {
        for child in self.children {
            child.stop().await;
        }
    }
}

/// A session as "load".
fn asking(to: Connections, output: Output) -> Session {
    let to = Connections {
        actor: "load".to_owned(),
        ..to
    };
    Session::new(to, output, Named::BOTH)
}

fn ended(status: ExitStatus) -> String {
    format!("it ended with {status}; the lines above say why")
}

fn not_started(why: &str) -> Failure {
    Failure::unavailable(format!("The server to be measured did not start: {why}."))
}
