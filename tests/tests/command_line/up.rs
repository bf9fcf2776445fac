//! `aftercall up` on ports of its own, and the command line beside it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use aftercall_tests::{PATIENCE, Terminal, binary};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// `aftercall up` on ports of its own.
pub(crate) struct Up {
    pub(crate) server: String,
    pub(crate) alerter: String,
    child: Child,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A line of a shell in a directory, which finds `aftercall`.
pub(crate) fn shell_in(directory: &Path, line: &str, environment: &[(&str, &str)]) -> Command {
    let path = std::env::var("PATH").expect("a path");
    let aftercall = binary("aftercall");
    let folder = aftercall.parent().expect("a folder").display();
    let mut command = Command::new("bash");
    command
        .args(["-c", line])
        .current_dir(directory)
        .kill_on_drop(true)
        .env("PATH", format!("{folder}:{path}"))
        .env("NO_COLOR", "1")
        .envs(environment.iter().copied());
    command
}

/// Runs a line of a shell in a directory.
pub(crate) async fn run_in(directory: &Path, line: &str, environment: &[(&str, &str)]) -> Ended {
    let mut command = shell_in(directory, line, environment);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .expect("it ends in time")
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    Ended {
        code: output.status.code().expect("it ends without a signal"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// Starts a command that keeps running; its lines.
fn start(
    directory: &Path,
    args: &[&str],
    environment: &[(&str, &str)],
) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = Command::new(binary("aftercall"));
    let mut child = command
        .args(args)
        .current_dir(directory)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    (child, lines)
}

pub(crate) async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(PATIENCE, lines.next_line())
        .await
        .expect("a line in time");
    line.expect("it can be read").expect("it keeps running")
}

impl Up {
    pub(crate) async fn start(data_dir: &Path) -> Self {
        let data_dir = data_dir.display().to_string();
        let ports = [
            "--listen",
            "localhost:0",
            "--alerter-listen",
            "127.0.0.1:0",
            "--no-call-manager",
            "--log",
            "error",
        ];
        Self::start_by(&[&["--data-dir", &data_dir][..], &ports].concat(), &[]).await
    }

    /// With these arguments and variables.
    pub(crate) async fn start_by(args: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_with(&workspace(), args, environment).await
    }

    /// In a directory to which the paths of the arguments belong.
    pub(crate) async fn start_in(directory: &Path, args: &[&str]) -> Self {
        Self::start_with(directory, args, &[]).await
    }

    async fn start_with(directory: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let (child, mut lines) = start(
            directory,
            &[&["--output", "json", "up"][..], args].concat(),
            environment,
        );
        let said: Value = serde_json::from_str(&line(&mut lines).await).expect("JSON");
        let place = |name: &str| said[name].as_str().expect("an address").to_owned();
        Self {
            server: place("workflow_server"),
            alerter: place("alerter_server"),
            child,
        }
    }

    /// Runs a line of a shell.
    pub(crate) async fn shell(&self, line: &str) -> Ended {
        let servers = [
            ("AFTERCALL_SERVER", self.server.as_str()),
            ("AFTERCALL_ALERTER", self.alerter.as_str()),
        ];
        run_in(&workspace(), line, &servers).await
    }

    /// Runs a command that must do.
    pub(crate) async fn does(&self, line: &str) -> String {
        let ended = self.shell(line).await;
        assert_eq!(ended.code, 0, "{line}: {ended:?}");
        ended.out
    }

    pub(crate) async fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.does(&format!("{line} --output json")).await).expect("JSON")
    }

    /// A command of its own on a terminal of so many columns and lines.
    pub(crate) fn on_terminal(&self, args: &[&str], columns: u16, lines: u16) -> Terminal {
        let mut command = std::process::Command::new(binary("aftercall"));
        command
            .args(args)
            .current_dir(workspace())
            .env("TZ", "Europe/Berlin")
            .env("USER", "ann");
        command
            .env("AFTERCALL_SERVER", &self.server)
            .env("AFTERCALL_ALERTER", &self.alerter);
        Terminal::start(&mut command, columns, lines)
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }
}

pub(crate) async fn with_refund(data_dir: &Path) -> Up {
    let up = Up::start(data_dir).await;
    up.does("aftercall team import examples/teams.yaml").await;
    up.does("aftercall workflow publish examples/refund.yaml")
        .await;
    up
}

pub(crate) const SET: &str = "aftercall set-workflow refund --call demo/7 --customer Northwind --caller-name Ada --chargeable --field amount=5";
