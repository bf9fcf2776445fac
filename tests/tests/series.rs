//! Every series of `/metrics` says what it means, and is there before its first event.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use aftercall_tests::{PATIENCE, binary};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names that the code of a crate counts by.
fn counted(crates: &[&str]) -> BTreeSet<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let mut files = Vec::new();
    crates
        .iter()
        .for_each(|name| sources(&workspace.join(name).join("src"), &mut files));
    let texts = files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("a source"));
    let names = texts.flat_map(|text| {
        let calls = ["counter!(\"", "gauge!(\"", "histogram!(\""];
        let found = calls
            .into_iter()
            .flat_map(|call| text.split(call).skip(1).collect::<Vec<_>>());
        found
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    names.collect()
}

/// What a server that has just started shows at `/metrics`.
async fn metrics(name: &str, args: &[&str]) -> String {
    let mut server = Command::new(binary(name));
    let started = server
        .args(args)
        .args(["--listen", "127.0.0.1:0", "--log", "error"])
        .stdout(Stdio::piped());
    let mut server = started.kill_on_drop(true).spawn().expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let address = tokio::time::timeout(PATIENCE, lines.next_line())
        .await
        .expect("in time")
        .expect("a line");
    let mut stream = TcpStream::connect(address.expect("an address"))
        .await
        .expect("it listens");
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

/// Those with the name of a member, which begin with the first report. `takeovers` checks them.
const OF_MEMBERS: [&str; 2] = ["aftercall_member_lag_entries", "aftercall_member_leads"];

fn check(metrics: &str, counted: &BTreeSet<String>) {
    assert!(counted.len() > 10, "the names are found: {counted:?}");
    let is_from_the_start = |name: &&String| !OF_MEMBERS.contains(&name.as_str());
    for name in counted.iter().filter(is_from_the_start) {
        let help = format!("# HELP {name} ");
        let has_help = metrics
            .lines()
            .any(|line| line.starts_with(&help) && line.ends_with('.'));
        assert!(has_help, "{name} says nothing of what it means:\n{metrics}");
        let is_there = metrics.lines().any(|line| {
            let of_name = line.strip_prefix(name.as_str());
            of_name.is_some_and(|rest| rest.starts_with([' ', '{']) || rest.starts_with("_count"))
        });
        assert!(
            is_there,
            "{name} is not there before its first event:\n{metrics}"
        );
    }
    for line in metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
    {
        let name = line.split(' ').next().expect("a name");
        assert!(
            metrics.contains(&format!("# HELP {name} ")),
            "{name} has a type and no help"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_series_is_described_from_the_start() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data_dir = dir.path().display().to_string();
    check(
        &metrics("workflow-server", &["--data-dir", &data_dir]).await,
        &counted(&["identity", "serving", "workflow-server"]),
    );
    let nobody = ["--workflow-server", "http://127.0.0.1:1"];
    check(
        &metrics("alerter-server", &nobody).await,
        &counted(&["identity", "serving", "alerter-server"]),
    );
}
