//! The same on a PostgreSQL database, which each test has to itself.

use std::time::Duration;

use aftercall_proto::workflow::v1::{ServerRole, StepDownRequest};
use aftercall_test_postgres::Server as Database;
use aftercall_tests::{eventually, set_refund};
use workflow_server::journal::Birth;
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};

use crate::crew::{Crew, timed};

/// The promise of a take-over, with what a busy machine may add.
const CRASH_MAX: Duration = Duration::from_secs(7);
const PLANNED_MAX: Duration = Duration::from_secs(3);

/// Three members on a new database.
async fn crew() -> (Crew, String) {
    let server = Database::shared();
    let database = server.create_database();
    let url = server.url(&database);
    create_store(&url).await;
    (Crew::start_on(url).await, database)
}

async fn create_store(url: &str) {
    let address = Address::parse(url, &Surroundings::of_process()).expect("an address");
    let birth = Birth {
        epoch: format!("{:032x}", rand::random::<u128>()),
        hash_key: rand::random(),
        created_at_millis: 0,
    };
    let created = PostgresStore::create(&address, &birth).await;
    drop(created.expect("the tables are created"));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_on_a_database_pass_on_and_take_over() {
    let (mut crew, _) = crew().await;
    let (leader, others) = crew.roles().await;
    crew.members[others[0]].furnish().await;
    for (at, member) in crew.members.iter().enumerate() {
        member.set(&format!("call-{at}")).await;
        let reader = &crew.members[(at + 1) % 3];
        let found = reader.follow_ups(&format!("call-{at}")).await;
        assert_eq!(found.expect("read"), 1);
    }
    crew.take(leader).kill().await;
    let (_, time) = timed(crew.members[0].set("after-kill")).await;
    println!(
        "PostgreSQL: serving {:.2} s after a kill",
        time.as_secs_f64()
    );
    assert!(time < CRASH_MAX, "{time:?}");
    let (leader, others) = crew.roles().await;
    let mut operations = crew.members[leader].clients.clone().operations;
    let request = StepDownRequest {
        actor: "Olga".to_owned(),
    };
    let (stepped_down, time) = timed(operations.step_down(request)).await;
    let answer = stepped_down.expect("it steps down").into_inner();
    println!(
        "PostgreSQL: another leads {:.2} s after a request",
        time.as_secs_f64()
    );
    assert!(time < PLANNED_MAX && answer.leader == crew.members[others[0]].name);
    crew.members[leader].set("after-step-down").await;
    for call in [
        "call-0",
        "call-1",
        "call-2",
        "after-kill",
        "after-step-down",
    ] {
        for member in &crew.members {
            let found = member.follow_ups(call).await.expect("read");
            assert_eq!(found, 1, "{call}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_connections_do_not_end_a_member() {
    let (crew, database) = crew().await;
    let leader = crew.leader().await;
    crew.members[leader].furnish().await;
    for round in 0..3 {
        let ended = Database::shared().terminate_backends(&database);
        assert!(ended > 0, "there were connections");
        for member in &crew.members {
            member.set(&format!("{}-{round}", member.name)).await;
        }
    }
    let roles = eventually("one member leads", || async {
        let mut leaders = 0;
        for member in &crew.members {
            let role = member.info().await.ok()?.role();
            leaders += usize::from(role == ServerRole::Leader);
        }
        (leaders == 1).then_some(leaders)
    });
    assert_eq!(roles.await, 1);
    for round in 0..3 {
        for member in &crew.members {
            let call = format!("{}-{round}", member.name);
            assert_eq!(member.follow_ups(&call).await.expect("read"), 1, "{call}");
        }
    }
}

/// As docs/security.md says: the secret of the members is removed, and the term ended.
#[tokio::test(flavor = "multi_thread")]
async fn members_agree_on_another_secret() {
    let (crew, database) = crew().await;
    let leader = crew.leader().await;
    crew.members[leader].furnish().await;
    for member in &crew.members {
        member.set(&format!("{}-before", member.name)).await;
    }
    let secret = || {
        let read = "SELECT encode(body, 'hex') FROM aftercall.key WHERE name = 'member-secret'";
        Database::shared().sql(&database, read)
    };
    let before = secret();
    assert!(!before.is_empty(), "there is one");
    let remove = "DELETE FROM aftercall.key WHERE name = 'member-secret'";
    Database::shared().sql(&database, remove);
    let mut operations = crew.members[leader].clients.clone().operations;
    let request = StepDownRequest {
        actor: "Olga".to_owned(),
    };
    operations.step_down(request).await.expect("another leads");
    for member in &crew.members {
        eventually("a change is passed on with the other secret", || async {
            let mut request = set_refund(format!("{}-after", member.name), 1.0);
            request.request_id = member.name.to_owned();
            let set = member.clients.clone().scripts.set_workflow(request).await;
            set.ok()
        })
        .await;
    }
    let after = secret();
    assert!(!after.is_empty() && after != before, "it is another one");
}

/// An operator cancels the commit of a leader that waits for its synchronous replica. PostgreSQL
/// acknowledges it, and the leader does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_commit_is_answered_once_the_replica_has_it() {
    let server = Database::start(&[]);
    let replica = server.replica(true);
    let database = server.create_database();
    let url = format!(
        "postgres://aftercall@127.0.0.1:{},127.0.0.1:{}/{database}?sslmode=disable",
        server.port(),
        replica.port()
    );
    create_store(&url).await;
    let crew = Crew::start_on(url).await;
    let leader = crew.leader().await;
    crew.members[leader].furnish().await;
    replica.kill();
    let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
                  WHERE wait_event = 'SyncRep' AND query LIKE '%INSERT INTO aftercall.log %'";
    let cancelling = async {
        eventually("a commit waits for the replica", || async {
            (server.sql("postgres", cancel) != "0").then_some(())
        })
        .await;
        replica.start_again();
    };
    tokio::join!(crew.members[leader].set("call"), cancelling);
    // Nothing is lost with the machine that alone had the commit.
    server.kill();
    replica.promote();
    crew.members[leader].set("later").await;
    for call in ["call", "later"] {
        for member in &crew.members {
            let found = eventually("a member answers", || async {
                member.follow_ups(call).await.ok()
            });
            assert_eq!(found.await, 1, "{call}");
        }
    }
}
