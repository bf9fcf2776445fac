//! Errors of the database, as clients of a server see them: changes are refused with a time to try
//! again, or wait. Reads continue, and writing resumes.

use std::time::Duration;

use aftercall_proto::workflow::v1::{
    CountInstancesRequest, FollowUp, GetInstanceRequest, GetServerInfoRequest, SetWorkflowResponse,
};
use aftercall_test_postgres::Server;
use aftercall_tests::{Clients, eventually, reason, set_refund};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, NoTls, Socket};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::scene::{Place, with_refund};

/// Lets each append fail with this error of PostgreSQL, and counts the tries. A sequence keeps its
/// number if its transaction fails.
fn fail_with(place: &Place<'_>, code: &str) {
    place.sql(&format!(
        "CREATE SEQUENCE IF NOT EXISTS public.tries;
         CREATE OR REPLACE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM nextval('public.tries');
             RAISE EXCEPTION 'a fault of the test' USING ERRCODE = '{code}';
         END $$;
         CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON aftercall.log EXECUTE FUNCTION public.fail()"
    ));
}

fn mend(place: &Place<'_>) {
    place.sql("DROP TRIGGER fail ON aftercall.log");
}

/// Sets the refund on a call, with a request id that a repetition has too.
async fn set(clients: &Clients, call: &str) -> Result<SetWorkflowResponse, Status> {
    let mut scripts = clients.scripts.clone();
    let mut request = set_refund(call, 5.0);
    request.request_id = format!("set-{call}");
    Ok(scripts.set_workflow(request).await?.into_inner())
}

/// A refusal that says when to try again.
fn check_refusal(refused: &Status) {
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(reason(refused), "UNAVAILABLE", "{refused:?}");
    let again = refused.get_details_retry_info();
    let delay = again.and_then(|again| again.retry_delay);
    assert!(
        delay.is_some_and(|delay| delay > Duration::ZERO),
        "{refused:?}"
    );
}

async fn count(clients: &Clients) -> Result<u64, Status> {
    let mut operations = clients.operations.clone();
    let counted = operations.count_instances(CountInstancesRequest::default());
    Ok(counted.await?.into_inner().total)
}

/// Reads show what was acknowledged, and nothing more.
async fn check_reads(clients: &Clients, first: &FollowUp, expected: u64) {
    let get = GetInstanceRequest {
        instance_id: first.instance_id.clone(),
        read_mask: None,
    };
    let mut operations = clients.operations.clone();
    let shown = operations.get_instance(get).await.expect("reads continue");
    let shown = shown.into_inner().instance.expect("it");
    assert_eq!(shown.revision, first.revision);
    assert_eq!(count(clients).await.expect("reads continue"), expected);
}

async fn conditions(clients: &Clients) -> Vec<String> {
    let mut operations = clients.operations.clone();
    let info = operations.get_server_info(GetServerInfoRequest {}).await;
    let conditions = info.expect("reads continue").into_inner().conditions;
    conditions.into_iter().map(|one| one.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_database_refuses_changes_only() {
    let place = Place::create(Server::shared());
    let (_server, mut clients) = place.serve(&[]).await;
    with_refund(&mut clients).await;
    let first = set(&clients, "1")
        .await
        .expect("set")
        .follow_up
        .expect("it");
    fail_with(&place, "disk_full");
    // The first finds it. The others are refused because of it.
    for call in ["2", "3", "3"] {
        let refused = set(&clients, call).await.expect_err("the disk is full");
        check_refusal(&refused);
        assert!(refused.message().contains("disk"), "{refused:?}");
        check_reads(&clients, &first, 1).await;
    }
    assert_eq!(conditions(&clients).await, ["disk"]);
    mend(&place);
    for call in ["2", "3"] {
        let answered = eventually("there is space again", || async {
            match set(&clients, call).await {
                Ok(answer) => Some(answer),
                Err(refused) => {
                    check_refusal(&refused);
                    None
                }
            }
        });
        let answer = answered.await;
        assert!(answer.started);
        let again = set(&clients, call).await.expect("the same answer");
        assert_eq!(again.sequence, answer.sequence);
    }
    check_reads(&clients, &first, 3).await;
    eventually("the condition has ended", || async {
        conditions(&clients).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serialization_failure_delays_changes_only() {
    let place = Place::create(Server::shared());
    let (_server, mut clients) = place.serve(&[]).await;
    with_refund(&mut clients).await;
    let first = set(&clients, "1")
        .await
        .expect("set")
        .follow_up
        .expect("it");
    for (call, code) in [("2", "serialization_failure"), ("3", "deadlock_detected")] {
        let before = count(&clients).await.expect("a count");
        fail_with(&place, code);
        let (waiting, name) = (clients.clone(), call.to_owned());
        let waiting = tokio::spawn(async move { set(&waiting, &name).await });
        let tries = "SELECT last_value >= 2 AND is_called FROM public.tries";
        place.wait_for(tries, &["t"]).await;
        check_reads(&clients, &first, before).await;
        mend(&place);
        place.sql("ALTER SEQUENCE public.tries RESTART");
        // The server repeats it. On a busy machine the time of the request may end before.
        let answer = match waiting.await.expect("no panic") {
            Ok(answer) => answer,
            Err(late) => {
                assert_eq!(late.code(), Code::DeadlineExceeded, "{code}: {late:?}");
                eventually("it is answered", || async {
                    set(&clients, call).await.ok()
                })
                .await
            }
        };
        assert!(answer.started, "{code}");
        check_reads(&clients, &first, before + 1).await;
    }
    eventually("the condition has ended", || async {
        conditions(&clients).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn used_up_connections_refuse_until_there_are_some() {
    // One member uses at most 12.
    let server = Server::start(&["max_connections=20", "superuser_reserved_connections=0"]);
    let place = Place::create(&server);
    let (_server, mut clients) = place.serve(&[]).await;
    with_refund(&mut clients).await;
    set(&clients, "1").await.expect("set");
    let url = server.url("postgres");
    let (operator, connection) = connect(&url).await.expect("a connection");
    tokio::spawn(connection);
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        place.database
    );
    // The server may be first to open some again.
    let count_own = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'",
        place.database
    );
    // A backend that ends may free its place after a look, so a round must find nothing to do.
    let mut taken = Vec::new();
    loop {
        operator.execute(&end, &[]).await.expect("they end");
        let left = operator.query_one(&count_own, &[]).await.expect("a count");
        let before = taken.len();
        while let Ok((client, connection)) = connect(&url).await {
            tokio::spawn(connection);
            taken.push(client);
        }
        if left.get::<_, i64>(0) == 0 && taken.len() == before {
            break;
        }
    }
    let refused = set(&clients, "2").await.expect_err("no connection is left");
    check_refusal(&refused);
    drop(taken);
    for call in ["2", "3"] {
        let answered = eventually("there are connections again", || async {
            set(&clients, call).await.ok()
        });
        let answer = answered.await;
        let again = set(&clients, call).await.expect("the same answer");
        assert_eq!(again.sequence, answer.sequence);
    }
    assert_eq!(count(&clients).await.expect("a count"), 3);
}

type Connection = tokio_postgres::Connection<Socket, NoTlsStream>;

async fn connect(url: &str) -> Result<(Client, Connection), tokio_postgres::Error> {
    tokio_postgres::connect(url, NoTls).await
}
