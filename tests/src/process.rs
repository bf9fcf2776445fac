//! Servers as processes of their own, so that a test can kill them without warning.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Once, mpsc};
use std::time::Duration;

use crate::PATIENCE;

static BUILT: Once = Once::new();

/// The path of one of our binaries, built with the profile of the test.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile_dir = test
        .parent()
        .and_then(Path::parent)
        .expect("a test lies in target/debug/deps");
    let folder = profile_dir.file_name().and_then(OsStr::to_str);
    BUILT.call_once(|| build(folder.expect("the folder of a profile")));
    profile_dir.join(name)
}

/// Builds the binaries with the profile whose results lie in this folder.
fn build(folder: &str) {
    let profile = if folder == "debug" { "dev" } else { folder };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--profile", profile]);
    build.args(["-p", "workflow-server", "-p", "alerter-server"]);
    build.args(["-p", "aftercall", "-p", "aftercall-client"]);
    build.args(["--bins", "--examples"]);
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let status = build.status().expect("cargo runs");
    assert!(status.success(), "the binaries are built");
}

/// A server process; killed when it is dropped.
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

impl ServerProcess {
    /// Starts a binary and waits until it says where it listens.
    pub fn start(name: &str, args: &[&str]) -> Self {
        let mut command = Command::new(binary(name));
        command.args(args);
        Self::spawn(name, command)
    }

    /// The same. Its log goes to this file.
    pub fn start_with_log(name: &str, args: &[&str], log: &Path) -> Self {
        let mut command = Command::new(binary(name));
        let log = std::fs::File::create(log).expect("a file");
        command.args(args).stderr(log);
        Self::spawn(name, command)
    }

    /// The same, with a limit of open files as a service manager sets it.
    pub fn start_with_open_files(name: &str, args: &[&str], files_max: u32) -> Self {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &format!("ulimit -n {files_max} && exec \"$0\" \"$@\""),
            ])
            .arg(binary(name))
            .args(args);
        Self::spawn(name, command)
    }

    /// The same with variables of the environment; how it ended, where it did before it listened.
    pub fn try_start(
        name: &str,
        args: &[&str],
        environment: &[(&str, &Path)],
    ) -> Result<Self, ExitStatus> {
        let mut command = Command::new(binary(name));
        command.args(args).envs(environment.iter().copied());
        Self::try_spawn(name, command)
    }

    fn spawn(name: &str, command: Command) -> Self {
        Self::try_spawn(name, command)
            .unwrap_or_else(|ended| panic!("{name} ended at once: {ended}"))
    }

    fn try_spawn(name: &str, mut command: Command) -> Result<Self, ExitStatus> {
        let mut child = command
            .args(["--log", "warn"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server's process starts");
        let stdout = child.stdout.take().expect("its output is a pipe");
        let (said, hear) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            let _ = said.send(read.map(|_| line));
        });
        let Ok(Ok(line)) = hear.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("{name} did not say where it listens");
        };
        if line.is_empty() {
            return Err(child.wait().expect("it is gone"));
        }
        let address = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{name} said {line:?} instead of an address"));
        Ok(Self { child, address })
    }

    /// A workflow-server on this data directory and port.
    pub fn workflow(data_dir: &Path, port: u16) -> Self {
        let (dir, listen) = (data_dir.display().to_string(), format!("127.0.0.1:{port}"));
        Self::start(
            "workflow-server",
            &[
                "--data-dir",
                &dir,
                "--listen",
                &listen,
                "--snapshot-every-entries",
                "300",
                "--journal-kept-entries",
                "200",
            ],
        )
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its number in the system.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, alone or after a signal.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is a process").is_some()
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it is gone");
    }
}

impl ServerProcess {
    /// Asks it to stop, as an operator does; how it ended, if it did within the time or had ended
    /// before.
    pub fn terminate(mut self, within: Duration) -> Option<ExitStatus> {
        // Once it is known to have ended, its number names no process.
        if let Some(status) = self.child.try_wait().expect("it is a process") {
            return Some(status);
        }
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill is there");
        assert!(sent.success(), "it is asked to stop");
        self.ended(within)
    }

    /// How it ended, if it did within the time; killed if it did not.
    pub fn ended(mut self, within: Duration) -> Option<ExitStatus> {
        let pid = self.child.id().to_string();
        let (ended, hear) = mpsc::channel();
        std::thread::scope(|scope| {
            let child = &mut self.child;
            scope.spawn(move || {
                let _ = ended.send(child.wait());
            });
            let status = hear.recv_timeout(within).ok().and_then(Result::ok);
            if status.is_none() {
                let _ = Command::new("kill").args(["-KILL", &pid]).status();
            }
            status
        })
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Killed already, or killed now: either is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
