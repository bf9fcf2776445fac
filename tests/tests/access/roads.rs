//! The alerter's way to a workflow-server that wants a proof.

use std::net::SocketAddr;

use aftercall_proto::access::v1::Role;
use aftercall_tests::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{Tokens, guarded};

/// What `/readyz` answers.
async fn readiness(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alerter_follows_a_guarded_server_by_its_token() {
    let tokens = Tokens::new();
    let agent = tokens.file("Ann", Role::Agent);
    let alerter = tokens.file("alerter", Role::Alerter);
    let mut house = guarded(&tokens).await;
    for (token, shown) in [(&agent, "role"), (&alerter, "200 OK")] {
        house.give_alerter(token);
        house.start_alerter().await;
        let address = house.alerter_address();
        let is_shown = || async { readiness(address).await.contains(shown).then_some(()) };
        eventually(shown, is_shown).await;
        house.stop_alerter().await;
    }
}
