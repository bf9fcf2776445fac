//! Measures the pushes of a running server on a large store, at a fixed rate, also where answers are
//! slow. With `BESIDE` alone and then beside a command such as a backup, in one run:
//!
//! `SERVER=http://127.0.0.1:7411 BESIDE='aftercall backup --to DIR' cargo bench -p workflow-server --bench pushes`
//!
//! With `SECONDS` for that duration, and then apart for the times in which the server wrote a snapshot
//! or fired timers. `CHANGES` per second change a field of other follow-ups meanwhile, so that
//! snapshots become due:
//!
//! `SERVER=http://127.0.0.1:7411 SECONDS=120 PER_SECOND=1000 CHANGES=2000 cargo bench -p workflow-server --bench pushes`
//!
//! `large_store` makes the store.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a tool that ends where something unexpected happens"
)]

#[path = "pushes/windows.rs"]
mod windows;

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::{
    CallRef, FollowUpFilter, ListFollowUpsRequest, PushButtonRequest, SetWorkflowRequest, Value,
    value,
};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tonic::transport::Channel;
use windows::{Window, Windows, metrics};

type Client = CallManagerServiceClient<Channel>;

/// How long the pushes are measured alone.
const ALONE: Duration = Duration::from_secs(20);
/// Follow-ups that are read at most, to be pushed.
const FOLLOW_UPS: usize = 400_000;

/// When a push was due, and how long it took from then.
type Push = (Instant, Duration);

struct Pushes {
    client: Client,
    ids: Vec<String>,
    per_second: u64,
}

impl Pushes {
    /// Pushes until `until` ends.
    async fn run(&mut self, until: impl Future<Output = ()>) -> Vec<Push> {
        let pushes = Arc::new(Mutex::new(Vec::new()));
        let (mut running, mut ticks) = (
            JoinSet::new(),
            interval(Duration::from_secs(1) / self.per_second as u32),
        );
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        tokio::pin!(until);
        loop {
            let due = tokio::select! {
                due = ticks.tick() => due,
                () = &mut until => break,
            };
            let Some(instance_id) = self.ids.pop() else {
                break;
            };
            let (mut client, pushes) = (self.client.clone(), pushes.clone());
            running.spawn(async move {
                client
                    .push_button(PushButtonRequest {
                        instance_id,
                        button_id: "reject".to_owned(),
                        note: "no receipt".to_owned(),
                        visit: 1,
                        actor: "Ann".to_owned(),
                        ..PushButtonRequest::default()
                    })
                    .await
                    .expect("it is pushed");
                let push = (due.into_std(), due.elapsed());
                pushes.lock().expect("no panic").push(push);
            });
            while running.try_join_next().is_some() {}
        }
        while let Some(ended) = running.join_next().await {
            ended.expect("a push ends");
        }
        let pushes = pushes.lock().expect("no panic");
        pushes.clone()
    }
}

/// Follow-ups in their first stage, the least urgent of the first many.
async fn follow_ups(client: &mut Client) -> Vec<String> {
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    while ids.len() < FOLLOW_UPS {
        let filter = Some(FollowUpFilter {
            teams: vec!["billing".to_owned()],
            ..FollowUpFilter::default()
        });
        let request = ListFollowUpsRequest {
            filter,
            page_size: 1_000,
            page_token,
            ..ListFollowUpsRequest::default()
        };
        let page = client
            .list_follow_ups(request)
            .await
            .expect("a page")
            .into_inner();
        ids.extend(
            page.rows
                .into_iter()
                .filter_map(|row| row.follow_up)
                .map(|one| one.instance_id),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    ids
}

/// Changes a field of the store's follow-ups, at this rate, until it is dropped.
async fn change(channel: Channel, per_second: u64) {
    let mut ticks = interval(Duration::from_secs(1) / per_second as u32);
    let mut running = JoinSet::new();
    let began = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_millis();
    for number in 0_u64.. {
        ticks.tick().await;
        let mut client = ScriptEngineServiceClient::new(channel.clone());
        running.spawn(async move {
            // Differs from the amount of another run.
            let amount = Value {
                kind: Some(value::Kind::Number(began as f64 + number as f64)),
            };
            let request = SetWorkflowRequest {
                request_id: format!("{began}-{number}"),
                actor: "load".to_owned(),
                call: Some(CallRef {
                    source: "load".to_owned(),
                    id: format!("call-{}", number % 1_000),
                }),
                workflow: "refund".to_owned(),
                fields: HashMap::from([("amount".to_owned(), amount)])
                    .into_iter()
                    .collect(),
                ..SetWorkflowRequest::default()
            };
            client.set_workflow(request).await.expect("it is changed");
        });
        while let Some(ended) = running.try_join_next() {
            ended.expect("it is changed");
        }
    }
}

fn histogram<'p>(pushes: impl IntoIterator<Item = &'p Push>) -> Histogram<u64> {
    let mut times = Histogram::new(3).expect("a histogram");
    for (_, took) in pushes {
        times
            .record(took.as_micros() as u64)
            .expect("within bounds");
    }
    times
}

fn show(what: &str, times: &Histogram<u64>) {
    let millis = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1_000.0;
    println!(
        "{what}: {} pushes, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
        times.len(),
        millis(0.5),
        millis(0.99),
        millis(0.999),
        times.max() as f64 / 1_000.0,
    );
}

fn show_ratios(alone: &Histogram<u64>, beside: &Histogram<u64>) {
    for quantile in [0.5, 0.99, 0.999] {
        let ratio =
            beside.value_at_quantile(quantile) as f64 / alone.value_at_quantile(quantile) as f64;
        println!("p{} is {ratio:.2} times that alone", quantile * 100.0);
    }
}

/// Alone, then beside a command.
async fn measure_beside(mut pushes: Pushes, beside: &str) {
    let alone = histogram(&pushes.run(tokio::time::sleep(ALONE)).await);
    show("alone", &alone);
    let mut command = Command::new("sh")
        .args(["-c", beside])
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts");
    let waiting = tokio::task::spawn_blocking(move || command.wait());
    let with = pushes
        .run(async {
            println!(
                "{}",
                waiting.await.expect("it is waited for").expect("it ends")
            );
        })
        .await;
    let with = histogram(&with);
    show("beside", &with);
    show_ratios(&alone, &with);
}

/// For this duration; then apart by what the server did meanwhile.
async fn measure_windows(mut pushes: Pushes, address: &str, duration: Duration) {
    let windows = Windows::watch(address.to_owned());
    let all = pushes.run(tokio::time::sleep(duration)).await;
    let windows = windows.all();
    let is_within = |what: &'static str, (due, took): &Push| {
        let of_kind = |window: &&Window| window.what == what;
        windows
            .iter()
            .filter(of_kind)
            .any(|window| window.has(*due, *took))
    };
    let kinds = ["a snapshot", "timers"];
    let is_quiet = |push: &&Push| !kinds.iter().any(|what| is_within(what, push));
    let alone = histogram(all.iter().filter(is_quiet));
    show("alone", &alone);
    for what in kinds {
        let beside = histogram(all.iter().filter(|push| is_within(what, push)));
        if !beside.is_empty() {
            show(&format!("beside {what}"), &beside);
            show_ratios(&alone, &beside);
        }
    }
    for line in metrics(address).await.lines() {
        if line.starts_with("aftercall_timer_lateness") || line.starts_with("aftercall_snapshot") {
            println!("{line}");
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::main]
async fn main() {
    let Ok(server) = std::env::var("SERVER") else {
        println!("name SERVER, and the command BESIDE or SECONDS");
        return;
    };
    let endpoint = Channel::from_shared(server.clone()).expect("an address");
    let channel = endpoint.connect().await.expect("the server answers");
    let mut client = Client::new(channel.clone());
    let ids = follow_ups(&mut client).await;
    println!("{} follow-ups to push", ids.len());
    let per_second = number("PER_SECOND").unwrap_or(100);
    let pushes = Pushes {
        client,
        ids,
        per_second,
    };
    let changing = number("CHANGES").map(|per_second| tokio::spawn(change(channel, per_second)));
    match (std::env::var("BESIDE"), number("SECONDS")) {
        (Ok(beside), _) => measure_beside(pushes, &beside).await,
        (_, Some(seconds)) => {
            let address = server.trim_start_matches("http://").trim_end_matches('/');
            measure_windows(pushes, address, Duration::from_secs(seconds)).await;
        }
        _ => println!("name the command BESIDE, or SECONDS"),
    }
    if let Some(changing) = changing {
        changing.abort();
    }
}
