//! The way of the README from nothing to mutual TLS and roles.

use std::path::Path;

use aftercall_tests::PATIENCE;
use serde_json::Value;

use crate::up::{Ended, Up, run_in, workspace};

/// The commands of a section of the README, each on one line.
pub(crate) fn commands_of(section: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("the README");
    let (_, rest) = readme.split_once(section).expect("the section");
    let (_, block) = rest.split_once("```sh\n").expect("its commands");
    let (block, _) = block.split_once("```").expect("their end");
    let whole = block.replace("\\\n", " ");
    whole.lines().map(str::to_owned).collect()
}

/// Runs a command in a directory, with contexts of its own.
async fn shell(directory: &Path, line: &str) -> Ended {
    let contexts = directory.join("contexts.toml").display().to_string();
    run_in(directory, line, &[("AFTERCALL_CONTEXTS_FILE", &contexts)]).await
}

/// The wallboard, when the alerter has read the state of the workflow-server.
async fn ready_board(directory: &Path) -> Ended {
    loop {
        let board = shell(directory, "aftercall wallboard --output json").await;
        if !board.err.contains("NOT_READY") {
            return board;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_commands_lead_to_mutual_tls_and_roles() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let commands = commands_of("## On a network");
    let [create, up, add, choose, who] = &commands[..] else {
        panic!("{commands:?}");
    };
    let created = shell(directory, create).await;
    assert_eq!(created.code, 0, "{created:?}");

    let up = up
        .replace("0.0.0.0:7401", "127.0.0.1:0")
        .replace("0.0.0.0:7402", "127.0.0.1:0");
    let args: Vec<&str> = up.split_whitespace().skip(2).collect();
    let up = Up::start_in(directory, &args).await;
    let add = add
        .replace("https://calls.example.com:7401", &up.server)
        .replace("https://calls.example.com:7402", &up.alerter);
    for line in [&add, choose] {
        let ended = shell(directory, line).await;
        assert_eq!(ended.code, 0, "{line}: {ended:?}");
    }
    let who = shell(directory, &format!("{who} --output json")).await;
    let who: Value = serde_json::from_str(&who.out).expect("JSON");
    assert_eq!(who["display_name"], "olga", "{who}");

    // The alerter has its own way to the workflow-server.
    let board = tokio::time::timeout(PATIENCE, ready_board(directory)).await;
    let board = board.expect("the alerter reads the state in time");
    assert_eq!(board.code, 0, "{board:?}");
    // A role of its certificate is missing, and without a certificate nothing is open.
    let published = shell(directory, "aftercall team add sales --title Sales").await;
    assert!(
        published.err.contains("author") && published.code == 1,
        "{published:?}"
    );
    let nobody = format!(
        "aftercall --context none --server {} --ca-file aftercall-certificates/ca.crt whoami",
        up.server
    );
    let nobody = shell(directory, &nobody).await;
    assert_ne!(nobody.code, 0, "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn up_names_what_a_required_client_certificate_needs() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let line = "aftercall up --data-dir data --listen 127.0.0.1:0 --alerter-listen 127.0.0.1:0 --tls-certificate server.crt \
                --tls-key server.key --tls-client-ca ca.crt --tls-client-required";
    let ended = shell(directory.path(), line).await;
    assert!(
        ended.err.contains("AFTERCALL_WORKFLOW_CERTIFICATE"),
        "{ended:?}"
    );
}
