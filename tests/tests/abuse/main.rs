//! Clients that abuse HTTP/2 and TLS, against real servers, with and without TLS: the attacker is
//! cut off or bounded, every call of another client succeeds, and memory grows by 100 MiB at most
//! (by 32 KiB for each of thousands of idle connections).
//!
//! `AFTERCALL_ABUSE_SECONDS=20` runs each attack for so long, one after the other, and prints a table
//! (`--nocapture`): how long the other client's calls take, how memory grows, and what ended the
//! attack. Each attack that a setting ends has a control: without the limit it is not cut off.

mod attacks;
mod attempts;
mod server;
mod victim;

use std::time::Duration;

use tokio::sync::Mutex;

use crate::attacks::Attack;
use crate::server::{Server, Transport};
use crate::victim::Victim;

/// One server is attacked at a time, so that the times of its other client mean something.
static ALONE: Mutex<()> = Mutex::const_new(());

/// By how much the memory of a server may grow.
const GROWTH_MAX: u64 = 100 << 20;

/// The same for each idle connection: the buffers of HTTP/2, and those of TLS. Their number has a
/// limit of its own.
const IDLE_CONNECTION_BYTES_MAX: u64 = 32 << 10;

/// How long each attack lasts, and how many idle connections there are.
#[derive(Clone, Copy)]
struct Scale {
    attack: Duration,
    idle_connections: usize,
    is_full: bool,
}

impl Scale {
    fn of_environment() -> Self {
        let seconds = std::env::var("AFTERCALL_ABUSE_SECONDS");
        match seconds.ok().and_then(|text| text.parse().ok()) {
            Some(seconds) => Self {
                attack: Duration::from_secs(seconds),
                idle_connections: 10_000,
                is_full: true,
            },
            None => Self {
                attack: Duration::from_secs(2),
                idle_connections: 500,
                is_full: false,
            },
        }
    }
}

/// Runs every attack against a server.
async fn survives(transport: Transport) {
    let _alone = ALONE.lock().await;
    let scale = Scale::of_environment();
    let server = Server::start(transport, scale, &[]).await;
    let victim = Victim::start(&server).await;
    if scale.is_full {
        println!("\n| attack on {transport} | p99 before | p99 during | memory | what ended it |");
        println!("|---|---|---|---|---|");
    }
    for attack in Attack::ALL {
        let before = victim.watch(quiet(scale)).await;
        let counted = server.counters().await;
        let memory = server.memory();
        let (attempts, during) =
            tokio::join!(attack.run(&server, scale), victim.watch(scale.attack));
        let ended = server.counters().await.since(&counted);
        let growth = during.memory_max.saturating_sub(memory);
        if scale.is_full {
            println!(
                "| {attack} | {:.1} ms | {:.1} ms | {:+} MiB | {attempts}; {ended} |",
                before.p99_ms(),
                during.p99_ms(),
                growth >> 20,
            );
        }
        assert_eq!(during.failed, None, "{attack}: a call of another client");
        assert!(during.calls() > 0, "{attack}");
        let growth_max = match attack {
            Attack::Idle => GROWTH_MAX.max(attempts.opened * IDLE_CONNECTION_BYTES_MAX),
            _ => GROWTH_MAX,
        };
        assert!(growth <= growth_max, "{attack}: memory grew by {growth}");
        assert!(
            attack.was_stopped(attempts, &ended),
            "{attack} on {transport}: {attempts}; {ended}"
        );
    }
}

/// How long the other client is watched before an attack.
fn quiet(scale: Scale) -> Duration {
    if scale.is_full {
        Duration::from_secs(5)
    } else {
        Duration::from_millis(100)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_plain_text_survives_abuse() {
    survives(Transport::PlainText).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_tls_survives_abuse() {
    survives(Transport::Tls).await;
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
];

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limits_no_attack_is_cut() {
    let _alone = ALONE.lock().await;
    let scale = Scale {
        attack: Duration::from_secs(1),
        idle_connections: 100,
        is_full: false,
    };
    for transport in [Transport::PlainText, Transport::Tls] {
        let server = Server::start(transport, scale, WITHOUT_LIMITS).await;
        for attack in Attack::ALL {
            let before = server.counters().await;
            let attempts = attack.run(&server, scale).await;
            let ended = server.counters().await.since(&before);
            assert!(attempts.sent > 0, "{attack}");
            if attack == Attack::EmptyData {
                // The HTTP/2 library has a limit of its own, which is higher.
                assert!(!ended.has("connections closed control_frames"), "{ended}");
            } else {
                assert_eq!(attempts.cuts, 0, "{attack} on {transport}: {ended}");
            }
        }
    }
}
