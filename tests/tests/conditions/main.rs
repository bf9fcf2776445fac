//! What keeps the server from its work is shown by `/readyz`, health, `GetServerInfo`, the metric
//! and the log alike, and is over when it is over. Each is made to happen on a real server.

mod bench;
mod log;
mod refused;
mod upkeep;

use std::sync::atomic::Ordering;
use std::time::Duration;

use aftercall_definition::time::Time;
use aftercall_proto::workflow::v1::{AcceptClockRequest, ClockChange};
use aftercall_tests::{Clients, PATIENCE, eventually, push, set, with_refund};
use bench::{ALONE, Bench, DAY, get};
use log::Said;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tracing::Level;
use workflow_server::ledger::Clock as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_wrong_clock_is_not_ready() {
    let _alone = ALONE.lock().await;
    let mut bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    bench.is_well(&clients, None).await;
    bench.house.stop_workflow().await;
    bench.clock.reboot();
    bench.clock.set_wall(Time(bench.clock.wall().0 + 90 * DAY));
    bench.house.start_workflow().await;
    let mut clients = bench.house.clients().await;
    let sentence = bench.shows(&clients, "clock").await;
    assert!(
        sentence.contains("by 90 d:") && sentence.contains("accept-clock"),
        "{sentence}"
    );
    let pushed = push(&follow_up, &follow_up.buttons[0].id, "Ann");
    clients
        .manager
        .push_button(pushed)
        .await
        .expect("people may work");
    bench.clock.set_wall(Time(bench.clock.wall().0 - 90 * DAY));
    bench.is_well(&clients, Some("clock")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_the_clock_reports_its_effect() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    let accept = |request_id: &str| AcceptClockRequest {
        actor: "Olga".to_owned(),
        request_id: request_id.to_owned(),
    };
    let nothing = clients
        .operations
        .accept_clock(accept("a"))
        .await
        .expect("an answer")
        .into_inner();
    assert_eq!(nothing.change(), ClockChange::None);
    let honest = bench.clock.wall();
    bench.clock.set_wall(Time(honest.0 + 2 * DAY));
    bench.shows(&clients, "clock").await;
    let forward = clients
        .operations
        .accept_clock(accept("b"))
        .await
        .expect("accepted")
        .into_inner();
    assert_eq!(forward.change(), ClockChange::Forward);
    bench.is_well(&clients, Some("clock")).await;
    bench.clock.set_wall(honest);
    let sentence = bench.shows(&clients, "clock").await;
    assert!(sentence.contains("behind"), "{sentence}");
    let back = clients
        .operations
        .accept_clock(accept("c"))
        .await
        .expect("accepted")
        .into_inner();
    assert_eq!(back.change(), ClockChange::Back);
    let time = back.server_time.expect("a time");
    assert_eq!(time.seconds, honest.0 / 1_000);
    bench.is_well(&clients, Some("clock")).await;
    let again = clients
        .operations
        .accept_clock(accept("b"))
        .await
        .expect("the first answer")
        .into_inner();
    assert_eq!(
        (again.change(), again.time_after, again.sequence),
        (forward.change(), forward.time_after, forward.sequence)
    );
    let nobody = clients
        .operations
        .accept_clock(AcceptClockRequest::default())
        .await
        .expect_err("no actor");
    assert_eq!(nobody.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_at_its_reserve_is_not_ready() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    bench.disk.free_bytes.store(1 << 20, Ordering::Relaxed);
    let sentence = bench.shows(&clients, "disk").await;
    assert!(sentence.contains("Free some space"), "{sentence}");
    let refused = clients
        .scripts
        .set_workflow(aftercall_tests::set_refund("1", 5.0))
        .await
        .expect_err("refused");
    assert_eq!(refused.code(), Code::Unavailable);
    bench.disk.free_bytes.store(u64::MAX, Ordering::Relaxed);
    bench.is_well(&clients, Some("disk")).await;
    bench.clock.pass(Duration::from_secs(10));
    eventually("it writes again", || {
        let mut clients = clients.clone();
        async move {
            clients
                .scripts
                .set_workflow(aftercall_tests::set_refund("1", 5.0))
                .await
                .ok()
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_snapshot_is_a_warning() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    let tmp = bench.house.data_dir().join("vault/tmp");
    std::fs::remove_dir_all(&tmp).expect("removed");
    let fill = async |clients: &mut Clients, from: u32| {
        for call in from..from + 60 {
            set(clients, &call.to_string(), 5.0).await;
        }
    };
    fill(&mut clients, 0).await;
    bench.shows(&clients, "snapshots").await;
    assert_eq!(
        get(bench.address(), "/readyz").await.0,
        200,
        "people can work"
    );
    std::fs::create_dir(&tmp).expect("made");
    fill(&mut clients, 100).await;
    bench.is_well(&clients, Some("snapshots")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_store_is_not_ready() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    bench.disk.fails.store(true, Ordering::Relaxed);
    clients
        .scripts
        .set_workflow(aftercall_tests::set_refund("1", 5.0))
        .await
        .expect_err("not durable");
    bench.disk.fails.store(false, Ordering::Relaxed);
    let sentence = bench.shows(&clients, "store").await;
    assert!(sentence.contains("the disk is gone"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_server_reports_it_to_watchers() {
    let _alone = ALONE.lock().await;
    let mut bench = Bench::start().await;
    let channel = Endpoint::from_shared(format!("http://{}", bench.address()))
        .expect("an address")
        .connect_lazy();
    let request = HealthCheckRequest {
        service: String::new(),
    };
    let mut watched = HealthClient::new(channel)
        .watch(request)
        .await
        .expect("it answers")
        .into_inner();
    let first = watched.message().await.expect("one").expect("one");
    assert_eq!(first.status, i32::from(ServingStatus::Serving));
    bench.house.stop_workflow().await;
    let next = tokio::time::timeout(PATIENCE, watched.message())
        .await
        .expect("in time")
        .expect("one")
        .expect("one");
    assert_eq!(next.status, i32::from(ServingStatus::NotServing));
    let stopping = Said {
        level: Level::INFO,
        sentence: "the server is shutting down".to_owned(),
    };
    assert_eq!(
        log::last("draining"),
        Some(stopping),
        "an orderly stop is nothing to wake anybody for"
    );
}
