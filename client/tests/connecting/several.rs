//! A connection to one of several servers moves to another when its server is lost, cannot be
//! reached or is going away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aftercall_client::proto::alert::v1::GetWallboardRequest;
use aftercall_client::proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_client::proto::workflow::v1::PushButtonRequest;
use aftercall_client::proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_client::{Connection, Connector, Error, Token};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::server::{Server, Worth};

/// A way to a server that a test can cut.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    /// Connections that were opened.
    pub(crate) opened: Arc<AtomicUsize>,
    /// Whether connections end with the next bytes of the client, which still reach the server.
    cuts: Arc<AtomicBool>,
}

impl Relay {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (stop, cuts) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let (until, is_cut) = (stop.clone(), Arc::clone(&cuts));
        let opened = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&opened);
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let relaying = relay(client, server, Arc::clone(&is_cut));
                tokio::spawn(until.clone().run_until_cancelled_owned(relaying));
            }
        }));
        Self {
            address,
            stop,
            opened,
            cuts,
        }
    }

    /// Ends all connections, and takes no new ones.
    pub(crate) fn kill(&self) {
        self.stop.cancel();
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr, cuts: Arc<AtomicBool>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_server, mut to_server) = server.split();
    let (mut from_client, mut to_client) = client.split();
    let requests = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
            if to_server.write_all(&buffer[..count]).await.is_err() {
                break;
            }
            if cuts.swap(false, Ordering::Relaxed) {
                break;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("its address")
}

pub(crate) fn connector(addresses: &[SocketAddr]) -> Connector {
    let addresses = addresses.iter().map(ToString::to_string);
    Connector::to_any(addresses).expect("addresses")
}

async fn ask(connection: &Connection) -> Result<(), Status> {
    let mut client = AlertServiceClient::new(connection.clone());
    client.get_wallboard(GetWallboardRequest {}).await.map(drop)
}

#[tokio::test]
async fn an_address_that_works_is_found() {
    let server = Server::default();
    let working = server.start().await;
    for addresses in [[nobody(), working], [working, nobody()]] {
        let connection = connector(&addresses).connect().await.expect("one works");
        ask(&connection).await.expect("it answers");
    }
    let none = connector(&[nobody(), nobody()]).connect().await;
    let error = none.expect_err("none works");
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert_eq!(error.to_string().matches("http://").count(), 2, "{error}");
}

#[tokio::test]
async fn a_lost_server_is_replaced_without_an_error() {
    let (one, other) = (Server::default(), Server::default());
    let mut relays = vec![
        Relay::to(one.start().await).await,
        Relay::to(other.start().await).await,
    ];
    let addresses: Vec<SocketAddr> = relays.iter().map(|relay| relay.address).collect();
    let connection = connector(&addresses).connect().await.expect("both work");
    ask(&connection).await.expect("it answers");
    let is_first_used = other.seen().is_empty();
    let used = relays.remove(usize::from(!is_first_used));
    // A clone that was made before the loss moves too.
    let earlier = connection.clone();
    used.kill();
    for _ in 0..3 {
        ask(&connection).await.expect("the other answers");
        ask(&earlier).await.expect("the other answers");
    }
    let counts = (one.seen().len(), other.seen().len());
    assert_eq!(counts, if is_first_used { (1, 6) } else { (6, 1) });
}

#[tokio::test]
async fn many_requests_share_a_move() {
    let servers = [Server::default(), Server::default()];
    let mut relays = Vec::new();
    for server in &servers {
        relays.push(Relay::to(server.start().await).await);
    }
    let addresses: Vec<SocketAddr> = relays.iter().map(|relay| relay.address).collect();
    let connection = connector(&addresses).connect().await.expect("both work");
    ask(&connection).await.expect("it answers");
    let used = usize::from(servers[0].seen().is_empty());
    relays[used].cuts.store(true, Ordering::Relaxed);
    let asked = futures::future::join_all((0..50).map(|_| ask(&connection))).await;
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
}

#[tokio::test]
async fn a_server_that_goes_away_is_left() {
    let (one, other) = (Server::default(), Server::default());
    let addresses = [one.start().await, other.start().await];
    let connection = connector(&addresses).connect().await.expect("both work");
    ask(&connection).await.expect("it answers");
    let is_first_used = other.seen().is_empty();
    let (used, unused, address) = match is_first_used {
        true => (&one, &other, addresses[0]),
        false => (&other, &one, addresses[1]),
    };
    used.go_away();
    ask(&connection).await.expect("the other answers");
    assert_eq!(unused.seen().len(), 1);
    // The control: a client of that server alone gets its answer.
    let alone = connector(&[address]).connect().await.expect("it listens");
    let refused = ask(&alone).await.expect_err("it goes away");
    assert_eq!(refused.code(), Code::Unavailable);
}

/// Sends a change through a way that is cut while it is sent; there is another way.
async fn push_through_cut(request_id: &str) -> Status {
    let server = Server::default().start().await;
    let ways = [Relay::to(server).await, Relay::to(server).await];
    let connector = connector(&[ways[0].address, ways[1].address]);
    let connection = connector.connect().await.expect("both work");
    ask(&connection).await.expect("it answers");
    // Both cut once: at least one is used.
    ways.iter()
        .for_each(|way| way.cuts.store(true, Ordering::Relaxed));
    let push = PushButtonRequest {
        actor: "Ann".to_owned(),
        request_id: request_id.to_owned(),
        ..PushButtonRequest::default()
    };
    let mut client = CallManagerServiceClient::new(connection);
    client.push_button(push).await.expect_err("no such service")
}

#[tokio::test]
async fn a_change_is_repeated_only_with_its_request_id() {
    let answered = push_through_cut("one").await;
    assert_eq!(answered.code(), Code::Unimplemented, "{answered:?}");
    let lost = push_through_cut("").await;
    assert_ne!(lost.code(), Code::Unimplemented, "{lost:?}");
}

#[tokio::test]
async fn a_silent_server_is_left_within_seconds() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent_address = silent.local_addr().expect("its address");
    let server = Server::default();
    let addresses = [silent_address, server.start().await];
    for _ in 0..3 {
        let connection = connector(&addresses).connect().await.expect("both listen");
        let begun = Instant::now();
        ask(&connection).await.expect("the other answers");
        assert!(begun.elapsed() < Duration::from_secs(9));
    }
}

#[tokio::test]
async fn tokens_are_kept_from_plain_text_at_any_address() {
    let connector = connector(&[nobody(), "192.0.2.1:7401".parse().expect("an address")]);
    let with_token = connector.tokens(Token::new("s3cret").expect("a token"));
    let refused = with_token.connect().await.expect_err("plain text");
    assert!(matches!(refused, Error::PlainTextToken { .. }), "{refused}");
    assert!(refused.to_string().contains("192.0.2.1"), "{refused}");
}

#[tokio::test]
async fn tokens_are_renewed_at_each_server() {
    let known = [("t0", Worth::Requests(1)), ("t1", Worth::Requests(100))];
    let server = Server::knowing(&known);
    let address = server.start().await;
    let source = aftercall_client::TokenFn::new({
        let made = std::sync::atomic::AtomicU32::new(0);
        move || {
            let number = made.fetch_add(1, Ordering::Relaxed);
            async move { Token::new(&format!("t{number}")) }
        }
    });
    let connector = connector(&[nobody(), address]).tokens(source);
    let connection = connector.connect().await.expect("one works");
    for _ in 0..3 {
        ask(&connection).await.expect("it is renewed");
    }
}
