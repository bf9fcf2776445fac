//! The wall: a screen that nobody sits at, with the token of a display.

use std::path::{Path, PathBuf};

use aftercall_identity::token_file::{NewToken, TokenKind, create, revoke};
use aftercall_proto::access::v1::Role;
use aftercall_tests::{House, set, set_refund, with_refund};
use tonic::Request;

use crate::desk::{Desk, Page};

/// A house whose servers want tokens, with one open follow-up.
struct Guarded {
    house: House,
    tokens: PathBuf,
    directory: tempfile::TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tokens = directory.path().join("tokens");
        let mut house = House::start().await;
        let mut clients = with_refund(&house).await;
        set(&mut clients, "1001", 72.5).await;
        drop(clients);
        house.stop_alerter().await;
        house.stop_workflow().await;
        let alerter = directory.path().join("alerter");
        std::fs::write(&alerter, token(&tokens, "alerter", Role::Alerter)).expect("written");
        house.guard_workflow(&tokens);
        house.guard_alerter(&tokens);
        house.give_alerter(&alerter);
        house.start_workflow().await;
        house.start_alerter().await;
        Self {
            house,
            tokens,
            directory,
        }
    }

    fn token(&self, name: &str, role: Role) -> String {
        token(&self.tokens, name, role)
    }

    async fn page(&self, port: u16) -> Page {
        Page::start(&self.house, &self.directory.path().join("sessions"), port).await
    }
}

fn token(tokens: &Path, name: &str, role: Role) -> String {
    let new = NewToken {
        name: name.to_owned(),
        kind: TokenKind::Service,
        roles: vec![role],
        customers: Vec::new(),
        teams: Vec::new(),
        expires_at: None,
    };
    create(tokens, new).expect("a token").1.reveal().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_is_live_until_its_token_is_revoked() {
    let guarded = Guarded::start().await;
    let lobby = guarded.token("lobby", Role::Display);
    let engine = guarded.token("engine", Role::ScriptEngine);
    let page = guarded.page(0).await;
    let mut desk = Desk::open().await;
    desk.goto(&page.url("/wall")).await;
    desk.sees("#token input").await;
    desk.goto(&page.url("/")).await;
    desk.goto(&page.url(&format!("/wall#{lobby}"))).await;
    desk.sees(".line.live").await;
    assert_eq!(desk.text("#open").await, "1");
    // The token is gone from the address and from the history.
    let address = desk.step("address", "", "").await;
    assert_eq!(address, page.url("/wall"));
    let shown = desk.text("main").await;
    assert!(
        shown.contains("billing") && shown.contains("refund"),
        "{shown}"
    );
    assert!(
        !shown.contains("Ada") && !shown.contains("Northwind"),
        "{shown}"
    );

    // It is live, and a restart of the page needs nobody.
    let mut clients = guarded.house.clients().await;
    let mut request = Request::new(set_refund("1002", 20.0));
    let header = format!("Bearer {engine}").parse().expect("a header");
    request.metadata_mut().insert("authorization", header);
    clients.scripts.set_workflow(request).await.expect("set");
    desk.reads("#open", "2").await;
    let port = page.address.port();
    page.stop().await;
    desk.sees(".line.lost").await;
    let page = guarded.page(port).await;
    desk.sees(".line.live").await;
    desk.step("reload", "", "").await;
    assert_eq!(desk.text("#open").await, "2");

    // A display opens no other page.
    for path in ["/", "/team", "/caller?phone=1", "/my-work", "/f/none"] {
        desk.goto(&page.url(path)).await;
        desk.sees("form[action='/sign-in'] [name=token]").await;
    }
    for path in ["/events", "/team/events", "/me"] {
        assert_eq!(
            desk.step("status", "", &page.url(path)).await,
            401,
            "{path}"
        );
    }

    desk.goto(&page.url("/wall")).await;
    desk.sees(".line.live").await;
    assert!(revoke(&guarded.tokens, "lobby").is_ok());
    desk.reads(".line.lost", "Signed out").await;
    desk.step("gone", "#open", "").await;
    desk.is_sound().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_of_a_display_belongs_into_an_address() {
    let guarded = Guarded::start().await;
    let (lobby, ann) = (
        guarded.token("lobby", Role::Display),
        guarded.token("ann", Role::Agent),
    );
    let page = guarded.page(0).await;
    let mut desk = Desk::open().await;
    for (token, why) in [
        (ann.as_str(), "more than a wall"),
        ("aftercall_wrong", "do not accept"),
    ] {
        desk.goto(&page.url(&format!("/wall#{token}"))).await;
        desk.reads("#line", why).await;
        desk.step("gone", "#open", "").await;
        // The same address once more would not load the page again.
        desk.goto(&page.url("/sign-in")).await;
    }
    // Pasted where people sign in, it leads to the wall and to nothing else.
    desk.fill("[name=token]", &lobby).await;
    desk.click("button.main").await;
    desk.sees(".line.live").await;
    let address = desk.step("address", "", "").await;
    assert_eq!(address, page.url("/wall"));
    desk.is_sound().await;
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_walls_and_a_board_are_live_over_plain_http() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    // Browsers open six connections to a server at once: a stream for each tab would leave none.
    desk.goto(&page.url("/wall")).await;
    for path in ["/wall", "/wall", "/wall", "/wall", "/wall", "/team", "/"] {
        desk.step("tab", "", &page.url(path)).await;
    }
    desk.step("everywhere", ".line.live", "").await;
    let one = set(&mut clients, "1001", 72.5).await;
    desk.sees(&format!("#f-{}", one.instance_id)).await;
    for tab in 0..7 {
        desk.step("turn", "", &tab.to_string()).await;
        desk.reads("#open", "1").await;
    }
    // A tab that opens later has the counts of the others, and those of one that closes stay.
    desk.step("tab", "", &page.url("/wall")).await;
    desk.reads("#open", "1").await;
    desk.step("turn", "", "0").await;
    desk.step("close", "", "").await;
    set(&mut clients, "1002", 20.0).await;
    desk.reads("#open", "2").await;
    desk.is_sound().await;
    page.stop().await;
}
