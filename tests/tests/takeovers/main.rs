//! Take-overs under load: three members on one PostgreSQL database with a synchronous replica, two
//! alerters, and clients that know all of them. The leader is killed, paused and cut off, and the
//! database is restarted and moved to its replica.
//!
//! A checker then reads everything: each answered change is there exactly once, sequences have no
//! gap, the entries of two terms are not mixed, reads never go back in time, all members show the
//! same, and no alert stream has a gap or a double.
//!
//! `AFTERCALL_TAKEOVERS` sets the number of faults, `AFTERCALL_TAKEOVERS_KINDS` their kinds, such as
//! `Restarted,SteppedDown`, and `AFTERCALL_TAKEOVERS_OPEN` the number of follow-ups that are open
//! before. How long no change was answered is printed at the end.

mod checks;
mod cluster;
mod faults;
mod lag;
mod load;
mod measured;
mod python;
mod shown;
mod slow;
mod spoilt;
mod unfenced;
mod watch;

use checks::{Findings, check};
use cluster::Cluster;
use faults::Fault;
use load::{Load, fill};
use measured::{Machine, Measured};
use watch::Watches;

/// The number in an environment variable.
fn number(name: &str) -> Option<usize> {
    let set = std::env::var(name).ok();
    set.map(|count| count.parse().expect("a number"))
}

/// How many follow-ups are open before.
fn open() -> usize {
    number("AFTERCALL_TAKEOVERS_OPEN").unwrap_or(0)
}

/// The faults that follow each other.
fn kinds() -> Vec<Fault> {
    let named = std::env::var("AFTERCALL_TAKEOVERS_KINDS").ok();
    named.map_or_else(|| Fault::ALL.to_vec(), |names| Fault::named(&names))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_by_a_takeover() {
    // The test command can request the full form.
    let takeovers = number("AFTERCALL_TAKEOVERS").unwrap_or(20);
    let mut cluster = Cluster::start().await;
    fill(&cluster, 0..open()).await;
    let (watches, load) = (Watches::begin(&cluster), Load::begin(&cluster));
    let (machine, mut measured) = (Machine::begin(), Measured::default());
    for fault in kinds().into_iter().cycle().take(takeovers) {
        let case = cluster.measure(fault, &load, &machine).await;
        measured.add(fault, case);
    }
    load.wait_for_answers(50).await;
    let answered = load.end().await;
    println!("{measured}");
    println!(
        "{} changes answered, {} terms began",
        answered.changes(),
        measured.terms()
    );
    let shown = watches.end(&answered).await;
    let findings = check(&Findings {
        answered,
        shown,
        log: cluster.log(),
        feeds: cluster.feeds().await,
    });
    assert_eq!(findings, []);
    assert_eq!(measured.too_slow(), Vec::<String>::new());
}
