//! Tokens are sent, renewed when they expire, and kept from those who should not read them.

use std::sync::atomic::{AtomicU32, Ordering};

use aftercall_client::proto::alert::v1::subscribe_response::Frame;
use aftercall_client::{
    BoardEvent, Change, Connector, Error, Event, LiveList, Subscription, Token, TokenFn,
    TokenSource, Wallboards,
};
use tonic::Code;

use crate::certificates::Authority;
use crate::server::{LAST, Seen, Server, Worth};

/// A source whose tokens are t0, t1 and so on.
fn numbered() -> impl TokenSource {
    let next = AtomicU32::new(0);
    TokenFn::new(move || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        async move { Token::new(&format!("t{number}")) }
    })
}

fn fixed(secret: &str) -> Token {
    Token::new(secret).expect("a token")
}

async fn connector(server: &Server, tokens: impl TokenSource + 'static) -> Connector {
    let address = server.start().await;
    let connector = Connector::to(&address.to_string()).expect("an address");
    connector.tokens(tokens)
}

/// The numbers of all changes that a stream and its list get, until the last one.
async fn changes(subscription: &mut Subscription) -> Result<(Vec<u64>, usize), Error> {
    let (mut numbers, mut list) = (Vec::new(), LiveList::default());
    while numbers.last() != Some(&LAST) {
        let event = subscription.next().await?;
        if let Event::Frame(response) = &event
            && matches!(response.frame, Some(Frame::StageChange(_)))
        {
            numbers.push(response.token.parse().expect("a number"));
        }
        for change in list.take(&event) {
            assert!(matches!(change, Change::Changed(_)), "{change:?}");
        }
    }
    Ok((numbers, list.len()))
}

fn seen(requests: &[(&str, &str)]) -> Vec<Seen> {
    let owned = |(token, resume): &(&str, &str)| ((*token).to_owned(), (*resume).to_owned());
    requests.iter().map(owned).collect()
}

#[tokio::test]
async fn each_request_shows_the_token_over_tls() {
    let ours = Authority::new();
    let server = Server::knowing(&[("right", Worth::Frames(100))]);
    let config = ours.server_config("localhost", false);
    let address = server.start_tls(config).await;
    let address = format!("https://localhost:{}", address.port());
    let connector = Connector::to(&address).expect("an address");
    let connector = connector.trust(ours.ca_file());
    let with = |token: &str| Subscription::over(connector.clone().tokens(fixed(token)));
    let (numbers, _) = changes(&mut with("right")).await.expect("it is known");
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    // The controls: another token, and none.
    for mut subscription in [with("wrong"), Subscription::over(connector.clone())] {
        let refused = changes(&mut subscription).await.expect_err("it is unknown");
        assert!(
            matches!(&refused, Error::Refused(status) if status.code() == Code::Unauthenticated),
            "{refused:?}"
        );
    }
    let expected = [("Bearer right", ""), ("Bearer wrong", ""), ("", "")];
    assert_eq!(server.seen(), seen(&expected));
}

#[tokio::test]
async fn a_stream_resumes_with_a_fresh_token_without_a_gap() {
    let server = Server::knowing(&[
        ("t0", Worth::Frames(3)),
        ("t1", Worth::Frames(2)),
        ("t2", Worth::Frames(100)),
    ]);
    let mut subscription = Subscription::over(connector(&server, numbered()).await);
    let (numbers, listed) = changes(&mut subscription).await.expect("it is renewed");
    assert_eq!((numbers, listed), (vec![1, 2, 3, 4, 5, 6], 6));
    let expected = [("Bearer t0", ""), ("Bearer t1", "3"), ("Bearer t2", "5")];
    assert_eq!(server.seen(), seen(&expected));
}

#[tokio::test]
async fn without_a_token_source_an_expired_token_ends_the_stream() {
    let server = Server::knowing(&[("", Worth::Frames(3))]);
    let address = server.start().await;
    let connector = Connector::to(&address.to_string()).expect("an address");
    let refused = changes(&mut Subscription::over(connector)).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn an_expired_first_token_is_renewed_once() {
    let known = [("t0", Worth::Frames(0)), ("t1", Worth::Frames(100))];
    let server = Server::knowing(&known);
    let mut subscription = Subscription::over(connector(&server, numbered()).await);
    changes(&mut subscription).await.expect("it is renewed");

    let server = Server::knowing(&[("old", Worth::Frames(0))]);
    let mut subscription = Subscription::over(connector(&server, fixed("old")).await);
    let refused = changes(&mut subscription).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_revoked_token_is_renewed_once() {
    let known = [("t0", Worth::Revoked), ("t1", Worth::Frames(100))];
    let server = Server::knowing(&known);
    let mut subscription = Subscription::over(connector(&server, numbered()).await);
    changes(&mut subscription).await.expect("it is renewed");

    let server = Server::knowing(&[("t0", Worth::Revoked), ("t1", Worth::Revoked)]);
    let mut subscription = Subscription::over(connector(&server, numbered()).await);
    let refused = changes(&mut subscription).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_wallboard_renews_its_token() {
    let known = [("t0", Worth::Frames(2)), ("t1", Worth::Frames(3))];
    let server = Server::knowing(&known);
    let mut boards = Wallboards::over(connector(&server, numbered()).await, 1);
    let mut shown = 0;
    while shown < 5 {
        let event = boards.next().await.expect("it is renewed");
        shown += usize::from(matches!(event, BoardEvent::Board(_)));
    }
    let expected = [("Bearer t0", ""), ("Bearer t1", "")];
    assert_eq!(server.seen(), seen(&expected));
}

#[tokio::test]
async fn no_token_leaves_the_machine_in_plain_text() {
    let to = |address: &str| {
        let connector = Connector::to(address).expect(address);
        connector.tokens(fixed("s3cret"))
    };
    for address in [
        "192.0.2.1:7402",
        "http://calls.example.com",
        "[2001:db8::1]:7402",
    ] {
        let refused = to(address).authorization().await.expect_err(address);
        assert!(
            matches!(refused, Error::PlainTextToken { .. }),
            "{refused:?}"
        );
        assert!(!refused.to_string().contains("s3cret"));
        let allowed = to(address).send_token_in_plain_text(true);
        assert!(allowed.authorization().await.expect(address).is_some());
    }
    for address in [
        "https://calls.example.com",
        "127.0.0.2:1",
        "[::1]:1",
        "localhost:1",
    ] {
        assert!(to(address).authorization().await.expect(address).is_some());
    }
}
