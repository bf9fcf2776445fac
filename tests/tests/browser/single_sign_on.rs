//! Signing in to the Call Manager at a real OpenID provider.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use aftercall_tests::NodeScript;
use call_manager::config::CallManagerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::desk::{Desk, Guarded, Page};

/// The note that everybody may write.
const NOTE: &str = "form[data-form=note] textarea";

/// A provider, servers that trust it, and the page as its client.
struct Place {
    provider: NodeScript,
    guarded: Guarded,
    page: Page,
    settings: CallManagerConfig,
}

impl Place {
    async fn start() -> Self {
        let mut provider = NodeScript::provider("code.mjs").await;
        let issuer = provider.hear().await;
        let issuer = issuer.as_str().expect("an address").to_owned();
        let access = format!(
            "[[issuer]]\nissuer = {issuer:?}\naudiences = [\"aftercall\"]\nkeys_url = \"{issuer}/jwks\"\n\
             roles = {{ calls-agent = [\"agent\"] }}\n"
        );
        let (guarded, []) = Box::pin(Guarded::start(&access, [])).await;
        let secret = guarded.home.path().join("secret");
        fs::write(&secret, "the secret of the page\n").expect("written");
        let settings = CallManagerConfig {
            oidc_issuer: issuer,
            oidc_client_id: "call-manager".to_owned(),
            oidc_client_secret_file: secret,
            oidc_scopes: "openid calls".to_owned(),
            ..guarded.settings()
        };
        let page = Box::pin(Page::start_with(&guarded.house, settings.clone(), 0)).await;
        let mut place = Self {
            provider,
            guarded,
            page,
            settings,
        };
        let address = place.page.url("");
        place.arrange(json!({ "page": address })).await;
        place
    }

    /// What the provider does from now on.
    async fn arrange(&mut self, settings: Value) {
        self.provider.ask(&settings).await;
    }

    /// The files of all sessions, sealed.
    fn sessions(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(&self.settings.sessions_dir).expect("the sessions");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .map(|path| (path.clone(), fs::read(path).expect("a session")))
            .collect()
    }

    /// Signs in from a path of the page.
    async fn sign_in(&self, desk: &mut Desk, path: &str, name: &str) {
        desk.goto(&self.page.url(path)).await;
        desk.click("a.button.main").await;
        desk.step("login", "", name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_a_provider_and_stays() {
    let mut place = Place::start().await;
    let mut desk = Desk::open().await;
    let path = format!("/f/{}?mine=1", place.guarded.one.instance_id);
    place.sign_in(&mut desk, &path, "Ann").await;
    let address = desk.step("address", "", "").await;
    assert_eq!(address, place.page.url(&path), "back to where she was");
    desk.sees(".line.live").await;
    assert!(desk.text(".me").await.contains("Ann"));
    let first = (place.sessions(), desk.step("cookie", "", "").await);
    assert_eq!(first.0.len(), 1);

    // A new sign-in has another id, and ends the session before.
    desk.goto(&place.page.url("/sign-in")).await;
    desk.click("a.button.main").await;
    desk.sees(".line.live").await;
    let second = (place.sessions(), desk.step("cookie", "", "").await);
    assert_eq!(second.0.len(), 1);
    assert_ne!(first.1, second.1);
    assert!(first.0.keys().ne(second.0.keys()));

    // A restart signs nobody out.
    let port = place.page.address.port();
    place.page.stop().await;
    place.page = Page::start_with(&place.guarded.house, place.settings.clone(), port).await;
    desk.reload().await;

    // Tokens that end soon are renewed silently, and each is kept. Those that last are not.
    place.arrange(json!({ "seconds": 10 })).await;
    desk.goto(&place.page.url("/sign-in")).await;
    desk.click("a.button.main").await;
    desk.sees(".line.live").await;
    let before = place.sessions();
    desk.reload().await;
    assert_ne!(place.sessions(), before, "a renewed token is kept");
    place.arrange(json!({ "seconds": 300 })).await;
    let mut changes = 0;
    loop {
        let before = place.sessions();
        desk.reload().await;
        if place.sessions() == before {
            break;
        }
        changes += 1;
        assert!(changes < 10, "a token that lasts is used again");
    }
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_greys_the_page_and_loses_nothing() {
    let mut place = Place::start().await;
    place.arrange(json!({ "seconds": 10 })).await;
    let mut desk = Desk::open().await;
    let path = format!("/f/{}", place.guarded.one.instance_id);
    place.sign_in(&mut desk, &path, "Ann").await;
    desk.sees(".line.live").await;
    desk.fill(NOTE, "The parcel came back").await;
    // The provider no longer renews.
    place
        .arrange(json!({ "seconds": 10, "refuses": true }))
        .await;
    while desk.step("ask", "", "/me").await != 401 {}
    desk.sees("body.signed-out #session .over").await;
    assert_eq!(desk.value(NOTE).await, "The parcel came back");
    assert!(place.sessions().is_empty());

    place.arrange(json!({})).await;
    desk.step("popup", "#session .over a", "").await;
    desk.click("a.button.main").await;
    desk.step("popped", "", "").await;
    desk.step("exists", "body:not(.signed-out)", "").await;
    desk.sees(".line.live").await;
    assert_eq!(desk.value(NOTE).await, "The parcel came back");
    desk.click("form[data-form=note] button").await;
    desk.reads(".notes li", "The parcel came back").await;

    // Signing out everywhere ends the streams of other tabs at once.
    desk.step("tab", "", &place.page.url("/")).await;
    desk.click(".me summary").await;
    desk.click("#sign-out [name=everywhere]").await;
    desk.sees("a.button.main").await;
    desk.step("popped", "", "").await;
    desk.sees("body.signed-out #session .over").await;
    desk.is_sound().await;
}

/// What the page answers to a GET, with a cookie: its head.
async fn got(page: &Page, path: &str, cookie: &str) -> String {
    let mut stream = TcpStream::connect(page.address).await.expect("it listens");
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n",
        page.address
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    head.to_lowercase()
}

/// The value of a header.
fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines();
    lines
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_else(|| panic!("no {name}: {head}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_for_another_sign_in_are_refused() {
    let mut place = Place::start().await;
    let head = got(&place.page, "/sign-in/start?return_to=/", "").await;
    let to = header(&head, "location").to_owned();
    for part in [
        "code_challenge=",
        "code_challenge_method=s256",
        "nonce=",
        "state=",
    ] {
        assert!(to.contains(part), "{to}");
    }
    assert!(!to.contains("secret"), "{to}");
    let cookie = header(&head, "set-cookie").to_owned();
    assert!(cookie.contains("httponly; samesite=lax"), "{cookie}");
    let back = got(&place.page, "/sign-in/back?code=any&state=any", "").await;
    assert!(
        back.starts_with("http/1.1 403"),
        "no sign-in has begun: {back}"
    );
    assert!(!back.contains("aftercall_session="), "{back}");

    // An ID token with another nonce is one for another sign-in.
    place.arrange(json!({ "nonce": "another" })).await;
    let mut desk = Desk::open().await;
    place.sign_in(&mut desk, "/sign-in", "Ann").await;
    desk.reads(".refused", "did not work").await;
    assert!(place.sessions().is_empty());
    // The control: the same with the right one. No sign-in leads to a foreign page.
    place.arrange(json!({})).await;
    desk.goto(&place.page.url("/sign-in?return_to=//evil.example"))
        .await;
    desk.click("a.button.main").await;
    desk.sees(".line.live").await;
    let address = desk.step("address", "", "").await;
    assert_eq!(address, place.page.url("/"));
    // A person who declines at the provider, or whose code is used twice, comes back to a sentence.
    desk.goto(&place.page.url("/sign-in/back?error=access_denied"))
        .await;
    desk.reads(".refused", "did not work").await;
}
