//! What a server logs about those who run it: each request of operations and authors, and the
//! signal that stops it.

use std::net::SocketAddr;
use std::process::Stdio;

use aftercall_proto::workflow::v1::{CancelInstanceRequest, RemoveTeamRequest};
use aftercall_tests::{Clients, PATIENCE, binary, set};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;

/// With the end of each RPC.
const LOG_FILTER: &str = "info,aftercall_serving=debug";

/// The log of a server that carries out and refuses requests, and is then stopped by a signal. With
/// the id of the cancelled instance and the address.
async fn log_of_a_run() -> (String, String, SocketAddr) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut server = Command::new(binary("workflow-server"));
    server
        .args([
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
            "--log",
            LOG_FILTER,
            "--data-dir",
        ])
        .arg(dir.path());
    let mut server = server
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let address = tokio::time::timeout(PATIENCE, lines.next_line())
        .await
        .expect("in time")
        .expect("a line");
    let address: SocketAddr = address.expect("an address").parse().expect("an address");
    let mut clients = Clients::connect(address, None).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(aftercall_tests::REFUND).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    let (actor, name) = ("Ada".to_owned(), "billing".to_owned());
    let remove = RemoveTeamRequest {
        actor,
        name,
        ..RemoveTeamRequest::default()
    };
    clients
        .definitions
        .remove_team(remove)
        .await
        .expect_err("it is in use");
    let (actor, instance_id, reason) = (
        "olga".to_owned(),
        id.clone(),
        "Ada Lovelace withdrew".to_owned(),
    );
    let request_id = "cancel-1".to_owned();
    let cancel = CancelInstanceRequest {
        actor,
        instance_id,
        reason,
        request_id,
        ..CancelInstanceRequest::default()
    };
    clients
        .operations
        .cancel_instance(cancel)
        .await
        .expect("cancelled");
    let pid = server.id().expect("it runs").to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .expect("kill runs")
            .success()
    );
    let mut log = String::new();
    let mut stderr = server.stderr.take().expect("a pipe");
    tokio::time::timeout(PATIENCE, stderr.read_to_string(&mut log))
        .await
        .expect("it ends in time")
        .expect("text");
    (log, id, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_a_line_for_each_action() {
    let (log, id, address) = log_of_a_run().await;
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let find = |words: &str, key: &str, value: &str| {
        let is_it = |line: &&serde_json::Value| {
            line["fields"]["message"] == words && line["fields"][key] == value
        };
        lines
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no line says {words:?} with {key}={value}:\n{log}"))
    };
    let cancelled = find(
        "a request of operations was carried out",
        "rpc",
        "CancelInstance",
    );
    assert_eq!(
        (
            &cancelled["fields"]["actor"],
            &cancelled["fields"]["instance"]
        ),
        (&"olga".into(), &id.into())
    );
    let span = &cancelled["span"];
    assert_eq!(span["service"], "aftercall.workflow.v1.OperationsService");
    assert_eq!(
        (&span["method"], &span["actor"]),
        (&"CancelInstance".into(), &"olga".into())
    );
    assert_eq!(span["request_id"], "cancel-1");
    find(
        "a request of an author was carried out",
        "rpc",
        "PublishWorkflow",
    );
    let refused = find("a request of an author was refused", "rpc", "RemoveTeam");
    assert_eq!(refused["fields"]["reason"], "TEAM_IN_USE");
    let ended = find("the RPC ended", "code", "FailedPrecondition");
    assert_eq!(
        (&ended["span"]["method"], &ended["span"]["actor"]),
        (&"RemoveTeam".into(), &"Ada".into())
    );
    let stopping = find(
        "shutting down; a second signal ends the process at once",
        "signal",
        "SIGTERM",
    );
    assert_eq!(stopping["level"], "INFO");
    find(
        "workflow-server has stopped",
        "address",
        &address.to_string(),
    );
    assert!(
        !log.contains("Lovelace"),
        "a reason may name a caller:\n{log}"
    );
}

/// The log of an alerter-server with `--insecure` until a line with these words.
async fn log_of_insecure(listen: &str, until: &str) -> String {
    let mut server = Command::new(binary("alerter-server"));
    // No workflow-server has this port, which is logged.
    let nowhere = ["--workflow-server", "http://127.0.0.1:1"];
    let server = server
        .args(["--insecure", "--listen", listen])
        .args(nowhere);
    let server = server.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = server.kill_on_drop(true).spawn().expect("it starts");
    let mut lines = BufReader::new(server.stderr.take().expect("a pipe")).lines();
    let mut log = String::new();
    let reading = async {
        while let Some(line) = lines.next_line().await.expect("text") {
            log.push_str(&line);
            if line.contains(until) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("in time");
    log
}

#[tokio::test]
async fn consent_to_an_open_network_is_logged() {
    let log = log_of_insecure("0.0.0.0:0", "--insecure").await;
    assert!(log.contains("other machines reach this server"), "{log}");
    // The control: nobody else reaches loopback.
    let log = log_of_insecure("127.0.0.1:0", "cannot be reached").await;
    assert!(!log.contains("--insecure"), "{log}");
}
