//! Keys at an address, on this machine.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Trust, access};
use crate::denied::Denied;
use crate::jwt::tests::signer::Signer;

/// An issuer that answers each request with what it has at present. It counts them.
struct Provider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answer: String,
    fetches: u32,
}

impl Provider {
    fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let provider = Self {
            address: listener.local_addr().expect("an address"),
            state: Arc::default(),
        };
        provider.publish(keys);
        let state = Arc::clone(&provider.state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut lines = BufReader::new(&stream).lines();
                while lines
                    .next()
                    .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
                {}
                let mut state = state.lock().expect("no panic");
                state.fetches += 1;
                stream.write_all(state.answer.as_bytes()).ok();
            }
        });
        provider
    }

    fn answer(&self, head: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        self.state.lock().expect("no panic").answer = answer;
    }

    fn publish(&self, keys: &[Value]) {
        self.answer("200 OK", &json!({ "keys": keys }).to_string());
    }

    fn fetches(&self) -> u32 {
        self.state.lock().expect("no panic").fetches
    }

    /// A verifier that trusts it.
    fn trust(&self) -> Trust {
        let directory = tempfile::tempdir().expect("a directory");
        let place = format!("keys_url = \"http://{}/keys\"", self.address);
        Trust::with_access(directory, &access(&place))
    }
}

#[tokio::test]
async fn an_unknown_key_is_fetched_once_a_minute() {
    let (first, second) = (Signer::ec(), Signer::ec().with_id("key-2"));
    let provider = Provider::start(&[first.jwk()]);
    let trust = provider.trust();
    let (old, new) = (first.token(&trust.claims()), second.token(&trust.claims()));
    assert!(trust.verify(&old).await.is_ok());
    assert_eq!(provider.fetches(), 1);
    for _ in 0..3 {
        assert!(trust.verify(&new).await.is_err());
    }
    assert_eq!(provider.fetches(), 1, "the minute is not over");
    provider.publish(&[second.jwk()]);
    let later = trust.now + Duration::from_secs(60);
    assert!(trust.at(&new, later).await.is_ok());
    assert!(trust.at(&old, later).await.is_err(), "its key is withdrawn");
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_a_key_share_a_fetch() {
    let signer = Signer::ec();
    let provider = Provider::start(&[signer.jwk()]);
    let trust = provider.trust();
    let token = signer.token(&trust.claims());
    let verified = join_all((0..20).map(|_| trust.verify(&token))).await;
    assert!(verified.iter().all(Result::is_ok), "{verified:?}");
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn keys_stay_while_the_issuer_is_down() {
    let signer = Signer::ec();
    let provider = Provider::start(&[signer.jwk()]);
    let trust = provider.trust();
    let token = signer.token(&trust.claims());
    let issuers = trust.verifier.issuers();
    issuers.fetch(true).await;
    for answer in [
        "500 Internal Server Error",
        "302 Found\r\nLocation: /keys2",
        "200 OK",
    ] {
        provider.answer(answer, "{}");
        issuers.fetch(true).await;
        assert!(trust.verify(&token).await.is_ok(), "{answer}");
    }
    assert_eq!(provider.fetches(), 4);
}

#[tokio::test]
async fn without_any_keys_tokens_wait_for_the_issuer() {
    let signer = Signer::ec();
    let provider = Provider::start(&[signer.jwk()]);
    let trust = provider.trust();
    let token = signer.token(&trust.claims());
    let padding = " ".repeat(256 * 1024);
    let keys = json!({ "keys": [signer.jwk()] });
    provider.answer("200 OK", &format!("{keys}{padding}"));
    assert_eq!(trust.verify(&token).await, Err(Denied::NoKeys), "too long");
    provider.publish(&[signer.jwk()]);
    assert_eq!(trust.verify(&token).await, Err(Denied::NoKeys), "not due");
    trust.verifier.issuers().fetch(false).await;
    assert!(trust.verify(&token).await.is_ok());
}

#[tokio::test]
async fn keys_are_fetched_in_the_background() {
    let signer = Signer::ec();
    let provider = Provider::start(&[signer.jwk()]);
    let trust = provider.trust();
    let token = signer.token(&trust.claims());
    let (stop, stopped) = oneshot::channel::<()>();
    let mut changes = trust.verifier.changes();
    let running = trust.verifier.run(async {
        stopped.await.ok();
    });
    let verifying = async {
        changes.changed().await.expect("open");
        assert_eq!(provider.fetches(), 1);
        assert!(trust.verify(&token).await.is_ok());
        // An issuer that is added later is fetched too.
        let place = format!("keys_url = \"http://{}/other\"", provider.address);
        fs::write(trust.path("access.toml"), access(&place)).expect("written");
        changes.mark_unchanged();
        assert!(trust.verifier.reload().is_empty());
        while provider.fetches() < 2 || trust.verifier.issuers().lacks_keys() {
            changes.changed().await.expect("open");
        }
        assert!(trust.verify(&token).await.is_ok());
        stop.send(()).expect("it runs");
    };
    tokio::join!(running, verifying);
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_key_is_gone_within_a_minute() {
    let (first, second) = (Signer::ec(), Signer::ec().with_id("key-2"));
    let provider = Provider::start(&[first.jwk(), second.jwk()]);
    let trust = provider.trust();
    let (old, kept) = (first.token(&trust.claims()), second.token(&trust.claims()));
    let (stop, stopped) = oneshot::channel::<()>();
    let mut changes = trust.verifier.changes();
    let running = trust.verifier.run(async {
        stopped.await.ok();
    });
    let verifying = async {
        changes.changed().await.expect("open");
        let begun = Instant::now();
        assert!(trust.verify(&old).await.is_ok());
        provider.publish(&[second.jwk()]);
        changes.changed().await.expect("open");
        assert!(begun.elapsed() <= Duration::from_secs(60));
        assert!(trust.verify(&old).await.is_err(), "its key is withdrawn");
        assert!(trust.verify(&kept).await.is_ok(), "the control");
        stop.send(()).expect("it runs");
    };
    tokio::join!(running, verifying);
}
