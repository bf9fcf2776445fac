//! How far the followers and the tables for SQL are behind the leader under load.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use aftercall_proto::feed::v1::TailRequest;
use aftercall_proto::workflow::v1::GetServerInfoRequest;
use aftercall_tests::eventually;
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::{Cluster, NAMES};
use crate::load::fill;
use crate::{number, open};

type Arrivals = BTreeMap<u64, Instant>;

/// When the entries after `newest` came from the feed of a member, up to the entry `last`.
async fn arrivals(mut clients: aftercall_tests::Clients, newest: u64, last: u64) -> Arrivals {
    let info = clients.operations.get_server_info(GetServerInfoRequest {});
    let epoch = info.await.expect("it answers").into_inner().epoch;
    let from_sequence = newest + 1;
    let request = TailRequest {
        from_sequence,
        epoch,
    };
    let tail = clients.feed.tail(request).await.expect("the feed");
    let (mut tail, mut arrivals) = (tail.into_inner(), Arrivals::new());
    while !arrivals.contains_key(&last) {
        let response = tail.message().await.expect("it continues");
        let now = Instant::now();
        let entries = response.expect("a response").entries;
        arrivals.extend(entries.iter().map(|entry| (entry.sequence, now)));
    }
    arrivals.retain(|sequence, _| *sequence <= last);
    arrivals
}

/// The newest entry of the database.
fn newest(cluster: &Cluster) -> u64 {
    cluster.log().last().map_or(0, |group| group.last)
}

/// `AFTERCALL_LAG_ENTRIES` sets how many entries are measured.
#[ignore = "a measurement: docs/evidence.md has the command"]
#[tokio::test(flavor = "multi_thread")]
async fn followers_are_close_behind_their_leader() {
    let cluster = Cluster::start().await;
    let open = open();
    fill(&cluster, 0..open).await;
    let measured = number("AFTERCALL_LAG_ENTRIES").unwrap_or(50_000);
    let entries = measured as u64;
    let (_, leader) = cluster.leader().await;
    let before = newest(&cluster);
    let mut arriving = Vec::new();
    for member in 0..NAMES.len() {
        let arrivals = arrivals(cluster.clients(member).await, before, before + entries);
        arriving.push(AbortOnDropHandle::new(tokio::spawn(arrivals)));
    }
    let began = Instant::now();
    fill(&cluster, open..open + measured).await;
    let mut arrived = Vec::new();
    for arriving in arriving {
        arrived.push(arriving.await.expect("no panic"));
    }
    let rate = entries as f64 / began.elapsed().as_secs_f64();
    println!(
        "{rate:.0} entries a second through the leader, {}",
        NAMES[leader]
    );
    for (member, name) in NAMES
        .iter()
        .enumerate()
        .filter(|(member, _)| *member != leader)
    {
        let of_leader = &arrived[leader];
        let mut lags: Vec<Duration> = (arrived[member].iter())
            .map(|(sequence, at)| at.saturating_duration_since(of_leader[sequence]))
            .collect();
        lags.sort_unstable();
        let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "{name}: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms behind",
            at(0.5),
            at(0.99),
            at(1.0)
        );
        assert_eq!(lags.len() as u64, entries, "it has each entry");
        assert!(at(0.99) < 1_000.0, "a follower is not a second behind");
    }
}

/// How old the newest step in the tables for SQL is, in seconds, and the newest sequence there.
fn shown(cluster: &Cluster) -> (f64, u64) {
    let look = "SELECT extract(epoch FROM clock_timestamp() - (SELECT max(at) FROM aftercall.stage_change)), upto
        FROM aftercall.reading";
    let row = tokio::task::block_in_place(|| cluster.primary.sql(&cluster.database, look));
    let (age, upto) = row.split_once('|').expect("two columns");
    (
        age.parse().expect("a number"),
        upto.parse().expect("a number"),
    )
}

/// `AFTERCALL_LAG_ENTRIES` sets how many entries are measured.
#[ignore = "a measurement: docs/evidence.md has the command"]
#[tokio::test(flavor = "multi_thread")]
async fn tables_for_sql_catch_up_after_a_burst() {
    let cluster = Cluster::start().await;
    fill(&cluster, 0..1_000).await;
    let entries = number("AFTERCALL_LAG_ENTRIES").unwrap_or(50_000);
    let began = Instant::now();
    let mut filling = pin!(fill(&cluster, 1_000..1_000 + entries));
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    let mut ages = Vec::new();
    loop {
        tokio::select! {
            () = &mut filling => break,
            _ = looks.tick() => ages.push(shown(&cluster).0),
        }
    }
    let rate = entries as f64 / began.elapsed().as_secs_f64();
    let (last, ended) = (newest(&cluster), Instant::now());
    eventually("the tables show all changes", || {
        let is_there = shown(&cluster).1 >= last;
        async move { is_there.then_some(()) }
    })
    .await;
    ages.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| ages[((ages.len() - 1) as f64 * share) as usize];
    println!(
        "tables for SQL at {rate:.0} entries a second: p50 {:.1} s, p99 {:.1} s, longest {:.1} s behind, {:.1} s to catch up after the burst",
        at(0.5),
        at(0.99),
        at(1.0),
        ended.elapsed().as_secs_f64()
    );
}
