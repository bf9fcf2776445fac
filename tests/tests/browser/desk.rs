//! A person, a browser and the Call Manager page in front of a house.

use std::fs;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use aftercall_identity::token_file::{NewToken, TokenKind, create};
use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::FollowUp;
use aftercall_tests::{House, NodeScript, PATIENCE, set, with_refund};
use call_manager::Server;
use call_manager::config::CallManagerConfig;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Where pictures of pages are kept on which a step failed.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/failed-pages");

/// The page, served.
pub(crate) struct Page {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Page {
    /// On a port, 0 for a free one, with its sessions in a directory.
    pub(crate) async fn start(house: &House, sessions_dir: &Path, port: u16) -> Self {
        let settings = CallManagerConfig {
            sessions_dir: sessions_dir.to_owned(),
            ..CallManagerConfig::default()
        };
        Self::start_with(house, settings, port).await
    }

    /// The same with more settings.
    pub(crate) async fn start_with(house: &House, settings: CallManagerConfig, port: u16) -> Self {
        let config = CallManagerConfig {
            listen: ([127, 0, 0, 1], port).into(),
            workflow_server: house.workflow_url(),
            alerter_server: format!("http://{}", house.alerter_address()),
            ..settings
        };
        Self::serve(config).await
    }

    /// With all of its settings. It listens on a free port of this machine, unless they name one.
    pub(crate) async fn serve(config: CallManagerConfig) -> Self {
        let server = Server::bind(config).await.expect("a free port");
        let address = server.local_addr();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serving = tokio::spawn(async move {
            server.serve(stopped).await.expect("it serves");
        });
        Self {
            address,
            stop,
            serving,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Stops it; another one may have its port then.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.serving.await.expect("it ends");
    }
}

/// A house that has a follow-up and then wants proof of identity.
pub(crate) struct Guarded {
    pub(crate) house: House,
    pub(crate) one: FollowUp,
    /// Has the token file, and other files of a test.
    pub(crate) home: TempDir,
}

impl Guarded {
    /// Returns the tokens of some names and roles too. An empty access file accepts tokens of the
    /// token file alone.
    pub(crate) async fn start<const N: usize>(
        access: &str,
        names: [(&str, Role); N],
    ) -> (Self, [String; N]) {
        Self::start_scoped(access, names.map(|(name, role)| (name, role, ""))).await
    }

    /// The same with a team for each name, to which its scope is limited; empty for all teams.
    pub(crate) async fn start_scoped<const N: usize>(
        access: &str,
        names: [(&str, Role, &str); N],
    ) -> (Self, [String; N]) {
        let home = tempfile::tempdir().expect("a folder");
        let mut house = House::start().await;
        let mut clients = with_refund(&house).await;
        let one = set(&mut clients, "1001", 72.5).await;
        house.stop_alerter().await;
        house.stop_workflow().await;
        let alerter = home.path().join("alerter");
        let tokens = home.path().join("tokens");
        let token = new_token(&tokens, "alerter", Role::Alerter, "");
        fs::write(&alerter, token).expect("written");
        // Servers look for new ones every five seconds only.
        let of_names = names.map(|(name, role, team)| new_token(&tokens, name, role, team));
        house.guard_workflow(&tokens);
        house.guard_alerter(&tokens);
        house.give_alerter(&alerter);
        if !access.is_empty() {
            let path = home.path().join("access.toml");
            fs::write(&path, access).expect("written");
            house.trust_issuers(&path);
        }
        house.start_workflow().await;
        house.start_alerter().await;
        (Self { house, one, home }, of_names)
    }

    /// The settings of a page whose sessions are kept.
    pub(crate) fn settings(&self) -> CallManagerConfig {
        CallManagerConfig {
            sessions_dir: self.home.path().join("sessions"),
            ..CallManagerConfig::default()
        }
    }
}

/// A new token in a file, limited to a team; to none where that is empty.
pub(crate) fn new_token(file: &Path, name: &str, role: Role, team: &str) -> String {
    let kind = match role {
        Role::Alerter | Role::ScriptEngine => TokenKind::Service,
        _ => TokenKind::Person,
    };
    let new = NewToken {
        name: name.to_owned(),
        kind,
        roles: vec![role],
        customers: Vec::new(),
        teams: Some(team.to_owned())
            .filter(|team| !team.is_empty())
            .into_iter()
            .collect(),
        expires_at: None,
    };
    create(file, new).expect("a token").1.reveal().to_owned()
}

/// A person with a browser.
pub(crate) struct Desk {
    script: NodeScript,
    /// Whether a step has failed: that has its picture.
    has_failed: bool,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        Self {
            script: NodeScript::in_browser("person_at_desk.mjs").await,
            has_failed: false,
        }
    }

    /// Takes a step that must succeed.
    pub(crate) async fn step(&mut self, action: &str, selector: &str, text: &str) -> Value {
        let step = json!({ "do": action, "selector": selector, "text": text });
        let answer = self.script.ask(&step).await;
        if answer.get("failed").is_some() {
            self.has_failed = true;
            let picture = self.picture().await;
            panic!("{answer:#}\nThe page is in {picture}");
        }
        answer["seen"].clone()
    }

    /// Keeps a picture of the page, in a file named as the test.
    async fn picture(&mut self) -> String {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test").replace("::", "-");
        let path = format!("{PICTURES}/{test}.png");
        let step = json!({ "do": "picture", "selector": "", "text": path });
        self.script.ask(&step).await;
        path
    }

    pub(crate) async fn goto(&mut self, url: &str) -> Value {
        self.step("goto", "", url).await
    }

    /// Marks the page: a reload would forget it.
    pub(crate) async fn remember(&mut self, name: &str) {
        self.step("remember", "", name).await;
    }

    /// Waits until an element is there, perhaps out of view.
    pub(crate) async fn exists(&mut self, selector: &str) {
        self.step("exists", selector, "").await;
    }

    /// Loads the page again, until it is live.
    pub(crate) async fn reload(&mut self) {
        self.step("reload", "", "").await;
    }

    pub(crate) async fn click(&mut self, selector: &str) {
        self.step("click", selector, "").await;
    }

    pub(crate) async fn fill(&mut self, selector: &str, text: &str) {
        self.step("fill", selector, text).await;
    }

    /// Waits until an element is there.
    pub(crate) async fn sees(&mut self, selector: &str) {
        self.step("wait", selector, "").await;
    }

    /// Waits until an element has a text.
    pub(crate) async fn reads(&mut self, selector: &str, text: &str) {
        self.step("reads", selector, text).await;
    }

    pub(crate) async fn text(&mut self, selector: &str) -> String {
        let text = self.step("text", selector, "").await;
        text.as_str().expect("text").to_owned()
    }

    pub(crate) async fn value(&mut self, selector: &str) -> String {
        let text = self.step("value", selector, "").await;
        text.as_str().expect("text").to_owned()
    }

    /// The ids of the rows, in their order.
    pub(crate) async fn rows(&mut self) -> Vec<String> {
        let rows = self.step("rows", "", "").await;
        serde_json::from_value(rows).expect("texts")
    }

    /// The scripts of the page have had no error.
    pub(crate) async fn is_sound(&mut self) {
        let errors = self.step("errors", "", "").await;
        assert_eq!(errors, json!([]));
    }
}

impl Drop for Desk {
    /// Keeps a picture of the page on which an assertion of the test has failed.
    fn drop(&mut self) {
        if !std::thread::panicking() || self.has_failed {
            return;
        }
        // A browser that does not answer any more has no picture, and must not hide the assertion.
        let kept = std::panic::catch_unwind(AssertUnwindSafe(|| {
            block_in_place(|| Handle::current().block_on(timeout(PATIENCE, self.picture())))
        }));
        if let Ok(Ok(picture)) = kept {
            eprintln!("The page is in {picture}");
        }
    }
}
