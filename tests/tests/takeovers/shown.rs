//! Who leads, since when, in which term, and how far each member is behind: `GetServerInfo`,
//! `aftercall server show` and `/metrics` agree.

use std::net::SocketAddr;
use std::process::Command;

use aftercall_proto::workflow::v1::{self as proto, GetServerInfoRequest, ServerRole};
use aftercall_tests::{Clients, binary, eventually, set_refund};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cluster::{Cluster, NAMES};

/// What a member shows at one moment.
struct Shown {
    role: ServerRole,
    cluster: proto::Cluster,
    /// The lines of `aftercall server show`.
    lines: String,
    metrics: String,
}

/// The cluster by `GetServerInfo`, without the ages of reports.
async fn info(clients: &Clients) -> (ServerRole, proto::Cluster) {
    let mut operations = clients.operations.clone();
    let info = operations.get_server_info(GetServerInfoRequest {}).await;
    let mut info = info.expect("it answers").into_inner();
    let mut cluster = info.cluster.take().expect("a cluster");
    cluster.seen_ago = None;
    cluster.members.iter_mut().for_each(|one| one.age = None);
    (info.role(), cluster)
}

async fn metrics(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

fn lines(address: SocketAddr) -> String {
    let mut command = Command::new(binary("aftercall"));
    let command = command.args(["server", "show", "--server", &address.to_string()]);
    let output = command.env("TZ", "UTC").output().expect("it runs");
    String::from_utf8(output.stdout).expect("text")
}

impl Shown {
    /// Reads all three until each member is listed, and nothing has changed meanwhile.
    async fn by(cluster: &Cluster, member: usize) -> Self {
        let (clients, address) = (
            cluster.clients(member).await,
            cluster.members[member].address(),
        );
        eventually("nothing changes meanwhile", || async {
            let before = info(&clients).await;
            let (lines, metrics) = (lines(address), metrics(address).await);
            let (role, cluster) = info(&clients).await;
            let is_whole = cluster.members.len() == NAMES.len();
            (is_whole && before == (role, cluster.clone())).then_some(Self {
                role,
                cluster,
                lines,
                metrics,
            })
        })
        .await
    }

    fn metric(&self, name: &str) -> f64 {
        let mut lines = self.metrics.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("{name} is missing in {}", self.metrics));
        value.parse().expect("a number")
    }

    fn check_line(&self, line: &str) {
        assert!(self.lines.contains(line), "{line}: {}", self.lines);
    }

    /// Checks that all three agree.
    fn check(&self) {
        let cluster = &self.cluster;
        let since = cluster.leader_since.expect("somebody leads");
        let since = Timestamp::new(since.seconds, since.nanos).expect("a time");
        let (leader, address, term) = (&cluster.leader, &cluster.leader_address, cluster.term);
        self.check_line(&format!(
            "{leader} at {address}, term {term}, since {}",
            since.strftime("%Y-%m-%d %H:%M:%S")
        ));
        assert_eq!(self.metric("aftercall_term"), term as f64);
        let metric = self.metric("aftercall_leader_since_seconds");
        assert!((metric - since.as_millisecond() as f64 / 1e3).abs() < 0.01);
        let leads = self.role == ServerRole::Leader;
        assert_eq!(self.metric("aftercall_leader"), f64::from(u8::from(leads)));
        assert_eq!(self.metric("aftercall_members"), NAMES.len() as f64);
        for member in &cluster.members {
            let (name, lag) = (&member.name, member.lag);
            let place = format!("member           {name} at {}, version ", member.address);
            self.check_line(&place);
            self.check_line(&format!("{lag} entries behind at {}", member.sequence));
            let label = format!("{{member=\"{name}\"}}");
            let metric = self.metric(&format!("aftercall_member_lag_entries{label}"));
            assert_eq!(metric, lag as f64, "{name}");
            let leads = self.metric(&format!("aftercall_member_leads{label}"));
            assert_eq!(leads, f64::from(u8::from(name == leader)), "{name}");
        }
        for name in ["aftercall_member_lag_entries", "aftercall_member_leads"] {
            let help = format!("# HELP {name} ");
            assert!(self.metrics.contains(&help), "{name} is not described");
        }
    }

    fn lag_of(&self, member: usize) -> u64 {
        let mut members = self.cluster.members.iter();
        let member = members.find(|one| one.name == NAMES[member]);
        member.expect("it is listed").lag
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_command_line_show_the_same_cluster() {
    let cluster = Cluster::start().await;
    let (_, leader) = cluster.leader().await;
    let [paused, other] = [1, 2].map(|after| (leader + after) % NAMES.len());
    cluster.members[paused].signal("STOP");
    let mut clients = cluster.clients(leader).await;
    for call in 0..3 {
        let set = clients
            .scripts
            .set_workflow(set_refund(format!("{call}"), 1.0));
        set.await.expect("it is set");
    }
    for member in [leader, other] {
        let is_behind = || async {
            let shown = Shown::by(&cluster, member).await;
            shown.check();
            (shown.lag_of(paused) >= 3).then_some(())
        };
        eventually("a paused follower is behind", is_behind).await;
    }
    cluster.members[paused].signal("CONT");
    eventually("no member is behind", || async {
        let shown = Shown::by(&cluster, leader).await;
        shown.check();
        (0..NAMES.len())
            .all(|member| shown.lag_of(member) == 0)
            .then_some(())
    })
    .await;
}
