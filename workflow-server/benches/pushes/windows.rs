//! When the server wrote a snapshot or fired timers, as its metrics show it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A duration in which the server did something besides answering.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// What it did.
    pub(crate) what: &'static str,
    from: Instant,
    to: Instant,
}

impl Window {
    /// Whether a request that was due then was answered in it.
    pub(crate) fn has(&self, due: Instant, took: Duration) -> bool {
        due <= self.to && due + took >= self.from
    }
}

/// Looks at the metrics until it is dropped.
pub(crate) struct Windows(Arc<Mutex<Vec<Window>>>, tokio::task::JoinHandle<()>);

impl Windows {
    /// Watches the server at this address, such as `127.0.0.1:7411`.
    pub(crate) fn watch(address: String) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let windows = seen.clone();
        let watching = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(LOOK_EVERY);
            let mut before: Option<Counts> = None;
            loop {
                ticks.tick().await;
                let now = Counts::read(&metrics(&address).await);
                if let Some(before) = before {
                    windows.lock().expect("no panic").extend(now.since(&before));
                }
                before = Some(now);
            }
        });
        Self(seen, watching)
    }

    /// All of them so far.
    pub(crate) fn all(&self) -> Vec<Window> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Drop for Windows {
    fn drop(&mut self) {
        self.1.abort();
    }
}

struct Counts {
    at: Instant,
    snapshots: f64,
    snapshot_seconds: f64,
    timers: f64,
}

impl Counts {
    fn read(metrics: &str) -> Self {
        Self {
            at: Instant::now(),
            snapshots: value(metrics, "aftercall_snapshot_seconds_count"),
            snapshot_seconds: value(metrics, "aftercall_snapshot_seconds_sum"),
            timers: value(metrics, "aftercall_timer_lateness_seconds_count"),
        }
    }

    fn since(&self, before: &Self) -> Vec<Window> {
        let mut windows = Vec::new();
        if self.snapshots > before.snapshots {
            let took = Duration::from_secs_f64(self.snapshot_seconds - before.snapshot_seconds);
            windows.push(Window {
                what: "a snapshot",
                from: self.at - took - LOOK_EVERY,
                to: self.at,
            });
        }
        if self.timers > before.timers {
            windows.push(Window {
                what: "timers",
                from: before.at,
                to: self.at,
            });
        }
        windows
    }
}

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().parse().ok())
        .unwrap_or(0.0)
}

/// What the server shows at `/metrics`.
pub(crate) async fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}
