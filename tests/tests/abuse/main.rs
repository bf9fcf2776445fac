//! Clients that abuse HTTP/2 and TLS, against both servers, with and without TLS: the attacker is
//! cut off or bounded, every call of another client succeeds, and memory grows by 100 MiB at most
//! (by 32 KiB for each of thousands of idle connections).
//!
//! `AFTERCALL_ABUSE_SECONDS=20` runs each attack for so long, one after the other, and prints a table
//! (`--nocapture`): how long the other client's calls take, how memory grows, and what ended the
//! attack. From 10 s on, the other client's p99 must be at most three times that before the attack.
//! Each attack that a setting ends has a control: without the limit it is not cut off.

mod attacks;
mod attempts;
mod scale;
mod server;
mod victim;

use std::time::Duration;

use aftercall_tests::eventually;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::attacks::{Attack, fill_with_unread_answers};
use crate::attempts::Attempts;
use crate::scale::Scale;
use crate::server::{Counters, Product, Server, Transport};
use crate::victim::{Seen, Victim};

/// One server is attacked at a time, so that the times of its other client mean something.
static ALONE: Mutex<()> = Mutex::const_new(());

/// By how much the memory of a server may grow.
const GROWTH_MAX: u64 = 100 << 20;

/// The same for each idle connection: the buffers of HTTP/2, and those of TLS. Their number has a
/// limit of its own.
const IDLE_CONNECTION_BYTES_MAX: u64 = 32 << 10;

/// How many times as long another client's calls may take during an attack.
const P99_TIMES_MAX: f64 = 3.0;

/// Below this a call is never too slow. A quiet server answers in less than a millisecond, and one
/// turn of the scheduler on two cores that attackers share already takes more than three times that.
const P99_MS_ALWAYS: f64 = 4.0;

/// An attack, as it was seen.
struct Outcome {
    attack: Attack,
    attempts: Attempts,
    ended: Counters,
    before: Seen,
    during: Seen,
    growth: u64,
}

impl Outcome {
    async fn of(attack: Attack, server: &Server, victim: &Victim, scale: Scale) -> Self {
        let quiet = sleep_until(Instant::now() + scale.quiet);
        let ((), before) = victim.watch(quiet).await;
        let counted = server.counters().await;
        let memory = server.memory();
        let (attempts, during) = victim.watch(attack.run(server, scale)).await;
        Self {
            attack,
            attempts,
            ended: server.counters().await.since(&counted),
            before,
            growth: during.memory_max.saturating_sub(memory),
            during,
        }
    }

    fn print(&self) {
        let Self {
            attack,
            attempts,
            ended,
            ..
        } = self;
        println!(
            "| {attack} | {:.1} ms | {:.1} ms | {:+} MiB | {attempts}; {ended} |",
            self.before.p99_ms(),
            self.during.p99_ms(),
            self.growth >> 20,
        );
    }

    /// What is worse than it may be.
    fn errors(&self, scale: Scale) -> Vec<String> {
        let Self {
            attack,
            attempts,
            ended,
            ..
        } = self;
        let growth_max = match attack {
            Attack::Idle => GROWTH_MAX.max(attempts.opened * IDLE_CONNECTION_BYTES_MAX),
            _ => GROWTH_MAX,
        };
        let (before, during) = (self.before.p99_ms(), self.during.p99_ms());
        let p99_max = P99_MS_ALWAYS.max(P99_TIMES_MAX * before);
        let is_opened = *attack != Attack::Idle || attempts.opened == scale.idle_connections as u64;
        let checks = [
            (
                self.during.failed.is_some(),
                format!("a call of another client: {:?}", self.during.failed),
            ),
            (self.during.calls() == 0, "no call was answered".to_owned()),
            (
                self.growth > growth_max,
                format!("memory grew by {}", self.growth),
            ),
            (
                !attack.was_stopped(*attempts, ended),
                format!("it was not stopped: {attempts}; {ended}"),
            ),
            (
                !is_opened,
                format!("{attempts}; raise the hard limit of open files (ulimit -Hn)"),
            ),
            (
                scale.is_timed && during > p99_max,
                format!("p99 {before:.1} ms before and {during:.1} ms during it"),
            ),
        ];
        let wrong = checks.into_iter().filter(|(is_wrong, _)| *is_wrong);
        wrong.map(|(_, what)| format!("{attack}: {what}")).collect()
    }
}

/// Runs attacks against a server. In the long form all of them run before one fails the test, so
/// that the table is whole.
async fn survives(product: Product, transport: Transport, attacks: &[Attack]) {
    let _alone = ALONE.lock().await;
    let scale = Scale::of_environment();
    let server = Server::start(product, transport, scale, &[]).await;
    let victim = Victim::start(&server).await;
    if scale.is_full {
        let name = product.name();
        println!(
            "\n| attack on {name}, {transport} | p99 before | p99 during | memory | what ended it |"
        );
        println!("|---|---|---|---|---|");
    }
    let mut errors = Vec::new();
    for attack in attacks {
        let outcome = Outcome::of(*attack, &server, &victim, scale).await;
        if scale.is_full {
            outcome.print();
        }
        errors.extend(outcome.errors(scale));
        assert!(scale.is_full || errors.is_empty(), "{errors:#?}");
    }
    assert!(errors.is_empty(), "{errors:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_plain_text_survives_abuse() {
    survives(Product::Workflow, Transport::PlainText, &Attack::ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_tls_survives_abuse() {
    survives(Product::Workflow, Transport::Tls, &Attack::ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alerter_survives_abuse() {
    if Scale::of_environment().is_full {
        for transport in [Transport::PlainText, Transport::Tls] {
            survives(Product::Alerter, transport, &Attack::ALL).await;
        }
    } else {
        survives(Product::Alerter, Transport::Tls, &Attack::TWO).await;
    }
}

/// Every limit that a setting has, so high that nothing reaches it.
const WITHOUT_LIMITS: &[&str] = &[
    "--control-frames-per-second-max",
    "1000000000",
    "--resets-per-second-max",
    "1000000000",
    "--header-bytes-max",
    "1073741824",
    "--handshake-seconds",
    "3600",
    "--first-request-seconds",
    "3600",
    "--unread-bytes-per-connection-max",
    "1073741824",
    "--unread-bytes-max",
    "1073741824",
    "--stall-seconds",
    "3600",
];

/// A short attack of few connections.
const CONTROL: Scale = Scale {
    attack: Duration::from_secs(1),
    quiet: Duration::ZERO,
    idle_connections: 100,
    is_full: false,
    is_timed: false,
    waits_for_stalls: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limits_no_attack_is_cut() {
    let _alone = ALONE.lock().await;
    for transport in [Transport::PlainText, Transport::Tls] {
        let server = Server::start(Product::Workflow, transport, CONTROL, WITHOUT_LIMITS).await;
        for attack in Attack::ALL {
            let before = server.counters().await;
            let attempts = attack.run(&server, CONTROL).await;
            let ended = server.counters().await.since(&before);
            assert!(attempts.sent > 0, "{attack}");
            if attack == Attack::Idle {
                assert_eq!(attempts.opened, CONTROL.idle_connections as u64);
            }
            if attack == Attack::EmptyData {
                // The HTTP/2 library has a limit of its own, which is higher.
                assert!(!ended.has("connections closed control_frames"), "{ended}");
            } else {
                assert_eq!(attempts.cuts, 0, "{attack} on {transport}: {ended}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_unread_answers_fill_the_memory() {
    let _alone = ALONE.lock().await;
    let transport = Transport::PlainText;
    let server = Server::start(Product::Workflow, transport, CONTROL, WITHOUT_LIMITS).await;
    let before = server.counters().await;
    let _unread = fill_with_unread_answers(&server, GROWTH_MAX).await;
    // Longer than what ends such streams in the other tests.
    sleep_until(Instant::now() + Duration::from_secs(2)).await;
    let ended = server.counters().await.since(&before);
    let attempts = Attempts::default();
    assert!(
        !Attack::SlowReaders.was_stopped(attempts, &ended),
        "{ended}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_low_limit_of_connections_refuses_idle_ones() {
    let _alone = ALONE.lock().await;
    for (max, is_refused) in [("40", true), ("400", false)] {
        let settings = ["--connections-max", max];
        let transport = Transport::PlainText;
        let server = Server::start(Product::Workflow, transport, CONTROL, &settings).await;
        let before = server.counters().await;
        let attempts = Attack::Idle.run(&server, CONTROL).await;
        let opened = attempts.opened - attempts.cuts;
        assert_eq!(opened < 100, is_refused, "{max}: {attempts}");
        assert!(opened <= 100 && (!is_refused || opened <= 40), "{attempts}");
        eventually("it is counted", || async {
            let ended = server.counters().await.since(&before);
            (ended.has("connections refused") == is_refused).then_some(())
        })
        .await;
    }
}
