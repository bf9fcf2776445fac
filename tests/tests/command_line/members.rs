//! The five commands of the README that start several members, and the end of their leader.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use aftercall_test_postgres::Server;
use aftercall_tests::eventually;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::network::commands_of;
use crate::up::{Ended, SET, line, run_in, shell_in, workspace};

const SECTION: &str = "## One machine or several";

/// The ports of the README, and free ones in their places.
struct Ports(Vec<(&'static str, String)>);

impl Ports {
    fn free() -> Self {
        let named = [":7401", ":7402", ":7411", ":7412", ":7421"];
        // All are open at once, so that no two are the same.
        let open = named.map(|name| (name, TcpListener::bind("127.0.0.1:0").expect("a free port")));
        let ports = open.map(|(name, port)| {
            let port = port.local_addr().expect("its address").port();
            (name, format!(":{port}"))
        });
        Self(ports.into())
    }

    fn replace(&self, text: &str) -> String {
        let ports = self.0.iter();
        ports.fold(text.to_owned(), |text, (name, port)| {
            text.replace(name, port)
        })
    }
}

/// A command in a terminal of its own. All of its processes end with this.
struct Terminal {
    shell: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Terminal {
    fn run(directory: &Path, line: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = shell_in(directory, line, environment);
        let command = command.process_group(0).stdout(Stdio::piped());
        let mut shell = command.spawn().expect("bash runs");
        let output = shell.stdout.take().expect("a pipe");
        Self {
            shell,
            lines: BufReader::new(output).lines(),
        }
    }

    /// Waits for a line with this text. Returns those before it.
    async fn shows(&mut self, text: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let line = line(&mut self.lines).await;
            if line.contains(text) {
                return before;
            }
            before.push(line);
        }
    }
}

impl Drop for Terminal {
    /// The `kill -9` of the README, also of what the shell has started.
    fn drop(&mut self) {
        if let Some(group) = self.shell.id() {
            let kill = ["-c", "kill -9 -- -$0", &group.to_string()];
            let _ = std::process::Command::new("bash").args(kill).status();
        }
    }
}

/// The address of the leader, as `aftercall server show` says it.
async fn leader(servers: &str) -> String {
    eventually("a member leads", || async move {
        let show = format!("aftercall server show {servers} --output json");
        let ended = run_in(&workspace(), &show, &[]).await;
        let shown: Value = serde_json::from_str(&ended.out).ok()?;
        let cluster = &shown["cluster"];
        let address = cluster["leader_address"].as_str()?;
        (cluster["has_leader"] == true).then(|| address.to_owned())
    })
    .await
}

async fn does(line: &str, servers: &str) -> Ended {
    let ended = run_in(&workspace(), &format!("{line} {servers}"), &[]).await;
    assert_eq!(ended.code, 0, "{line}: {ended:?}");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_commands_of_several_members_survive_kill_9() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Server::shared().url(&Server::shared().create_database());
    let environment = [("STORE", store.as_str()), ("AFTERCALL_LOG", "error")];
    let ports = Ports::free();
    let commands = commands_of(SECTION);
    let commands: Vec<String> = commands.iter().map(|line| ports.replace(line)).collect();
    let [up, second, third, alerter, watch] = &commands[..] else {
        panic!("{commands:?}");
    };
    // The README leaves these ports out, because they are the usual ones.
    let usual =
        "--listen 127.0.0.1:7401 --alerter-listen 127.0.0.1:7402 --call-manager-listen 127.0.0.1:0";
    let up = up.replace(
        "aftercall up",
        &format!("aftercall up {}", ports.replace(usual)),
    );
    let run = |line: &str| Terminal::run(directory.path(), line, &environment);
    let mut up = run(&up);
    up.shows("workflow-server http").await;
    let mut others = [run(second), run(third), run(alerter)];
    for other in &mut others {
        other.shows("127.0.0.1:").await;
    }
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("the README");
    let (_, rest) = readme.split_once(SECTION).expect("the section");
    let (_, servers) = rest.split_once("`--server ").expect("the option");
    let (servers, _) = servers.split_once('`').expect("its end");
    let servers = &*format!("--server {}", ports.replace(servers));
    does("aftercall team import examples/teams.yaml", servers).await;
    does("aftercall workflow publish examples/refund.yaml", servers).await;
    let mut watch = run(watch);
    does(SET, servers).await;
    watch.shows("Refund 5 for Ada").await;

    let killed = leader(servers).await;
    let [second, third, _alerter] = others;
    let mut members: Vec<_> = [":7401", ":7411", ":7421"]
        .into_iter()
        .zip([up, second, third])
        .collect();
    let is_other = |port: &str| !killed.ends_with(&ports.replace(port));
    members.retain(|(port, _)| is_other(port));
    assert_eq!(members.len(), 2, "{killed} is one of them");
    does(
        &SET.replace("demo/7", "demo/8").replace("Ada", "Ben"),
        servers,
    )
    .await;
    let before = watch.shows("Refund 5 for Ben").await;
    let is_shown_again = before.iter().any(|line| line.contains("Ada"));
    assert!(!is_shown_again, "the stream began again: {before:?}");
    assert_ne!(leader(servers).await, killed);
}
