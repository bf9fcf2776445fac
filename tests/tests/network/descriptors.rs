//! A lack of file descriptors: it must neither stop the store nor make a server spin.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use aftercall_proto::workflow::v1::ListTeamsRequest;
use aftercall_tests::{Clients, PATIENCE, REFUND, ServerProcess, eventually, set};

/// Connections that say nothing. The kernel takes them even where the server does not accept them.
fn silent(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let connect = || TcpStream::connect_timeout(&address, PATIENCE).expect("the kernel takes it");
    (0..count).map(|_| connect()).collect()
}

/// Waits until the server has closed a connection.
fn wait_for_close(stream: &mut TcpStream) {
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time limit");
    match stream.read(&mut [0; 1]) {
        Ok(0) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        other => panic!("the server does not close it: {other:?}"),
    }
}

/// CPU time of a process so far, in the 10 ms of `/proc`.
fn cpu_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .expect("after the name")
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_continue_without_free_descriptors() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data").display().to_string();
    let args = [
        "--data-dir",
        &data,
        "--listen",
        "127.0.0.1:0",
        "--snapshot-every-entries",
        "20",
    ];
    let server = ServerProcess::start_with_open_files("workflow-server", &args, 160);
    let mut clients = Clients::connect(server.address(), None).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    let mut connections = silent(server.address(), 400);
    for call in 0..60 {
        set(&mut clients, &call.to_string(), 5.0).await;
    }
    // What was open in the worst moment is closed; what came later was refused.
    wait_for_close(&mut connections[0]);
    drop(connections);
    set(&mut clients, "after", 5.0).await;
    eventually("new clients get in again", || async {
        let mut clients = Clients::connect(server.address(), None).await;
        clients
            .definitions
            .list_teams(ListTeamsRequest::default())
            .await
            .ok()
    })
    .await;
    assert!(server.terminate(PATIENCE).expect("it ends").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_descriptors_does_not_spin() {
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--workflow-server",
        "http://127.0.0.1:1",
    ];
    let server = ServerProcess::start_with_open_files("alerter-server", &args, 22);
    let before = cpu_time(server.id());
    let mut connections = silent(server.address(), 60);
    // As long as a greeting may take, those that were accepted hold all descriptors, and others
    // wait to be accepted.
    wait_for_close(&mut connections[0]);
    let spent = cpu_time(server.id()) - before;
    assert!(
        spent < Duration::from_secs(1),
        "it spent {spent:?} of CPU time in 5 s of waiting"
    );
    drop(connections);
    assert!(
        server.terminate(PATIENCE).is_some(),
        "it still listens to signals"
    );
}
