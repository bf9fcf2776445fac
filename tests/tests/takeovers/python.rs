//! The Python example, which knows all members and both alerters, while the processes of two leaders
//! and of an alerter are killed.

use std::process::Stdio;

use aftercall_tests::{PATIENCE, stubs, tool, workspace};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::cluster::{Cluster, Member};

/// The addresses, with commas between them.
fn list(addresses: impl Iterator<Item = std::net::SocketAddr>) -> String {
    let addresses = addresses.map(|address| address.to_string());
    addresses.collect::<Vec<_>>().join(",")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_works_through_three_members() {
    let mut cluster = Cluster::start().await;
    let python = tool("python").await.expect("Python can be had everywhere");
    let dir = tempfile::tempdir().expect("a temporary directory");
    stubs(&python, dir.path()).await;
    let members = list(cluster.members.iter().map(Member::address));
    let mut program = Command::new(python);
    program
        .arg(workspace().join("examples/clients/through_members.py"))
        .arg("400")
        .env("PYTHONPATH", dir.path())
        .env("AFTERCALL_SERVER", members)
        .env("AFTERCALL_ALERTER", list(cluster.alerters().into_iter()))
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut program = program.spawn().expect("it starts");
    let mut lines = BufReader::new(program.stdout.take().expect("its output")).lines();
    let (mut last, mut terms) = (String::new(), Vec::new());
    while let Some(line) = tokio::time::timeout(PATIENCE, lines.next_line())
        .await
        .expect("it continues")
        .expect("text")
    {
        match line.as_str().rsplit_once(' ').map_or("", |(set, _)| set) {
            "set 100" | "set 300" => {
                let (term, leader) = cluster.leader().await;
                cluster.members[leader].kill();
                terms.push(term);
            }
            "set 200" => cluster.kill_alerter(0),
            _ => {}
        }
        last = line;
    }
    assert_eq!(last, "in order and once");
    assert!(program.wait().await.expect("it ended").success());
    let (newest, _) = cluster.leader().await;
    terms.push(newest);
    let is_rising = terms.len() == 3 && terms.is_sorted_by(|one, next| one < next);
    assert!(is_rising, "two leaders were killed and replaced: {terms:?}");
}
