//! What keeps the server from its work is shown by `/readyz`, health, `GetServerInfo` and the metric alike, and is over when it
//! is over. Each is made to happen on a real server.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aftercall_engine::time::Time;
use aftercall_proto::workflow::v1::{AcceptClockRequest, ClockChange, GetServerInfoRequest, ServerCondition};
use aftercall_tests::{Clients, House, Machine, PATIENCE, eventually, push, set, with_refund};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use workflow_server::journal::{Disk, RealDisk};
use workflow_server::ledger::{Clock as _, ManualClock};

/// The metric is the process's: one server at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

const DAY: i64 = 86_400_000;

/// A disk of which the free space is set by hand, and which may fail.
struct HandDisk {
    free_bytes: AtomicU64,
    fails: AtomicBool,
}

impl HandDisk {
    fn sync(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.fails.load(Ordering::Relaxed) { Err(io::Error::other("the disk is gone")) } else { sync() }
    }
}

impl Disk for HandDisk {
    fn sync_data(&self, file: &File, path: &Path) -> io::Result<()> {
        self.sync(|| RealDisk.sync_data(file, path))
    }

    fn sync_all(&self, file: &File, path: &Path) -> io::Result<()> {
        self.sync(|| RealDisk.sync_all(file, path))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.sync(|| RealDisk.sync_directory(path))
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.free_bytes.load(Ordering::Relaxed))
    }
}

/// A server with a clock and a disk that are moved by hand.
struct Bench {
    house: House,
    clock: Arc<ManualClock>,
    disk: Arc<HandDisk>,
}

impl Bench {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::at(Time(1_795_000_000_000)));
        let disk = Arc::new(HandDisk { free_bytes: AtomicU64::new(u64::MAX), fails: AtomicBool::new(false) });
        let house = House::start_on(Machine { clock: clock.clone(), disk: disk.clone() }).await;
        Self { house, clock, disk }
    }

    fn address(&self) -> SocketAddr {
        self.house.workflow_address()
    }

    /// Waits until everything that shows conditions shows exactly this one, and returns its sentence.
    async fn shows(&self, clients: &Clients, wanted: &'static str) -> String {
        self.looks(clients, Some(wanted), None).await
    }

    /// Waits until nothing that shows conditions shows any, and the metric of this one is back.
    async fn is_well(&self, clients: &Clients, over: Option<&'static str>) {
        self.looks(clients, None, over).await;
    }

    async fn looks(&self, clients: &Clients, wanted: Option<&'static str>, over: Option<&'static str>) -> String {
        let address = self.address();
        let what = format!("everything shows {wanted:?}");
        eventually(&what, || {
            let mut clients = clients.clone();
            async move { shown(address, &mut clients, wanted, over).await }
        })
        .await
    }
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("in time").expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}

/// Whether all five agree.
async fn shown(address: SocketAddr, clients: &mut Clients, wanted: Option<&str>, over: Option<&str>) -> Option<String> {
    let info = clients.operations.get_server_info(GetServerInfoRequest {}).await.ok()?.into_inner();
    let names: Vec<&str> = info.conditions.iter().map(|one| one.name.as_str()).collect();
    let condition = info.conditions.first().cloned().unwrap_or_default();
    let ServerCondition { message, unready, .. } = condition;
    let mut health = HealthClient::new(Endpoint::from_shared(format!("http://{address}")).ok()?.connect_lazy());
    let serving = health.check(HealthCheckRequest { service: String::new() }).await.ok()?.into_inner().status;
    let (status, body) = get(address, "/readyz").await;
    let (_, metrics) = get(address, "/metrics").await;
    let which = wanted.or(over).unwrap_or_default();
    // The servers of this process share their metrics: only what this one has set is looked at.
    let is_metric = |name: &str, value: i32| {
        name.is_empty() || metrics.contains(&format!("aftercall_condition{{condition=\"{name}\"}} {value}"))
    };
    let expected = if unready { (503, ServingStatus::NotServing) } else { (200, ServingStatus::Serving) };
    let agrees = names == wanted.into_iter().collect::<Vec<_>>()
        && (status, serving) == (expected.0, i32::from(expected.1))
        && body.contains(&message)
        && is_metric(which, i32::from(wanted.is_some()))
        && (wanted == Some("clock")) == info.clock_held
        && (wanted == Some("store")) != info.failure.is_empty();
    agrees.then_some(message)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_wrong_clock_is_not_ready_takes_pushes_and_continues_alone() {
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
    assert!(sentence.contains("90 d 0 h") && sentence.contains("accept-clock"), "{sentence}");
    let pushed = push(&follow_up, &follow_up.buttons[0].id, "Ann");
    clients.manager.push_button(pushed).await.expect("people may work");
    bench.clock.set_wall(Time(bench.clock.wall().0 - 90 * DAY));
    bench.is_well(&clients, Some("clock")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_the_clock_answers_what_it_did_forward_back_and_again() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    let accept = |request_id: &str| AcceptClockRequest { actor: "Olga".to_owned(), request_id: request_id.to_owned() };
    let nothing = clients.operations.accept_clock(accept("a")).await.expect("an answer").into_inner();
    assert_eq!(nothing.change(), ClockChange::None);
    let honest = bench.clock.wall();
    bench.clock.set_wall(Time(honest.0 + 2 * DAY));
    bench.shows(&clients, "clock").await;
    let forward = clients.operations.accept_clock(accept("b")).await.expect("accepted").into_inner();
    assert_eq!(forward.change(), ClockChange::Forward);
    bench.is_well(&clients, Some("clock")).await;
    bench.clock.set_wall(honest);
    let sentence = bench.shows(&clients, "clock").await;
    assert!(sentence.contains("behind"), "{sentence}");
    let back = clients.operations.accept_clock(accept("c")).await.expect("accepted").into_inner();
    assert_eq!(back.change(), ClockChange::Back);
    let time = back.server_time.expect("a time");
    assert_eq!(time.seconds, honest.0 / 1_000);
    bench.is_well(&clients, Some("clock")).await;
    let again = clients.operations.accept_clock(accept("b")).await.expect("the first answer").into_inner();
    assert_eq!(
        (again.change(), again.time_after, again.sequence),
        (forward.change(), forward.time_after, forward.sequence)
    );
    let nobody = clients.operations.accept_clock(AcceptClockRequest::default()).await.expect_err("no actor");
    assert_eq!(nobody.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_at_its_reserve_is_not_ready_until_there_is_space() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    bench.disk.free_bytes.store(1 << 20, Ordering::Relaxed);
    let sentence = bench.shows(&clients, "disk").await;
    assert!(sentence.contains("Free some space"), "{sentence}");
    let refused = clients.scripts.set_workflow(aftercall_tests::set_refund("1", 5.0)).await.expect_err("refused");
    assert_eq!(refused.code(), Code::Unavailable);
    bench.disk.free_bytes.store(u64::MAX, Ordering::Relaxed);
    bench.is_well(&clients, Some("disk")).await;
    bench.clock.pass(Duration::from_secs(10));
    eventually("it writes again", || {
        let mut clients = clients.clone();
        async move { clients.scripts.set_workflow(aftercall_tests::set_refund("1", 5.0)).await.ok() }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_written_is_a_warning_until_one_is() {
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
    assert_eq!(get(bench.address(), "/readyz").await.0, 200, "people can work");
    std::fs::create_dir(&tmp).expect("made");
    fill(&mut clients, 100).await;
    bench.is_well(&clients, Some("snapshots")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_store_is_not_ready_and_says_so_to_the_end() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start().await;
    let mut clients = with_refund(&bench.house).await;
    bench.disk.fails.store(true, Ordering::Relaxed);
    clients.scripts.set_workflow(aftercall_tests::set_refund("1", 5.0)).await.expect_err("not durable");
    bench.disk.fails.store(false, Ordering::Relaxed);
    let sentence = bench.shows(&clients, "store").await;
    assert!(sentence.contains("the disk is gone"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drains_says_so_to_whoever_watches() {
    let _alone = ALONE.lock().await;
    let mut bench = Bench::start().await;
    let channel = Endpoint::from_shared(format!("http://{}", bench.address())).expect("an address").connect_lazy();
    let request = HealthCheckRequest { service: String::new() };
    let mut watched = HealthClient::new(channel).watch(request).await.expect("it answers").into_inner();
    let first = watched.message().await.expect("one").expect("one");
    assert_eq!(first.status, i32::from(ServingStatus::Serving));
    bench.house.stop_workflow().await;
    let next = tokio::time::timeout(PATIENCE, watched.message()).await.expect("in time").expect("one").expect("one");
    assert_eq!(next.status, i32::from(ServingStatus::NotServing));
}
