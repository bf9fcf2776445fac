//! A connection gets another token while it lives: shortly before the end of the last one, and when
//! a server refuses it because it has expired.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use aftercall_client::proto::alert::v1::GetWallboardRequest;
use aftercall_client::proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_client::{
    Connection, Connector, Token, TokenError, TokenFn, TokenFuture, TokenSource,
};
use futures::future::join_all;
use tonic::{Code, Status};

use crate::server::{Server, Worth};

/// A source whose tokens are t0, t1 and so on, and which counts how often it was asked for one that
/// it did not have yet.
fn numbered(ends: Option<Duration>) -> (impl TokenSource, Arc<AtomicU32>) {
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let source = TokenFn::new(move || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move {
            let token = Token::new(&format!("t{number}"))?;
            Ok(match ends {
                Some(ends) => token.valid_until(SystemTime::now() + ends),
                None => token,
            })
        }
    });
    (source, made)
}

async fn connect(
    server: &Server,
    tokens: impl TokenSource + 'static,
) -> AlertServiceClient<Connection> {
    let address = server.start().await;
    let connector = Connector::to(&address.to_string()).expect("an address");
    let connection = connector.tokens(tokens).connect().await;
    AlertServiceClient::new(connection.expect("it listens"))
}

async fn ask(client: &AlertServiceClient<Connection>) -> Result<(), Status> {
    let answer = client.clone().get_wallboard(GetWallboardRequest {}).await;
    answer.map(drop)
}

/// The tokens that the server has seen, in order.
fn seen(server: &Server) -> Vec<String> {
    let seen = server.seen().into_iter();
    seen.map(|(token, _)| token.trim_start_matches("Bearer ").to_owned())
        .collect()
}

#[tokio::test]
async fn an_expired_token_is_replaced_between_requests() {
    let known = [("t0", Worth::Requests(2)), ("t1", Worth::Requests(100))];
    let server = Server::knowing(&known);
    let client = connect(&server, numbered(None).0).await;
    for _ in 0..4 {
        ask(&client).await.expect("it is renewed");
    }
    assert_eq!(seen(&server), ["t0", "t0", "t0", "t1", "t1"]);
}

#[tokio::test]
async fn a_token_that_never_changes_is_sent_once() {
    let server = Server::knowing(&[("old", Worth::Requests(2))]);
    let client = connect(&server, Token::new("old").expect("a token")).await;
    ask(&client).await.expect("it is good");
    ask(&client).await.expect("it is good");
    let refused = ask(&client).await.expect_err("it has expired");
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(seen(&server).len(), 3);
}

#[tokio::test]
async fn a_request_is_repeated_only_once() {
    let known = [("t0", Worth::Requests(0)), ("t1", Worth::Requests(0))];
    let server = Server::knowing(&known);
    let client = connect(&server, numbered(None).0).await;
    let refused = ask(&client).await.expect_err("both have expired");
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(seen(&server), ["t0", "t1"]);
}

#[tokio::test]
async fn other_refusals_are_not_repeated() {
    let server = Server::knowing(&[("t0", Worth::Revoked), ("t1", Worth::Requests(100))]);
    let client = connect(&server, numbered(None).0).await;
    ask(&client).await.expect_err("it is revoked");
    assert_eq!(seen(&server), ["t0"]);
}

#[tokio::test]
async fn a_token_is_replaced_before_its_end() {
    let known = [("t0", Worth::Requests(100)), ("t1", Worth::Requests(100))];
    let server = Server::knowing(&known);
    let client = connect(&server, numbered(Some(Duration::from_secs(5))).0).await;
    ask(&client).await.expect("it is renewed");
    assert_eq!(seen(&server), ["t1"]);
    // The control: one with a later end is kept.
    let server = Server::knowing(&known);
    let client = connect(&server, numbered(Some(Duration::from_secs(500))).0).await;
    ask(&client).await.expect("it is good");
    ask(&client).await.expect("it is good");
    assert_eq!(seen(&server), ["t0", "t0"]);
}

#[tokio::test]
async fn requests_that_wait_share_a_renewal() {
    let known = [("t0", Worth::Requests(0)), ("t1", Worth::Requests(100))];
    let server = Server::knowing(&known);
    let (source, made) = numbered(None);
    let client = connect(&server, source).await;
    let asked = join_all((0..50).map(|_| ask(&client))).await;
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    assert_eq!(made.load(Ordering::Relaxed), 2);
}

/// A source that has one token only.
#[derive(Debug, Default)]
struct Exhausted(AtomicU32);

impl TokenSource for Exhausted {
    fn token(&self) -> TokenFuture<'_> {
        let token = match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => Token::new("t0"),
            _ => Err(TokenError::Empty),
        };
        Box::pin(std::future::ready(token))
    }

    fn invalidate(&self) {}
}

#[tokio::test]
async fn without_another_token_the_refusal_is_returned() {
    let server = Server::knowing(&[("t0", Worth::Requests(1))]);
    let client = connect(&server, Exhausted::default()).await;
    ask(&client).await.expect("it is good");
    let refused = ask(&client).await.expect_err("it has expired");
    assert_eq!(refused.message(), "TOKEN_EXPIRED");
    assert_eq!(seen(&server), ["t0", "t0"]);
}
