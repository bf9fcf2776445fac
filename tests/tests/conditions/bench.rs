//! A server with a clock and a disk that are moved by hand, and a look at everything that shows
//! conditions.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aftercall_definition::time::Time;
use aftercall_proto::workflow::v1::{GetServerInfoRequest, ServerCondition};
use aftercall_tests::{Clients, House, Machine, PATIENCE, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tracing::Level;
use workflow_server::journal::{Disk, RealDisk};
use workflow_server::ledger::ManualClock;

use crate::log::{self, Said};

/// The metric is the process's: one server at a time.
pub(crate) static ALONE: Mutex<()> = Mutex::const_new(());

pub(crate) const DAY: i64 = 86_400_000;

/// A disk of which the free space is set by hand, and which may fail.
pub(crate) struct HandDisk {
    pub(crate) free_bytes: AtomicU64,
    pub(crate) fails: AtomicBool,
}

impl HandDisk {
    fn sync(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.fails.load(Ordering::Relaxed) {
            Err(io::Error::other("the disk is gone"))
        } else {
            sync()
        }
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
pub(crate) struct Bench {
    pub(crate) house: House,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) disk: Arc<HandDisk>,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::start_as(false).await
    }

    /// From whose memory everything goes as soon as it has ended, and whose keeper looks ten times
    /// a second.
    pub(crate) async fn start_archiving() -> Self {
        Self::start_as(true).await
    }

    async fn start_as(archives_at_once: bool) -> Self {
        log::read();
        let clock = Arc::new(ManualClock::at(Time(1_795_000_000_000)));
        let disk = Arc::new(HandDisk {
            free_bytes: AtomicU64::new(u64::MAX),
            fails: AtomicBool::new(false),
        });
        let machine = Machine {
            clock: clock.clone(),
            disk: disk.clone(),
        };
        let house = if archives_at_once {
            House::start_archiving_on(machine).await
        } else {
            House::start_on(machine).await
        };
        Self { house, clock, disk }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.house.workflow_address()
    }

    /// Waits until everything that shows conditions shows exactly this one, and returns its
    /// sentence.
    pub(crate) async fn shows(&self, clients: &Clients, wanted: &'static str) -> String {
        self.looks(clients, Some(wanted), None).await
    }

    /// Waits until nothing that shows conditions shows any, and the metric of this one is back.
    pub(crate) async fn is_well(&self, clients: &Clients, over: Option<&'static str>) {
        self.looks(clients, None, over).await;
    }

    async fn looks(
        &self,
        clients: &Clients,
        wanted: Option<&'static str>,
        over: Option<&'static str>,
    ) -> String {
        let address = self.address();
        let what = format!("everything shows {wanted:?}");
        eventually(&what, || {
            let mut clients = clients.clone();
            async move { shown(address, &mut clients, wanted, over).await }
        })
        .await
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .expect("in time")
        .expect("an answer");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("a status");
    (
        status,
        answer
            .split_once("\r\n\r\n")
            .map_or_else(String::new, |(_, body)| body.to_owned()),
    )
}

/// Whether all five agree.
async fn shown(
    address: SocketAddr,
    clients: &mut Clients,
    wanted: Option<&str>,
    over: Option<&str>,
) -> Option<String> {
    let info = clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .ok()?
        .into_inner();
    let names: Vec<&str> = info
        .conditions
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let condition = info.conditions.first().cloned().unwrap_or_default();
    let ServerCondition {
        message, unready, ..
    } = condition;
    let mut health = HealthClient::new(
        Endpoint::from_shared(format!("http://{address}"))
            .ok()?
            .connect_lazy(),
    );
    let serving = health
        .check(HealthCheckRequest {
            service: String::new(),
        })
        .await
        .ok()?
        .into_inner()
        .status;
    let (status, body) = get(address, "/readyz").await;
    let (_, metrics) = get(address, "/metrics").await;
    let which = wanted.or(over).unwrap_or_default();
    // The servers of this process share their metrics: only what this one has set is looked at.
    let is_metric = |name: &str, value: i32| {
        name.is_empty()
            || metrics.contains(&format!(
                "aftercall_condition{{condition=\"{name}\"}} {value}"
            ))
    };
    let said = match wanted {
        Some(_) => Said {
            level: if unready { Level::ERROR } else { Level::WARN },
            sentence: message.clone(),
        },
        None => Said {
            level: Level::INFO,
            sentence: "the condition has ended".to_owned(),
        },
    };
    let expected = if unready {
        (503, ServingStatus::NotServing)
    } else {
        (200, ServingStatus::Serving)
    };
    let agrees = names == wanted.into_iter().collect::<Vec<_>>()
        && (status, serving) == (expected.0, i32::from(expected.1))
        && body.contains(&message)
        && is_metric(which, i32::from(wanted.is_some()))
        && (which.is_empty() || log::last(which) == Some(said))
        && (wanted == Some("clock")) == info.clock_held
        && (wanted == Some("store")) != info.failure.is_empty();
    agrees.then_some(message)
}
