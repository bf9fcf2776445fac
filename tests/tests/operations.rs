//! What ops rely on: health, probes, metrics, printed configuration, refusals to start, stopping in
//! order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aftercall_proto::workflow::v1::GetCallRequest;
use aftercall_tests::{
    Clients, House, PATIENCE, REFUND, ServerProcess, binary, call_ref, eventually, set, set_refund,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Status and body of a plain HTTP/1.1 request.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .expect("in time")
        .expect("an answer");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("a status");
    (
        status,
        answer
            .split_once("\r\n\r\n")
            .map_or_else(String::new, |(_, body)| body.to_owned()),
    )
}

fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .expect("an address is a URL")
        .connect_lazy()
}

async fn health(address: SocketAddr, service: &str) -> Option<ServingStatus> {
    let mut client = HealthClient::new(channel(address));
    let answer = client
        .check(HealthCheckRequest {
            service: service.to_owned(),
        })
        .await
        .ok()?;
    ServingStatus::try_from(answer.into_inner().status).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_report_their_health() {
    let mut house = House::start().await;
    let (workflow, alerter) = (house.workflow_address(), house.alerter_address());
    eventually("the alerter is ready", || async move {
        (get(alerter, "/readyz").await.0 == 200).then_some(())
    })
    .await;
    for address in [workflow, alerter] {
        assert_eq!(get(address, "/livez").await.0, 200);
        assert_eq!(get(address, "/readyz").await.0, 200);
        let (status, hint) = get(address, "/nonsense").await;
        assert_eq!(status, 404, "no probe, and no gRPC");
        assert!(
            hint.contains("/readyz and /metrics over plain HTTP"),
            "{hint}"
        );
        assert_eq!(health(address, "").await, Some(ServingStatus::Serving));
    }
    assert_eq!(
        health(workflow, "aftercall.workflow.v1.ScriptEngineService").await,
        Some(ServingStatus::Serving)
    );
    assert_eq!(
        health(alerter, "aftercall.alert.v1.AlertService").await,
        Some(ServingStatus::Serving)
    );
    house.clients().await.teams(&["care"]).await;
    let (status, metrics) = get(workflow, "/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("aftercall_entries_total"), "{metrics}");
    house.stop_workflow().await;
    eventually(
        "the alerter says that it has lost the workflow-server",
        || async move {
            let (status, why) = get(alerter, "/readyz").await;
            (status == 503
                && why.contains("workflow-server")
                && why.contains("clients see the state of"))
            .then_some(())
        },
    )
    .await;
    assert_eq!(
        get(alerter, "/livez").await.0,
        200,
        "it lives, and keeps its clients"
    );
    house.start_workflow().await;
    eventually("it is ready again", || async move {
        (get(alerter, "/readyz").await.0 == 200).then_some(())
    })
    .await;
}

fn run(name: &str, args: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(binary(name))
        .args(args)
        .envs(environment.iter().copied())
        .output()
        .expect("it starts")
}

#[test]
fn the_configuration_is_layered_and_printed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("aftercall.toml");
    std::fs::write(
        &file,
        "listen = \"127.0.0.1:1\"\ndrain_seconds = 3\nsnapshot_every_entries = 7\n",
    )
    .expect("written");
    let file = file.display().to_string();
    let args = [
        "--config",
        &file,
        "--listen",
        "127.0.0.1:2",
        "--print-config",
    ];
    let printed = run(
        "workflow-server",
        &args,
        &[
            ("AFTERCALL_DRAIN_SECONDS", "4"),
            ("AFTERCALL_WORKFLOW_LISTEN", "127.0.0.1:3"),
        ],
    );
    let text = String::from_utf8(printed.stdout).expect("text");
    for line in [
        "listen = \"127.0.0.1:2\"",
        "drain_seconds = 4",
        "snapshot_every_entries = 7",
        "request_ids_keep_hours = 24",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    let again = dir.path().join("printed.toml");
    std::fs::write(&again, &text).expect("written");
    let reprinted = run(
        "workflow-server",
        &["--config", &again.display().to_string(), "--print-config"],
        &[],
    );
    assert_eq!(
        String::from_utf8(reprinted.stdout).expect("text"),
        text,
        "what is printed can be read"
    );
    std::fs::write(&again, "drain_secnods = 3\n").expect("written");
    let refused = run(
        "workflow-server",
        &["--config", &again.display().to_string(), "--print-config"],
        &[],
    );
    let why = String::from_utf8(refused.stderr).expect("text");
    assert!(
        !refused.status.success() && why.contains("drain_secnods"),
        "{why}"
    );
    let alerter = run(
        "alerter-server",
        &["--print-config"],
        &[("AFTERCALL_WORKFLOW_SERVER", "http://127.0.0.1:9")],
    );
    assert!(
        String::from_utf8(alerter.stdout)
            .expect("text")
            .contains("workflow_server = \"http://127.0.0.1:9\"")
    );
}

#[test]
fn invalid_settings_are_refused_first() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let of_both = [
        ("--allowed-host", "a b", "allowed_hosts"),
        ("--web-origin", "desk.example", "web_origins"),
        ("--log", "foo=bar=baz", "log_filter"),
        ("--listen", "0.0.0.0:0", "listen"),
        ("--connections-max", "0", "connections_max"),
    ];
    let of_workflow = [
        ("--time-zone", "Mars/X", "time_zone"),
        ("--retention-days", "0", "retention_days"),
    ];
    let of_alerter = [
        ("--workflow-server", "ftp://there", "workflow_server"),
        ("--streams-max", "0", "streams_max"),
    ];
    let data_dir = ["--data-dir", data.to_str().expect("text")];
    for (server, own, place) in [
        ("workflow-server", of_workflow, &data_dir[..]),
        ("alerter-server", of_alerter, &[][..]),
    ] {
        let invalid = of_both.iter().chain(&own);
        let all: Vec<&str> = invalid
            .clone()
            .flat_map(|(flag, value, _)| [*flag, *value])
            .collect();
        for more in [&[][..], &["--print-config"]] {
            for (flag, value, setting) in invalid.clone() {
                let refused = run(server, &[place, &[*flag, *value], more].concat(), &[]);
                let why = String::from_utf8(refused.stderr).expect("text");
                assert!(
                    !refused.status.success() && refused.stdout.is_empty(),
                    "{server} {flag} {value} {more:?}: {why}"
                );
                assert!(
                    why.contains(&format!("the setting {setting} is invalid")),
                    "{server} {flag} {value}: {why}"
                );
            }
            let refused = run(server, &[place, &all, more].concat(), &[]);
            let why = String::from_utf8(refused.stderr).expect("text");
            assert!(
                invalid
                    .clone()
                    .all(|(.., setting)| why.contains(&format!("the setting {setting} is"))),
                "{why}"
            );
        }
    }
    assert!(!data.exists(), "nothing was opened");
}

#[test]
fn a_public_address_needs_an_explicit_option() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data").display().to_string();
    for (name, args) in [
        (
            "workflow-server",
            vec!["--listen", "0.0.0.0:0", "--data-dir", &data],
        ),
        ("alerter-server", vec!["--listen", "0.0.0.0:0"]),
    ] {
        let refused = run(name, &args, &[]);
        let why = String::from_utf8(refused.stderr).expect("text");
        assert!(
            !refused.status.success() && why.contains("--insecure"),
            "{name}: {why}"
        );
    }
}

#[test]
fn a_second_server_on_one_directory_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let _first = ServerProcess::workflow(&data, 0);
    let refused = run(
        "workflow-server",
        &[
            "--data-dir",
            &data.display().to_string(),
            "--listen",
            "127.0.0.1:0",
        ],
        &[],
    );
    let why = String::from_utf8(refused.stderr).expect("text");
    assert!(
        !refused.status.success() && why.contains("start this one with another data directory"),
        "{why}"
    );
}

#[test]
fn a_stop_signal_ends_the_server_cleanly() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for _ in 0..2 {
        let server = ServerProcess::workflow(&dir.path().join("data"), 0);
        let status = server
            .terminate(Duration::from_secs(30))
            .expect("it ends in time");
        assert!(status.success(), "{status}");
    }
}

/// Has the store fail at its next write: it finds a value where sled never syncs any.
fn break_store(data: &Path) {
    let logs = std::fs::read_dir(data)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path());
    let is_log = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("journal-"))
    };
    let log = logs.into_iter().find(is_log).expect("a log");
    std::fs::write(log.join("blobs").join("1"), "").expect("it is written");
}

/// A server whose store fails after three calls were set, and the clients.
async fn with_failed_store(data: &Path, args: &[&str]) -> (ServerProcess, Clients) {
    let dir = data.display().to_string();
    let args = [&["--data-dir", &dir, "--listen", "127.0.0.1:0"][..], args].concat();
    let server = ServerProcess::start("workflow-server", &args);
    let mut clients = Clients::connect(server.address(), None).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    for call in ["1", "2", "3"] {
        set(&mut clients, call, 5.0).await;
    }
    break_store(data);
    // Commits look at that directory once a second.
    let further = AtomicU32::new(4);
    let refused = eventually("the store fails", || {
        let call = further.fetch_add(1, Ordering::Relaxed).to_string();
        let mut scripts = clients.scripts.clone();
        async move { scripts.set_workflow(set_refund(&call, 5.0)).await.err() }
    })
    .await;
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    (server, clients)
}

async fn is_there(clients: &mut Clients, call: &str) -> bool {
    clients
        .scripts
        .get_call(GetCallRequest {
            call: Some(call_ref(call)),
            read_mask: None,
        })
        .await
        .is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_store_ends_the_process() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let (server, _) = with_failed_store(&data, &[]).await;
    assert_eq!(
        server
            .ended(PATIENCE)
            .expect("it ends without a signal")
            .code(),
        Some(75)
    );
    let server = ServerProcess::workflow(&data, 0);
    let mut clients = Clients::connect(server.address(), None).await;
    for call in ["1", "2", "3"] {
        assert!(
            is_there(&mut clients, call).await,
            "call {call} was acknowledged"
        );
    }
    set(&mut clients, "new", 5.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_store_can_stay_readable() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let (server, mut clients) =
        with_failed_store(&data, &["--on-store-failure", "read-only"]).await;
    assert!(is_there(&mut clients, "3").await);
    let address = server.address();
    let is_unready = || async move { (get(address, "/readyz").await.0 == 503).then_some(()) };
    eventually("readiness follows the condition", is_unready).await;
    assert_eq!(get(address, "/livez").await.0, 200);
    assert!(
        server
            .terminate(PATIENCE)
            .expect("it ends after the signal")
            .success()
    );
}
