//! The operators' view of the members of a cluster, which share a PostgreSQL database.

use std::net::SocketAddr;
use std::time::Instant;

use aftercall_proto::workflow::v1::{GetServerInfoRequest, GetServerInfoResponse, ServerRole};
use aftercall_test_postgres::Server as Database;
use aftercall_tests::{Clients, PATIENCE, REFUND, eventually, set_refund};
use call_manager::config::CallManagerConfig;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Response;
use workflow_server::Server;
use workflow_server::config::WorkflowServerConfig;
use workflow_server::journal::Birth;
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};

use crate::desk::{Desk, Page};

const NAMES: [&str; 3] = ["one", "two", "three"];

struct Member {
    name: &'static str,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Member {
    async fn start(name: &'static str, database: &str) -> Self {
        let config = WorkflowServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            member_name: name.to_owned(),
            audit_log: "off".to_owned(),
            store: database.into(),
            ..WorkflowServerConfig::default()
        };
        let server = Server::bind(config).await.expect("a member starts");
        let address = server.local_addr();
        let serving = tokio::spawn(async move {
            let served = server.serve(CancellationToken::new()).await;
            served.expect("it serves");
        });
        Self {
            name,
            address,
            serving,
        }
    }

    /// Whether it leads and knows its term.
    async fn leads(&self) -> bool {
        let info = self.info().await;
        let is_leader = info.role() == ServerRole::Leader;
        let cluster = info.cluster.unwrap_or_default();
        is_leader && cluster.has_leader && cluster.leader == self.name
    }

    /// What it knows of the cluster; nothing while it does not answer.
    async fn info(&self) -> GetServerInfoResponse {
        let mut operations = Clients::connect(self.address, None).await.operations;
        let info = operations.get_server_info(GetServerInfoRequest {}).await;
        info.map_or_else(|_| GetServerInfoResponse::default(), Response::into_inner)
    }
}

/// The members on a new database.
async fn members() -> Vec<Member> {
    let server = Database::shared();
    let database = server.url(&server.create_database());
    let address = Address::parse(&database, &Surroundings::of_process()).expect("an address");
    let birth = Birth {
        epoch: format!("{:032x}", rand::random::<u128>()),
        hash_key: rand::random(),
        created_at_millis: 0,
    };
    let created = PostgresStore::create(&address, &birth).await;
    drop(created.expect("the tables are created"));
    let mut members = Vec::new();
    for name in NAMES {
        members.push(Member::start(name, &database).await);
    }
    members
}

/// The place of the member that leads.
async fn leader(members: &[Member]) -> usize {
    eventually("a member leads", || async {
        for (at, member) in members.iter().enumerate() {
            if member.leads().await {
                return Some(at);
            }
        }
        None
    })
    .await
}

/// Teams, a workflow, and its use on two calls.
async fn furnish(member: &Member) {
    let mut clients = Clients::connect(member.address, None).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    for call in ["1", "2"] {
        let set = clients.scripts.set_workflow(set_refund(call, 1.0)).await;
        set.expect("set");
    }
}

/// Loads the page again until an element is there.
async fn look_for(desk: &mut Desk, url: &str, selector: &str) {
    let began = Instant::now();
    loop {
        desk.goto(url).await;
        if desk.step("count", selector, "").await != 0 {
            return;
        }
        let shown = desk.text("main").await;
        assert!(began.elapsed() < PATIENCE, "{selector}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_who_leads_and_how_far_each_member_is() {
    let mut members = members().await;
    let leads = leader(&members).await;
    furnish(&members[leads]).await;
    let addresses = members.iter().map(|one| format!("http://{}", one.address));
    let addresses = addresses.collect::<Vec<_>>().join(",");
    let sessions = tempfile::tempdir().expect("a directory");
    let config = CallManagerConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        sessions_dir: sessions.path().to_owned(),
        workflow_server: addresses,
        ..CallManagerConfig::default()
    };
    let page = Page::serve(config).await;
    let (mut desk, url) = (Desk::open().await, page.url("/instances/server"));

    // All members have reported that they have every entry.
    let info = members[leads].info().await;
    let term = info.cluster.expect("a cluster").term;
    for member in &members {
        let row = format!("#cluster tr:has(th:text('{}'))", member.name);
        let is_there = format!(
            "{row}:has(td:text-is('{}')):has(td:nth-of-type(4):text-is('0'))",
            info.sequence
        );
        look_for(&mut desk, &url, &is_there).await;
        desk.reads(&row, &member.address.to_string()).await;
    }
    let name = members[leads].name;
    desk.reads("#cluster", &format!("Leader {name}")).await;
    desk.reads("#cluster", &format!("term {term}")).await;
    desk.reads("#cluster tbody th:has-text('· Leader')", name)
        .await;
    let here = desk.step("fits", "dark", "320").await;
    assert_eq!(here, serde_json::json!([]));

    // After a crash of the leader another member leads, in a later term.
    let lost = members.remove(leads);
    lost.serving.abort();
    let _ = lost.serving.await;
    let next = members[leader(&members).await].name;
    let leads_now = format!("#cluster tbody th:text('{next} · Leader')");
    look_for(&mut desk, &url, &leads_now).await;
    let shown = desk.text("#cluster").await;
    assert!(!shown.contains(&format!("term {term},")), "{shown}");
    desk.is_sound().await;
    page.stop().await;
}
