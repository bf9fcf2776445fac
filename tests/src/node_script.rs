//! Scripts in Node: those of `tests/browser` drive Chromium by playwright-core, and those of
//! `tests/providers` are identity providers.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::{PATIENCE, tool, workspace};

/// How long a script may take for an answer: more than it gives one step of its browser, so that it
/// can say which step failed.
const STEP_MAX: Duration = PATIENCE.saturating_mul(3);

/// A running script. It is killed when it is dropped, and its browser ends with it.
///
/// The script and the test exchange messages, each one line of JSON. What the script writes to
/// stderr is shown with the test.
pub struct NodeScript {
    _child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
    /// Removes the copy of the scripts.
    _copy: TempDir,
}

impl NodeScript {
    /// Starts a script of `tests/browser`.
    pub async fn in_browser(name: &str) -> Self {
        Self::start("browser", "tests/browser", name).await
    }

    /// Starts a script of `tests/providers`.
    pub async fn provider(name: &str) -> Self {
        Self::start("node", "tests/providers", name).await
    }

    /// Starts a script of a folder, with the packages of a tool: see `tests/tools`.
    async fn start(tool_name: &str, folder: &str, name: &str) -> Self {
        let tools = tool(tool_name).await.expect("Node can be had everywhere");
        // Node looks for packages from where the program is upwards.
        let copy = tempfile::tempdir_in(&tools).expect("a temporary directory");
        for folder in ["tests/browser", folder] {
            copy_scripts(&workspace().join(folder), copy.path());
        }
        let mut child = Command::new("node")
            .arg(copy.path().join(name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node starts");
        Self {
            to: child.stdin.take().expect("a pipe"),
            from: BufReader::new(child.stdout.take().expect("a pipe")).lines(),
            _child: child,
            _copy: copy,
        }
    }

    /// The next message of the script.
    pub async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(STEP_MAX, self.from.next_line()).await;
        let line = line.expect("a message in time").expect("text");
        let line = line.expect("the script runs: see above why it ended");
        serde_json::from_str(&line).expect("it is JSON")
    }

    /// Sends a message to the script, and returns its answer.
    pub async fn ask(&mut self, message: &Value) -> Value {
        let line = format!("{message}\n");
        let sent = self.to.write_all(line.as_bytes()).await;
        sent.expect("the script runs: see above why it ended");
        self.hear().await
    }
}

fn copy_scripts(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the scripts") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "mjs") {
            let name = path.file_name().expect("a name");
            fs::copy(&path, to.join(name)).expect("it is copied");
        }
    }
}
