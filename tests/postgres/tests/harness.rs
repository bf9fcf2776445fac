//! The harness itself: what it starts works, breaks when it should, and leaves nothing behind.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use aftercall_test_postgres::{Proxy, Server, Way};

#[test]
fn a_server_keeps_its_data_after_a_kill() {
    let server = Server::start(&[]);
    let database = server.create_database();
    server.sql(&database, "CREATE TABLE kept (id integer)");
    for (id, end) in [(1, Server::stop as fn(&Server)), (2, Server::kill)] {
        server.sql(&database, &format!("INSERT INTO kept VALUES ({id})"));
        end(&server);
        assert!(server.try_sql(&database, "SELECT 1").is_err());
        server.start_again();
    }
    assert_eq!(
        server.sql(&database, "SELECT id FROM kept ORDER BY id"),
        "1\n2"
    );
    let folder = server.data_folder();
    assert!(folder.exists());
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn a_synchronous_replica_has_what_was_committed() {
    let server = Server::start(&[]);
    let replica = server.replica(true);
    let database = server.create_database();
    server.sql(&database, "CREATE TABLE kept (id integer)");
    server.kill();
    assert_eq!(replica.sql(&database, "SELECT count(*) FROM kept"), "0");
    assert!(
        replica
            .try_sql(&database, "INSERT INTO kept VALUES (1)")
            .is_err()
    );
    replica.promote();
    replica.sql(&database, "INSERT INTO kept VALUES (1)");
}

#[test]
fn a_proxy_delivers_late_what_it_held() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(server.local_addr().expect("its address").port());
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).expect("a connection");
    let (mut accepted, _) = server.accept().expect("a connection");
    proxy.hold(Way::ToServer);
    client.write_all(b"late").expect("written");
    proxy.wait_for_held(Way::ToServer);
    drop(client);
    accepted.set_nonblocking(true).expect("a mode");
    assert!(accepted.read(&mut [0; 4]).is_err(), "nothing has arrived");
    accepted.set_nonblocking(false).expect("a mode");
    proxy.release();
    let mut arrived = String::new();
    accepted.read_to_string(&mut arrived).expect("read");
    assert_eq!(arrived, "late");
}

#[test]
fn a_reset_loses_what_was_held() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(server.local_addr().expect("its address").port());
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).expect("a connection");
    let (mut accepted, _) = server.accept().expect("a connection");
    proxy.stall();
    client.write_all(b"lost").expect("written");
    proxy.wait_for_held(Way::ToServer);
    proxy.reset();
    proxy.release();
    let mut arrived = String::new();
    assert!(
        accepted.read_to_string(&mut arrived).unwrap_or_default() == 0,
        "{arrived}"
    );
    assert!(matches!(client.read(&mut [0; 4]), Ok(0) | Err(_)));
}
