//! A server that starts before its database, or with settings that a person must correct.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use aftercall_proto::workflow::v1::{CountInstancesRequest, GetServerInfoRequest};
use aftercall_test_postgres::Server;
use aftercall_tests::{Clients, ServerProcess, eventually};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::guarded::run;

/// What `/readyz` answers.
fn readyz(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn start(url: &str) -> ServerProcess {
    let args = ["--store", url, "--listen", "127.0.0.1:0"];
    ServerProcess::start("workflow-server", &args)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_waits_for_its_database() {
    let database = Server::start(&[]);
    let url = database.url(&database.create_database());
    let (succeeded, shown) = run("aftercall", &["store", "init", "--store", &url], &[]);
    assert!(succeeded, "{shown}");
    database.stop();
    let server = start(&url);
    let shown = readyz(server.address());
    assert!(shown.starts_with("HTTP/1.1 503"), "{shown}");
    assert!(shown.contains("waits for its store"), "{shown}");
    assert!(shown.contains("Connection refused"), "{shown}");
    let mut clients = Clients::connect(server.address(), None).await;
    let counted = clients
        .operations
        .count_instances(CountInstancesRequest::default());
    let refused = counted.await.expect_err("it has no store");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.get_details_retry_info().is_some());
    database.start_again();
    eventually("the server leads", || {
        let mut operations = clients.operations.clone();
        async move {
            let counted = operations.count_instances(CountInstancesRequest::default());
            counted.await.ok()
        }
    })
    .await;
    assert!(readyz(server.address()).starts_with("HTTP/1.1 200"));
    let info = clients.operations.get_server_info(GetServerInfoRequest {});
    let info = info.await.expect("the state of the server").into_inner();
    assert_eq!(info.conditions, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_waits_can_be_stopped() {
    // Containers get their name when they start.
    for (url, expected) in [
        (
            "postgres://aftercall@127.0.0.1:1/calls",
            "Connection refused",
        ),
        ("postgres://aftercall@database.invalid/calls", "is unknown"),
    ] {
        let server = start(url);
        let shown = readyz(server.address());
        assert!(shown.contains(expected), "{shown}");
        let ended = server.terminate(Duration::from_secs(30)).expect("it stops");
        assert!(ended.success(), "{ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_at_once_if_a_person_must_act() {
    let database = Server::shared();
    let empty = database.url(&database.create_database());
    let nobody = empty.replace("aftercall@", "nobody@");
    for (url, expected) in [
        (empty.as_str(), "aftercall store init"),
        (&database.url("no_such"), "create the database"),
        (&nobody, "correct the user"),
        ("postgres://aftercall@127.0.0.1", "name the database"),
    ] {
        let args = ["--store", url, "--listen", "127.0.0.1:0"];
        let (succeeded, shown) = run("workflow-server", &args, &[]);
        assert!(!succeeded && shown.contains(expected), "{url}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_named_once() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    let url = "postgres://aftercall@127.0.0.1:1/calls";
    for (name, command) in [
        ("workflow-server", &[][..]),
        ("aftercall", &["up"]),
        ("aftercall", &["serve", "workflow-server"]),
        ("aftercall", &["store", "init"]),
        ("aftercall", &["store", "upgrade"]),
        ("aftercall", &["store", "rebuild-tables", "--yes"]),
        ("aftercall", &["store", "new-epoch", "--yes"]),
    ] {
        let both = ["--store", url, "--store-file", &path];
        let (succeeded, shown) = run(name, &[command, &both].concat(), &[]);
        assert!(!succeeded, "{command:?}");
        assert!(
            shown.contains("cannot be used with"),
            "{command:?}: {shown}"
        );
        let by_variable = [("AFTERCALL_STORE", url)];
        let file = ["--store-file", &path];
        let (succeeded, shown) = run(name, &[command, &file].concat(), &by_variable);
        assert!(!succeeded, "{command:?}");
        assert!(
            shown.contains("cannot be used with"),
            "{command:?}: {shown}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_no_directory() {
    let url = "postgres://aftercall:pg-secret-71@127.0.0.1:1/calls";
    let empty = tempfile::tempdir().expect("a folder");
    let backups = empty.path().display().to_string();
    for (name, command, expected) in [
        (
            "workflow-server",
            &["--data-dir", url][..],
            "AFTERCALL_STORE",
        ),
        ("aftercall", &["up", "--data-dir", url], "AFTERCALL_STORE"),
        ("aftercall", &["verify", url], "store copy"),
        (
            "aftercall",
            &["restore", "--from", &backups, "--data-dir", url],
            "store copy",
        ),
        (
            "aftercall",
            &["store", "compact", "--yes", "--data-dir", url],
            "VACUUM FULL",
        ),
        (
            "aftercall",
            &["store", "new-epoch", "--yes", "--data-dir", url],
            "--store",
        ),
    ] {
        let (succeeded, shown) = run(name, command, &[]);
        assert!(
            !succeeded && shown.contains(expected),
            "{command:?}: {shown}"
        );
    }
    let by_variable = [("AFTERCALL_STORE", url)];
    let (succeeded, shown) = run("aftercall", &["store", "compact", "--yes"], &by_variable);
    assert!(!succeeded && shown.contains("VACUUM FULL"), "{shown}");
}
