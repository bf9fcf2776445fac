//! Whom a client trusts, and what it shows.

use std::net::SocketAddr;

use aftercall_client::proto::alert::v1::GetWallboardRequest;
use aftercall_client::proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_client::{Connector, Error, Subscription};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink};
use tokio::net::TcpListener;

use crate::certificates::Authority;
use crate::server::Server;

fn to(scheme: &str, host: &str, address: SocketAddr) -> Connector {
    let address = format!("{scheme}://{host}:{}", address.port());
    Connector::to(&address).expect("an address")
}

/// Sends one request.
async fn ask(connector: &Connector) -> Result<(), Error> {
    let mut client = AlertServiceClient::new(connector.connect().await?);
    client.get_wallboard(GetWallboardRequest {}).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_of_a_private_authority_is_trusted() {
    let (ours, others) = (Authority::new(), Authority::new());
    let config = ours.server_config("localhost", false);
    let address = Server::default().start_tls(config).await;
    let connector = to("https", "localhost", address);
    ask(&connector.clone().trust(ours.ca_file()))
        .await
        .expect("it is trusted");
    // The controls: another authority, and those of the system.
    for connector in [connector.clone().trust(others.ca_file()), connector] {
        let refused = ask(&connector).await.expect_err("it is not trusted");
        assert!(matches!(refused, Error::Untrusted { .. }), "{refused:?}");
    }
    // The certificate is for the name, not for the address.
    let by_address = to("https", "127.0.0.1", address).trust(ours.ca_file());
    let refused = ask(&by_address).await.expect_err("another name");
    assert!(refused.to_string().contains("another name"), "{refused}");
}

#[tokio::test]
async fn a_replaced_ca_file_is_read_for_the_next_connection() {
    let (ours, others) = (Authority::new(), Authority::new());
    let config = ours.server_config("localhost", false);
    let address = Server::default().start_tls(config).await;
    let file = others.ca_file();
    let connector = to("https", "localhost", address).trust(&file);
    ask(&connector).await.expect_err("it is not trusted yet");
    std::fs::copy(ours.ca_file(), &file).expect("the file is replaced");
    ask(&connector).await.expect("it is trusted now");
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let ours = Authority::new();
    let config = ours.server_config("localhost", true);
    let address = Server::default().start_tls(config).await;
    let connector = to("https", "localhost", address).trust(ours.ca_file());
    let signed = ours.sign("script-engine-1");
    let certificate = ours.file("client.pem", &signed.certificate);
    let key = ours.file("client.key", &signed.key);
    let known = connector.clone().certificate(&certificate, &key);
    ask(&known).await.expect("the certificate is shown");
    ask(&connector).await.expect_err("no certificate is shown");

    let other_key = ours.file("other.key", &ours.sign("other").key);
    let refused = ask(&connector.certificate(&certificate, other_key)).await;
    let refused = refused.expect_err("the key of another certificate");
    assert!(
        refused.to_string().contains("is not the key of"),
        "{refused}"
    );
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let ours = Authority::new();
    let connector = Connector::to("https://localhost:1").expect("an address");
    let empty = ours.file("empty.pem", "nothing in it");
    for (file, reason) in [
        (ours.dir().join("none.pem"), "No such file"),
        (empty, "it has no certificate in PEM form"),
    ] {
        let refused = ask(&connector.clone().trust(&file)).await;
        let refused = refused.expect_err(reason).to_string();
        let name = file.display().to_string();
        assert!(
            refused.contains(&name) && refused.contains(reason),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_wrong_scheme_is_recognized() {
    let ours = Authority::new();
    let plain = Server::default().start().await;
    let refused = ask(&to("https", "localhost", plain).trust(ours.ca_file())).await;
    let refused = refused.expect_err("it has no TLS");
    assert!(matches!(refused, Error::NoTls), "{refused:?}");

    let config = ours.server_config("localhost", false);
    let tls = Server::default().start_tls(config).await;
    let refused = ask(&to("http", "localhost", tls)).await;
    let refused = refused.expect_err("it has only TLS");
    assert!(matches!(refused, Error::OnlyTls), "{refused:?}");
    // A stream that was never connected does not try for ever.
    let mut subscription = Subscription::over(to("http", "localhost", tls));
    let refused = subscription.next().await.expect_err("it has only TLS");
    assert!(matches!(refused, Error::OnlyTls), "{refused:?}");
}

/// An Aftercall server with TLS says so in HTTP/2, with GOAWAY and INADEQUATE_SECURITY.
#[tokio::test]
async fn a_server_that_asks_for_tls_is_recognized() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.read_u32().await?;
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let go_away = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12];
        stream
            .write_all(&[&settings[..], &go_away].concat())
            .await?;
        stream.shutdown().await?;
        copy(&mut stream, &mut sink()).await
    });
    let refused = ask(&to("http", "localhost", address)).await;
    let refused = refused.expect_err("it has only TLS");
    assert!(matches!(refused, Error::OnlyTls), "{refused:?}");
}

/// A regression: it connected and sent plain text.
#[tokio::test]
async fn an_https_address_never_gets_plain_text() {
    for (scheme, first_byte) in [("https", 0x16), ("http", b'P')] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let connector = to(scheme, "127.0.0.1", address);
        let asking = tokio::spawn(async move { ask(&connector).await.is_ok() });
        let (mut stream, _) = listener.accept().await.expect("a connection");
        assert_eq!(
            stream.read_u8().await.expect("a byte"),
            first_byte,
            "{scheme}"
        );
        asking.abort();
    }
}
