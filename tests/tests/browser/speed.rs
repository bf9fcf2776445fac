//! How fast the board is in a real browser: 2,000 rows, 20 changes a second. `tests/page-speed` runs
//! it, and prints a table with the gate of each figure.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aftercall_proto::workflow::v1::{ClaimFollowUpRequest, FollowUp, ReleaseClaimRequest};
use aftercall_tests::{Clients, House, PATIENCE, set_refund, with_refund};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::desk::{Desk, Page};

const ROWS: usize = 2_000;
const BROWSERS: usize = 50;
const CHANGES_PER_SECOND: u32 = 20;
/// How long, unless AFTERCALL_PAGE_SECONDS says something else.
const SECONDS: u64 = 60;

/// Follow-ups, set 32 at a time.
async fn fill(clients: &Clients) -> Vec<FollowUp> {
    let mut all = Vec::new();
    let numbers: Vec<usize> = (0..ROWS).collect();
    for some in numbers.chunks(32) {
        let mut setting = JoinSet::new();
        for number in some {
            let mut scripts = clients.scripts.clone();
            let request = set_refund(format!("speed/{number}"), 20.0);
            setting.spawn(async move { scripts.set_workflow(request).await });
        }
        for answer in setting.join_all().await {
            let answer = answer.expect("set").into_inner();
            all.push(answer.follow_up.expect("a follow-up"));
        }
    }
    all
}

/// Streams of other browsers, which are read and forgotten.
async fn others(page: &Page) -> JoinSet<()> {
    let mut streams = JoinSet::new();
    for _ in 0..BROWSERS {
        let mut stream = TcpStream::connect(page.address).await.expect("it listens");
        let request = format!("GET /events HTTP/1.1\r\nhost: {}\r\n\r\n", page.address);
        stream.write_all(request.as_bytes()).await.expect("sent");
        streams.spawn(async move {
            let mut piece = vec![0; 64 * 1024];
            while stream.read(&mut piece).await.is_ok_and(|bytes| bytes > 0) {}
        });
    }
    streams
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_millis()).expect("before the end of time")
}

/// Claims and releases at the rate: when each revision was durable, in ms.
async fn work(clients: &mut Clients, all: &[FollowUp], seconds: u64) -> HashMap<String, u64> {
    let mut ticks = interval(Duration::from_secs(1) / CHANGES_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut durable = HashMap::new();
    for change in 0..seconds * u64::from(CHANGES_PER_SECOND) {
        ticks.tick().await;
        let place = usize::try_from(change / 2 * 7).expect("small") % all.len();
        let (actor, instance_id) = ("Ben".to_owned(), all[place].instance_id.clone());
        let follow_up = if change % 2 == 0 {
            let request = ClaimFollowUpRequest {
                actor,
                instance_id,
                ..ClaimFollowUpRequest::default()
            };
            let claimed = clients.manager.claim_follow_up(request).await;
            claimed.expect("claimed").into_inner().follow_up
        } else {
            let request = ReleaseClaimRequest {
                actor,
                instance_id,
                ..ReleaseClaimRequest::default()
            };
            let released = clients.manager.release_claim(request).await;
            released.expect("released").into_inner().follow_up
        };
        let one = follow_up.expect("a follow-up");
        durable.insert(format!("{} {}", one.instance_id, one.revision), now());
    }
    durable
}

fn figure(value: &Value, name: &str) -> f64 {
    value[name]
        .as_f64()
        .unwrap_or_else(|| panic!("no {name}: {value}"))
}

/// How long after its commit each change was on the board, in ms, sorted.
fn delays(durable: &HashMap<String, u64>, seen: &Value) -> Vec<u64> {
    let mut delays: Vec<u64> = durable
        .iter()
        .filter_map(|(revision, at)| Some(seen[revision].as_u64()?.saturating_sub(*at)))
        .collect();
    delays.sort_unstable();
    delays
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: tests/page-speed runs it"]
async fn the_board_is_fast_all_day() {
    let seconds = std::env::var("AFTERCALL_PAGE_SECONDS").ok();
    let seconds = seconds
        .and_then(|text| text.parse().ok())
        .unwrap_or(SECONDS);
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let all = fill(&clients).await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    // The first request connects the page to the servers.
    desk.goto(&page.url("/")).await;
    let first = desk.step("first_view", "", &page.url("/")).await;
    desk.sees(".line.live").await;
    desk.step("filled", "", &ROWS.to_string()).await;
    let _others = others(&page).await;
    let before = desk.step("measure", "", "").await;
    let durable = work(&mut clients, &all, seconds).await;
    let wanted = durable.len();
    let mut after = desk.step("measured", "", "").await;
    let shown = timeout(PATIENCE, async {
        while delays(&durable, &after["seen"]).len() < wanted {
            after = desk.step("measured", "", "").await;
        }
    });
    shown.await.expect("each change is on the board");
    let delays = delays(&durable, &after["seen"]);
    let long = after["long"].as_array().expect("a list").iter();
    let longest = long.filter_map(Value::as_f64).fold(0.0, f64::max);
    let changes = f64::from(u32::try_from(wanted).expect("small"));
    let rows = [
        (
            "first view, KB compressed",
            figure(&first, "bytes") / 1e3,
            100.0,
        ),
        ("first view drawn, ms", figure(&first, "millis"), 200.0),
        (
            "main thread a change, ms",
            (figure(&after, "busy") - figure(&before, "busy")) * 1e3 / changes,
            8.0,
        ),
        ("longest task, ms (0: none over 50)", longest, 50.0),
        ("commit to row, p50, ms", delays[wanted / 2] as f64, 300.0),
        (
            "commit to row, p99, ms",
            delays[wanted * 99 / 100] as f64,
            300.0,
        ),
        (
            "growth of the tab, KB",
            (figure(&after, "bytes") - figure(&before, "bytes")) / 1e3,
            2_000.0,
        ),
        (
            "growth of the tab, nodes",
            figure(&after, "nodes") - figure(&before, "nodes"),
            2_000.0,
        ),
    ];
    println!("{ROWS} rows, {wanted} changes in {seconds} s, {BROWSERS} other browsers");
    for (what, figure, gate) in rows {
        let verdict = if figure <= gate { "" } else { "MISSED" };
        println!("{what:<36} {figure:>9.1}   gate {gate:>6} {verdict}");
    }
    page.stop().await;
}
