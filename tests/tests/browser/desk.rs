//! A person, a browser and the Call Manager page in front of a house.

use std::net::SocketAddr;
use std::path::Path;

use aftercall_tests::{House, NodeScript};
use call_manager::Server;
use call_manager::config::CallManagerConfig;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The page, served.
pub(crate) struct Page {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Page {
    /// On a port, 0 for a free one, with its sessions in a directory.
    pub(crate) async fn start(house: &House, sessions_dir: &Path, port: u16) -> Self {
        let config = CallManagerConfig {
            listen: ([127, 0, 0, 1], port).into(),
            workflow_server: house.workflow_url(),
            alerter_server: format!("http://{}", house.alerter_address()),
            sessions_dir: sessions_dir.to_owned(),
            ..CallManagerConfig::default()
        };
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

/// A person with a browser.
pub(crate) struct Desk(NodeScript);

impl Desk {
    pub(crate) async fn open() -> Self {
        Self(NodeScript::in_browser("person_at_desk.mjs").await)
    }

    /// Takes a step that must succeed.
    pub(crate) async fn step(&mut self, action: &str, selector: &str, text: &str) -> Value {
        let step = json!({ "do": action, "selector": selector, "text": text });
        let answer = self.0.ask(&step).await;
        assert!(answer.get("failed").is_none(), "{answer:#}");
        answer["seen"].clone()
    }

    pub(crate) async fn goto(&mut self, url: &str) -> Value {
        self.step("goto", "", url).await
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
