//! Three members and two alerters on one private database.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use aftercall_proto::feed::v1::TailRequest;
use aftercall_proto::workflow::v1::{CountInstancesRequest, GetServerInfoRequest};
use aftercall_test_postgres::{Proxy, Server};
use aftercall_tests::{Clients, REFUND, ServerProcess, eventually};
use workflow_server::journal::Birth;
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};

use crate::checks::{FeedChange, Group};

/// The names of the members.
pub(crate) const NAMES: [&str; 3] = ["one", "two", "three"];

/// A workflow-server, with a link of its own to the database.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) link: Proxy,
    /// Its user in the database.
    user: &'static str,
    process: Option<ServerProcess>,
}

impl Member {
    fn new(name: &'static str, user: &'static str, database: u16) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        Self {
            name,
            port,
            link: Proxy::start(database),
            user,
            process: None,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Starts the process, and returns once it listens.
    pub(crate) fn start(&mut self, database: &str) {
        let listen = self.address().to_string();
        let store = Server::url_at(self.link.port(), database);
        let store = store.replace("aftercall@", &format!("{}@", self.user));
        let advertised = format!("http://{listen}");
        self.process = Some(ServerProcess::start(
            "workflow-server",
            &[
                "--store",
                &store,
                "--listen",
                &listen,
                "--advertise",
                &advertised,
                "--member-name",
                self.name,
                "--journal-kept-entries",
                "1000000000",
            ],
        ));
    }

    pub(crate) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Sends a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill")
            .args([format!("-{signal}"), id])
            .status();
        assert!(sent.expect("kill is installed").success(), "{signal}");
    }
}

pub(crate) struct Cluster {
    /// The database that accepts writes.
    pub(crate) primary: Server,
    /// Its synchronous replica.
    replica: Option<Server>,
    pub(crate) database: String,
    pub(crate) members: [Member; 3],
    alerters: Vec<ServerProcess>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::start_as(|_| "aftercall", "").await
    }

    /// The same with a user of the database for each member. Runs statements before they start.
    pub(crate) async fn start_as(user: fn(&'static str) -> &'static str, statements: &str) -> Self {
        let server = Server::start(&[]);
        let database = server.create_database();
        let url = server.url(&database);
        create_store(&url).await;
        server.sql(&database, statements);
        let replica = Some(server.replica(true));
        let mut members = NAMES.map(|name| Member::new(name, user(name), server.port()));
        for member in &mut members {
            member.start(&database);
        }
        let upstream = members
            .iter()
            .map(|member| format!("http://{}", member.address()))
            .collect::<Vec<_>>()
            .join(",");
        let alerter = || {
            let args = ["--listen", "127.0.0.1:0", "--workflow-server", &upstream];
            ServerProcess::start("alerter-server", &args)
        };
        let alerters = vec![alerter(), alerter()];
        let cluster = Self {
            primary: server,
            replica,
            database,
            members,
            alerters,
        };
        let mut clients = cluster.clients(0).await;
        // A leader serves a moment after its lease begins.
        eventually("requests are answered", || {
            let mut operations = clients.operations.clone();
            async move {
                let counted = operations.count_instances(CountInstancesRequest::default());
                counted.await.ok()
            }
        })
        .await;
        clients.teams(&["billing", "payments"]).await;
        clients.publish(REFUND).await;
        cluster
    }

    /// Clients of a member and of one alerter.
    pub(crate) async fn clients(&self, member: usize) -> Clients {
        let alerter = self.alerters[member % self.alerters.len()].address();
        Clients::connect(self.members[member].address(), Some(alerter)).await
    }

    /// The addresses of the alerters.
    pub(crate) fn alerters(&self) -> Vec<SocketAddr> {
        self.alerters.iter().map(ServerProcess::address).collect()
    }

    pub(crate) fn kill_alerter(&mut self, alerter: usize) {
        self.alerters.remove(alerter).kill();
    }

    fn ask(&self, statement: &str) -> String {
        self.primary.sql(&self.database, statement)
    }

    /// The term of the newest leader, and its place among the members.
    pub(crate) async fn leader(&self) -> (u64, usize) {
        eventually("a member leads", || {
            let statement =
                "SELECT term, holder FROM aftercall.leadership WHERE expires_at > now()";
            let led = self.primary.try_sql(&self.database, statement).ok();
            let leader = led.as_deref().and_then(|row| {
                let (term, holder) = row.trim().split_once('|')?;
                let place = NAMES.iter().position(|name| *name == holder)?;
                Some((term.parse().ok()?, place))
            });
            async move { leader }
        })
        .await
    }

    /// Waits for a leader with a higher term.
    pub(crate) async fn next_leader(&self, term: u64) -> usize {
        eventually("another member leads", || async move {
            let (newest, leader) = self.leader().await;
            (newest > term).then_some(leader)
        })
        .await
    }

    /// The database dies, and its replica accepts writes. All members find it.
    pub(crate) fn promote(&mut self) {
        let replica = self.replica.take().expect("there is a replica");
        self.primary.kill();
        replica.promote();
        for member in &self.members {
            member.link.aim(replica.port());
            member.link.reset();
        }
        self.primary = replica;
    }

    /// Makes a synchronous replica of the database.
    pub(crate) fn replicate(&mut self) {
        self.replica = Some(self.primary.replica(true));
    }

    /// The groups of the log, as the database has them.
    pub(crate) fn log(&self) -> Vec<Group> {
        let rows = self.ask("SELECT first, last, term FROM aftercall.log ORDER BY first");
        let group = |row: &str| {
            let mut numbers = row
                .split('|')
                .map(|number| number.trim().parse().expect("a number"));
            let mut next = || numbers.next().expect("three columns");
            Group {
                first: next(),
                last: next(),
                term: next(),
            }
        };
        rows.lines()
            .filter(|row| !row.trim().is_empty())
            .map(group)
            .collect()
    }

    /// The feed of each member from its first entry.
    pub(crate) async fn feeds(&self) -> Vec<Vec<FeedChange>> {
        let newest = self.log().last().map_or(0, |group| group.last);
        let feeds = (0..NAMES.len()).map(|member| self.feed(member, newest));
        futures::future::join_all(feeds).await
    }

    /// The feed of a member from its first entry to this one.
    async fn feed(&self, member: usize, newest: u64) -> Vec<FeedChange> {
        let mut clients = self.clients(member).await;
        let info = clients
            .operations
            .get_server_info(GetServerInfoRequest {})
            .await;
        let info = info.expect("the state of the server").into_inner();
        let (mut next, mut changes) = (1, Vec::new());
        while next <= newest {
            let request = TailRequest {
                from_sequence: next,
                epoch: info.epoch.clone(),
            };
            // A member that begins another role ends its streams.
            let Ok(tail) = clients.feed.tail(request).await else {
                tokio::task::yield_now().await;
                continue;
            };
            let mut tail = tail.into_inner();
            let mut of_entry = Vec::new();
            while next <= newest {
                let Ok(Some(response)) = tail.message().await else {
                    break;
                };
                for entry in response.entries {
                    for change in &entry.changes {
                        let follow_up = change.follow_up.as_ref().expect("the follow-up");
                        of_entry.push(FeedChange {
                            sequence: entry.sequence,
                            instance: follow_up.instance_id.clone(),
                            revision: follow_up.revision,
                        });
                    }
                    if !entry.partial {
                        assert_eq!(entry.sequence, next, "the feed has a gap");
                        next += 1;
                        changes.append(&mut of_entry);
                    }
                }
            }
        }
        changes
    }
}

async fn create_store(url: &str) {
    let birth = Birth {
        epoch: format!("{:032x}", rand::random::<u128>()),
        hash_key: rand::random(),
        created_at_millis: 0,
    };
    let address = Address::parse(url, &Surroundings::default()).expect("an address");
    let created = PostgresStore::create(&address, &birth).await;
    created.expect("the store is created");
}
