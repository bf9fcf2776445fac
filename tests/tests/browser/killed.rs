//! What people type is kept when all three servers are killed and the session is over. The servers are
//! processes of their own, which end without a word.

use std::fs;
use std::path::PathBuf;

use aftercall_client::{Connection, Connector, Token};
use aftercall_identity::token_file::revoke;
use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::FollowUp;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_tests::{Clients, REFUND, ServerProcess, push, set, set_refund};
use tempfile::TempDir;

use crate::desk::{Desk, new_token};

/// The form of the button "Paid": a field of its own, and the note that every button has.
const FIELD: &str = "form[data-form=push-paid] [name='form.text.reference']";
const PUSH_NOTE: &str = "form[data-form=push-paid] [name=note]";
/// The note that everybody may write.
const NOTE: &str = "form[data-form=note] textarea";

const TYPED: [(&str, &str); 3] = [
    (NOTE, "Called back: «nobody» <at home>"),
    (FIELD, "R-4711 & «12 €» <b>"),
    (PUSH_NOTE, "The bank has it\nsince Friday"),
];

/// The three servers, in this order: workflow-server, alerter-server, page.
struct Servers {
    running: Vec<ServerProcess>,
    ports: [u16; 3],
    directory: TempDir,
}

impl Servers {
    /// A workflow-server alone, which wants no proof of identity yet: a refund waits for its payment.
    async fn prepared() -> (Self, FollowUp) {
        let mut servers = Self {
            running: Vec::new(),
            ports: [0; 3],
            directory: tempfile::tempdir().expect("a directory"),
        };
        servers.start_workflow(&[]);
        let mut clients = Clients::connect(servers.running[0].address(), None).await;
        clients.teams(&["billing", "payments"]).await;
        clients.publish(REFUND).await;
        let one = set(&mut clients, "1001", 72.5).await;
        let approved = clients.manager.push_button(push(&one, "approve", "Ben"));
        approved.await.expect("it is to be paid");
        servers.kill();
        (servers, one)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A new token, for servers that start afterwards.
    fn token(&self, name: &str, role: Role) -> String {
        new_token(&self.path("tokens"), name, role, "")
    }

    fn start_one(&mut self, place: usize, name: &str, args: &[&str]) {
        let listen = format!("127.0.0.1:{}", self.ports[place]);
        let server = ServerProcess::start(name, &[args, &["--listen", &listen]].concat());
        self.ports[place] = server.address().port();
        self.running.push(server);
    }

    fn start_workflow(&mut self, more: &[&str]) {
        let data = self.path("data").display().to_string();
        let own = ["--data-dir", &data, "--audit-log", "off"];
        self.start_one(0, "workflow-server", &[&own[..], more].concat());
    }

    /// All of them, on the ports that they had before. They accept the tokens of now.
    fn start(&mut self) {
        let [tokens, alerter, sessions] =
            ["tokens", "alerter", "sessions"].map(|name| self.path(name).display().to_string());
        self.start_workflow(&["--tokens-file", &tokens]);
        let workflow = format!("http://127.0.0.1:{}", self.ports[0]);
        let args = [
            ["--workflow-server", &workflow],
            ["--tokens-file", &tokens],
            ["--workflow-token-file", &alerter],
            ["--audit-log", "off"],
        ];
        self.start_one(1, "alerter-server", args.as_flattened());
        let alerter = format!("http://127.0.0.1:{}", self.ports[1]);
        let args = [
            ["serve", "call-manager"],
            ["--workflow-server", &workflow],
            ["--alerter-server", &alerter],
            ["--sessions-dir", &sessions],
        ];
        self.start_one(2, "aftercall", args.as_flattened());
    }

    /// Kills all that run, as `kill -9` does.
    fn kill(&mut self) {
        for server in self.running.drain(..) {
            server.kill();
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[2])
    }

    async fn scripts(&self, token: &str) -> ScriptEngineServiceClient<Connection> {
        let address = format!("http://127.0.0.1:{}", self.ports[0]);
        let connector = Connector::to(&address).expect("an address");
        let token = Token::new(token).expect("a token");
        let connected = connector.tokens(token).connect().await;
        ScriptEngineServiceClient::new(connected.expect("connected"))
    }
}

async fn sign_in(desk: &mut Desk, token: &str) {
    desk.fill("[name=token]", token).await;
    desk.click("main button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_character_survives_the_end_of_everything() {
    let (mut servers, one) = Servers::prepared().await;
    let alerter = servers.token("alerter", Role::Alerter);
    fs::write(servers.path("alerter"), alerter).expect("written");
    let engine = servers.token("engine", Role::ScriptEngine);
    let ann = servers.token("Ann", Role::Agent);
    servers.start();
    let mut desk = Desk::open().await;
    let path = format!("/f/{}", one.instance_id);
    desk.goto(&servers.url(&path)).await;
    sign_in(&mut desk, &ann).await;
    desk.sees(".line.live").await;
    for (field, text) in TYPED {
        desk.fill(field, text).await;
    }
    let mut scripts = servers.scripts(&engine).await;
    for call in 0..100 {
        let request = set_refund(format!("many/{call}"), 10.0);
        scripts.set_workflow(request).await.expect("set");
    }
    desk.remember("before").await;

    // All are killed, and the token of the session ends with them.
    servers.kill();
    desk.sees(".line.lost").await;
    revoke(&servers.path("tokens"), "Ann").expect("revoked");
    let again = servers.token("Ann", Role::Agent);
    servers.start();
    desk.sees("#session .over").await;
    desk.step("popup", "#session .over a", "").await;
    sign_in(&mut desk, &again).await;
    desk.step("popped", "", "alone").await;
    desk.sees(".line.live").await;
    assert_eq!(desk.step("runs", "", "before").await, true, "no reload");

    for is_reloaded in [false, true] {
        if is_reloaded {
            desk.reload().await;
        }
        for (field, text) in TYPED {
            assert_eq!(desk.value(field).await, text, "reloaded: {is_reloaded}");
        }
    }
    // Both go to the visit that Ann saw.
    desk.click("form[data-form=note] button").await;
    desk.reads(".notes li", "«nobody» <at home>").await;
    desk.click("form[data-form=push-paid] button.main").await;
    desk.reads(".ended", "paid").await;
    desk.goto(&servers.url(&format!("{path}/history"))).await;
    desk.reads("main", "R-4711 & «12 €» <b>").await;
    desk.reads("main", "since Friday").await;
    desk.is_sound().await;
}
