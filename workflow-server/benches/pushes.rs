//! Measures the pushes of a running server on a large store, alone and then beside a command such
//! as a backup, in one run: at a fixed rate, also where answers are slow.
//!
//! `SERVER=http://127.0.0.1:7411 BESIDE='aftercall backup --to DIR' cargo bench -p workflow-server --bench pushes`

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a tool that ends where something unexpected happens"
)]

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::{FollowUpFilter, ListFollowUpsRequest, PushButtonRequest};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tonic::transport::Channel;

type Client = CallManagerServiceClient<Channel>;

const PER_SECOND: u64 = 100;
/// How long the pushes are measured alone.
const ALONE: Duration = Duration::from_secs(20);
/// Enough for ten minutes.
const FOLLOW_UPS: usize = 60_000;

struct Pushes {
    client: Client,
    ids: Vec<String>,
}

impl Pushes {
    /// Pushes until `until` ends; the times, in microseconds.
    async fn run(&mut self, until: impl Future<Output = ()>) -> Histogram<u64> {
        let times = Arc::new(Mutex::new(Histogram::new(3).expect("a histogram")));
        let (mut running, mut ticks) = (
            JoinSet::new(),
            interval(Duration::from_secs(1) / PER_SECOND as u32),
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
            let (mut client, times) = (self.client.clone(), times.clone());
            running.spawn(async move {
                let (button_id, note) = ("reject".to_owned(), "no receipt".to_owned());
                let push = PushButtonRequest {
                    instance_id,
                    button_id,
                    note,
                    visit: 1,
                    ..PushButtonRequest::default()
                };
                client
                    .push_button(PushButtonRequest {
                        actor: "Ann".to_owned(),
                        ..push
                    })
                    .await
                    .expect("it is pushed");
                let micros = due.elapsed().as_micros() as u64;
                times
                    .lock()
                    .expect("nobody panics")
                    .record(micros)
                    .expect("within bounds");
            });
        }
        while let Some(ended) = running.join_next().await {
            ended.expect("a push ends");
        }
        let times = times.lock().expect("nobody panics");
        times.clone()
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

fn show(what: &str, times: &Histogram<u64>, took: Duration) {
    let millis = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1_000.0;
    println!(
        "{what}: {} pushes in {:.1} s, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
        times.len(),
        took.as_secs_f64(),
        millis(0.5),
        millis(0.99),
        millis(0.999),
        times.max() as f64 / 1_000.0,
    );
}

#[tokio::main]
async fn main() {
    let (Ok(server), Ok(beside)) = (std::env::var("SERVER"), std::env::var("BESIDE")) else {
        println!("name SERVER, and the command BESIDE");
        return;
    };
    let mut client = Client::connect(server).await.expect("the server answers");
    let ids = follow_ups(&mut client).await;
    println!("{} follow-ups to push", ids.len());
    let mut pushes = Pushes { client, ids };
    let began = Instant::now();
    let alone = pushes.run(tokio::time::sleep(ALONE)).await;
    show("alone", &alone, began.elapsed());
    let began = Instant::now();
    let mut command = Command::new("sh")
        .args(["-c", &beside])
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
    show("beside", &with, began.elapsed());
    let ratio = with.value_at_quantile(0.99) as f64 / alone.value_at_quantile(0.99) as f64;
    println!("p99 beside is {ratio:.2} times that alone");
}
