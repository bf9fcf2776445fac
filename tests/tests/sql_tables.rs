//! The tables for SQL, as a report reads them beside a running server.

use std::net::SocketAddr;
use std::process::Command;

use aftercall_proto::workflow::v1::{
    Caller, EraseCallerRequest, ErasureState, GetErasureRequest, ImportTeamRequest,
    PushButtonRequest,
};
use aftercall_test_postgres::Server;
use aftercall_tests::{
    Clients, REFUND, ServerProcess, binary, eventually, set_refund, text, workspace,
};
use workflow_server::journal::Birth;
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};

/// A server on a database of its own.
struct Scene {
    database: String,
    url: String,
    clients: Clients,
    _server: ServerProcess,
}

impl Scene {
    async fn start() -> Self {
        let database = Server::shared().create_database();
        let url = Server::shared().url(&database);
        let birth = Birth {
            epoch: "0".repeat(32),
            hash_key: [7; 16],
            created_at_millis: 0,
        };
        let address = Address::parse(&url, &Surroundings::default()).expect("an address");
        PostgresStore::create(&address, &birth)
            .await
            .expect("a new store");
        let listen = SocketAddr::from(([127, 0, 0, 1], 0)).to_string();
        let args = ["--store", &url, "--listen", &listen];
        let server = ServerProcess::start("workflow-server", &args);
        let mut clients = Clients::connect(server.address(), None).await;
        eventually("the server leads", || {
            let mut clients = clients.clone();
            async move {
                let team = ImportTeamRequest {
                    name: "billing".to_owned(),
                    title: "Billing".to_owned(),
                    actor: "author".to_owned(),
                    ..ImportTeamRequest::default()
                };
                clients.definitions.import_team(team).await.ok()
            }
        })
        .await;
        clients.teams(&["payments"]).await;
        clients.publish(REFUND).await;
        Self {
            database,
            url,
            clients,
            _server: server,
        }
    }

    /// Waits until a query returns these rows.
    async fn wait_for(&self, query: &str, rows: &[&str]) {
        eventually(query, || {
            let found = Server::shared().sql(&self.database, query);
            let is_there = found.lines().eq(rows.iter().copied());
            async move { is_there.then_some(()) }
        })
        .await;
    }

    /// Sets the refund on a call and approves it. Returns the instance.
    async fn approve(&mut self, call: &str) -> String {
        let mut request = set_refund(call, 20.5);
        let caller = request
            .properties
            .as_mut()
            .and_then(|call| call.caller.as_mut());
        caller.expect("a caller").reference = "N-100".to_owned();
        let set = self.clients.scripts.set_workflow(request).await;
        let set = set
            .expect("set")
            .into_inner()
            .follow_up
            .expect("the follow-up");
        let push = PushButtonRequest {
            actor: "Ben".to_owned(),
            instance_id: set.instance_id.clone(),
            button_id: "approve".to_owned(),
            visit: 1,
            ..PushButtonRequest::default()
        };
        self.clients
            .manager
            .push_button(push)
            .await
            .expect("pushed");
        set.instance_id
    }
}

const FOLLOW_UPS: &str = "SELECT instance_id, status, stage, stage_title, teams, customer, personal_caller_name, personal_fields ->> 'amount'
    FROM aftercall.follow_up ORDER BY call_id";
const STEPS: &str = "SELECT step, kind, actor_kind, actor, event, from_stage, to_stage, status
    FROM aftercall.stage_change ORDER BY sequence, step";

#[tokio::test(flavor = "multi_thread")]
async fn reports_see_follow_ups_and_their_steps() {
    let mut scene = Scene::start().await;
    let instance = scene.approve("1").await;
    let row = format!("{instance}|active|2|After Approve|{{payments}}|Northwind|Ada|20.5");
    let steps = [
        "1|set|script_engine|script-1|||1|active",
        "1|button_pushed|person|Ben|Approve|1|2|active",
    ];
    scene.wait_for(FOLLOW_UPS, &[&row]).await;
    scene.wait_for(STEPS, &steps).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_server_fills_emptied_tables_again() {
    let mut scene = Scene::start().await;
    let instance = scene.approve("1").await;
    let row = format!("{instance}|active|2|After Approve|{{payments}}|Northwind|Ada|20.5");
    scene.wait_for(FOLLOW_UPS, &[&row]).await;
    scene
        .wait_for("SELECT count(*) FROM aftercall.stage_change", &["2"])
        .await;
    // Somebody has changed rows. After this, no change follows.
    let spoil =
        "UPDATE aftercall.follow_up SET customer = 'Southwind', personal_caller_name = NULL;
        DELETE FROM aftercall.stage_change";
    Server::shared().sql(&scene.database, spoil);
    let rebuild = ["store", "rebuild-tables", "--yes", "--store", &scene.url];
    let ran = Command::new(binary("aftercall")).args(rebuild).output();
    let ran = ran.expect("the command runs");
    assert!(ran.status.success(), "{ran:?}");
    scene.wait_for(FOLLOW_UPS, &[&row]).await;
    let count = "SELECT count(*), count(DISTINCT sequence) FROM aftercall.stage_change";
    scene.wait_for(count, &["2|2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_do_not_see_sensitive_fields() {
    let mut scene = Scene::start().await;
    let protected = REFUND.replace(
        "order: { type: text }",
        "order: { type: text, sensitive: true }",
    );
    scene.clients.publish(&protected).await;
    let mut request = set_refund("1", 20.5);
    request.fields.insert("order".to_owned(), text("DE02 1203"));
    let set = scene.clients.scripts.set_workflow(request).await;
    let set = set.expect("set").into_inner().follow_up.expect("there");
    assert_eq!(set.sensitive_fields, ["order"]);
    let fields = "SELECT personal_fields FROM aftercall.follow_up";
    scene.wait_for(fields, &[r#"{"amount": 20.5}"#]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_caller_is_cleared_before_the_erasure_is_done() {
    let mut scene = Scene::start().await;
    scene.approve("1").await;
    scene
        .wait_for(
            "SELECT personal_caller_name FROM aftercall.follow_up",
            &["Ada"],
        )
        .await;
    let request = EraseCallerRequest {
        actor: "ops".to_owned(),
        reason: "asked".to_owned(),
        caller: Some(Caller {
            reference: "N-100".to_owned(),
            ..Caller::default()
        }),
        ..EraseCallerRequest::default()
    };
    let erasing = scene.clients.operations.erase_caller(request).await;
    let id = erasing
        .expect("erased")
        .into_inner()
        .erasure
        .expect("the erasure")
        .id;
    eventually("the erasure is done", || {
        let mut clients = scene.clients.clone();
        async move {
            let request = GetErasureRequest { erasure_id: id };
            let found = clients
                .operations
                .get_erasure(request)
                .await
                .ok()?
                .into_inner();
            (found.erasure?.state() == ErasureState::Done).then_some(())
        }
    })
    .await;
    let rows = Server::shared().sql(&scene.database, "SELECT * FROM aftercall.follow_up");
    let is_clear = ["Ada", "20.5", "N-100"]
        .iter()
        .all(|text| !rows.contains(text));
    assert!(is_clear, "{rows}");
    assert_eq!(rows.lines().count(), 1, "the row itself stays");
}

/// The SQL of the guide, in its order.
fn guide() -> Vec<String> {
    let guide = workspace().join("docs/sql.md");
    let text = std::fs::read_to_string(guide).expect("the guide");
    let mut blocks: Vec<String> = Vec::new();
    let mut is_sql = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_sql = line == "```sql";
            if is_sql {
                blocks.push(String::new());
            }
        } else if is_sql && let Some(block) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_has_queries_that_run() {
    let mut scene = Scene::start().await;
    scene.approve("1").await;
    scene
        .wait_for("SELECT count(*) FROM aftercall.follow_up", &["1"])
        .await;
    Server::shared().sql(&scene.database, "CREATE ROLE statistics");
    let blocks = guide();
    assert!(blocks.len() >= 5, "{blocks:?}");
    for block in blocks {
        let ran = Server::shared().try_sql(&scene.database, &block);
        ran.unwrap_or_else(|error| panic!("{block}\n{error}"));
    }
    let columns = "SELECT attname FROM pg_attribute WHERE attnum > 0
        AND attrelid IN ('aftercall.follow_up'::regclass, 'aftercall.stage_change'::regclass)";
    let text = std::fs::read_to_string(workspace().join("docs/sql.md")).expect("the guide");
    let columns = Server::shared().sql(&scene.database, columns);
    for column in columns.split_whitespace() {
        assert!(
            text.contains(&format!("`{column}`")),
            "the guide lacks {column}"
        );
    }
}
