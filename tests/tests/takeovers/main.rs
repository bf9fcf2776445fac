//! Take-overs under load: three members on one PostgreSQL database, two alerters, and clients that
//! know all of them. The leader is killed, paused and cut off, and the database is restarted and
//! moved to a replica.
//!
//! A checker then reads everything: each answered change is there exactly once, sequences have no
//! gap, the entries of two terms are not mixed, reads never go back in time, and no alert stream has
//! a gap or a double.
//!
//! `AFTERCALL_TAKEOVERS` sets the number of faults, and `AFTERCALL_TAKEOVERS_OPEN` the number of
//! follow-ups that are open before. How long no change was answered is printed at the
//! end.

mod checks;
mod cluster;
mod faults;
mod lag;
mod load;
mod unfenced;
mod watch;

use std::time::Instant;

use checks::{Findings, check};
use cluster::Cluster;
use faults::{Fault, Measured};
use load::{Load, fill};
use watch::Watch;

/// The number in an environment variable.
fn number(name: &str) -> Option<usize> {
    let set = std::env::var(name).ok();
    set.map(|count| count.parse().expect("a number"))
}

/// How many follow-ups are open before.
fn open() -> usize {
    number("AFTERCALL_TAKEOVERS_OPEN").unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_by_a_takeover() {
    // The test command can request the full form.
    let takeovers = number("AFTERCALL_TAKEOVERS").unwrap_or(20);
    let mut cluster = Cluster::start().await;
    fill(&cluster, 0..open()).await;
    let (watch, load) = (Watch::begin(&cluster), Load::begin(&cluster));
    let mut measured = Measured::default();
    for fault in Fault::ALL.into_iter().cycle().take(takeovers) {
        load.wait_for_answers(20).await;
        let began = Instant::now();
        cluster.suffer(fault, &load).await;
        load.wait_for_answers(20).await;
        measured.add(fault, load.longest_gap_since(began));
    }
    cluster.fail_over().await;
    load.wait_for_answers(50).await;
    let answered = load.end().await;
    println!("{measured}");
    println!("{} changes answered", answered.changes());
    let shown = watch.end(&answered).await;
    let log = cluster.log();
    let feed = cluster.feed().await;
    let findings = check(&Findings {
        answered,
        shown,
        log,
        feed,
    });
    assert_eq!(findings, Vec::<String>::new());
}
