//! What people with different roles see of the pages of authors and operators.

use std::path::PathBuf;

use aftercall_identity::token_file::{NewToken, TokenKind, create};
use aftercall_proto::access::v1::Role;
use aftercall_tests::{House, set, with_refund};

use crate::desk::{Desk, Page};

/// The tokens of people, in a file.
struct Tokens {
    directory: tempfile::TempDir,
}

impl Tokens {
    fn file(&self) -> PathBuf {
        self.directory.path().join("tokens")
    }

    fn of(&self, name: &str, role: Role) -> String {
        let new = NewToken {
            name: name.to_owned(),
            kind: TokenKind::Person,
            roles: vec![role],
            customers: Vec::new(),
            teams: Vec::new(),
            expires_at: None,
        };
        let created = create(&self.file(), new).expect("a token");
        created.1.reveal().to_owned()
    }
}

/// A house that wants proof of identity, with the refund on one call, and its page.
struct Guarded {
    page: Page,
    instance_id: String,
    _house: House,
    _sessions: tempfile::TempDir,
}

impl Guarded {
    async fn start(tokens: &Tokens) -> Self {
        let mut house = House::start_without_alerter().await;
        let mut clients = with_refund(&house).await;
        let one = set(&mut clients, "1001", 72.5).await;
        house.stop_workflow().await;
        let alerter = tokens.directory.path().join("alerter");
        std::fs::write(&alerter, tokens.of("alerter", Role::Alerter)).expect("written");
        house.guard_workflow(&tokens.file());
        house.guard_alerter(&tokens.file());
        house.give_alerter(&alerter);
        house.start_workflow().await;
        house.start_alerter().await;
        let sessions = tempfile::tempdir().expect("a directory");
        Self {
            page: Page::start(&house, sessions.path(), 0).await,
            instance_id: one.instance_id,
            _house: house,
            _sessions: sessions,
        }
    }
}

/// Signs a person in, in an open browser.
async fn sign_in(desk: &mut Desk, page: &Page, name: &str, token: &str) {
    desk.goto(&page.url("/sign-in?return_to=/me")).await;
    desk.fill("[name=token]", token).await;
    desk.click("button.main").await;
    desk.reads("body", name).await;
}

/// A person who has signed in, in a browser without scripts.
async fn signed_in(page: &Page, name: &str, token: &str) -> Desk {
    let mut desk = Desk::open().await;
    desk.step("plain", "", "").await;
    sign_in(&mut desk, page, name, token).await;
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_and_does_what_it_may() {
    let tokens = Tokens {
        directory: tempfile::tempdir().expect("a directory"),
    };
    let [author, auditor, agent] = [
        ("Alma", Role::Author),
        ("Otto", Role::Auditor),
        ("Ann", Role::Agent),
    ]
    .map(|(name, role)| tokens.of(name, role));
    let Guarded {
        page,
        instance_id,
        _house,
        _sessions,
    } = Guarded::start(&tokens).await;
    let instance = page.url(&format!("/instances/i/{instance_id}"));

    let mut desk = signed_in(&page, "Alma", &author).await;
    desk.goto(&page.url("/workflows")).await;
    desk.reads("tbody", "(Version 1)").await;
    assert_eq!(desk.step("count", "a[href='/instances']", "").await, 0);
    assert_eq!(desk.goto(&instance).await, 403);
    desk.reads("[role=alert]", "role").await;

    // An auditor reads both, and has no form that changes anything.
    let mut desk = signed_in(&page, "Otto", &auditor).await;
    for path in [
        "/workflows/w/refund",
        "/workflows/teams",
        "/instances/server",
    ] {
        assert_eq!(desk.goto(&page.url(path)).await, 200, "{path}");
        assert_eq!(desk.step("count", "main form[method=post]", "").await, 0);
    }
    assert_eq!(desk.goto(&instance).await, 200);
    assert_eq!(desk.step("count", "main form[method=post]", "").await, 0);
    let cancel = format!("act=start&work=cancel&reason=none&id={instance_id}&request_id=forged");
    for (path, form) in [
        ("/instances/work", cancel.as_str()),
        (
            "/instances/erasures",
            "known_by=1&reason=none&act=erase&again=1",
        ),
        ("/workflows/w/refund/archive", "request_id=forged"),
        ("/workflows/teams", "name=forged&title=forged"),
    ] {
        let answer = desk.step("forge", &page.url(path), form).await;
        let (status, text) = (&answer[0], answer[1].as_str().expect("a page"));
        assert!(*status == 403 || *status == 409, "{path}: {status}");
        assert!(text.contains("role"), "{path}: {text}");
    }
    desk.goto(&instance).await;
    desk.reads("#status", "Active").await;

    // An agent has no use for either, and the servers say so.
    let mut desk = signed_in(&page, "Ann", &agent).await;
    desk.goto(&page.url("/")).await;
    for path in ["/workflows", "/instances"] {
        let link = format!("a[href='{path}']");
        assert_eq!(desk.step("count", &link, "").await, 0, "{path}");
        assert_eq!(desk.goto(&page.url(path)).await, 403, "{path}");
        desk.reads("[role=alert]", "role").await;
        desk.goto(&page.url("/")).await;
    }
    page.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_typed_is_offered_until_signing_out() {
    let tokens = Tokens {
        directory: tempfile::tempdir().expect("a directory"),
    };
    let author = tokens.of("Alma", Role::Author);
    let guarded = Guarded::start(&tokens).await;
    let page = &guarded.page;
    let mut desk = Desk::open().await;
    sign_in(&mut desk, page, "Alma", &author).await;
    let editor = page.url("/workflows/edit?name=refund");
    desk.goto(&editor).await;
    desk.fill("#editor textarea", "format: 1\n# mine").await;
    desk.goto(&editor).await;
    desk.click("#kept [data-act=show]").await;
    let offered = desk.value("#editor textarea").await;
    assert_eq!(offered, "format: 1\n# mine");
    assert_eq!(desk.step("drafts", "", "").await, 1);
    desk.click(".me summary").await;
    desk.click("#sign-out button").await;
    desk.sees("[name=token]").await;
    assert_eq!(desk.step("drafts", "", "").await, 0);
    desk.is_sound().await;
    guarded.page.stop().await;
}
