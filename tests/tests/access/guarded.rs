//! Both servers behind every proof: a token file, an issuer of JWTs and client certificates, over
//! TLS.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use aftercall_proto::access::v1::Role;
use aftercall_proto::rules::{RULES, Rule};
use aftercall_tests::{Authority, House, Issuer, Pair};
use futures::future::try_join_all;
use tempfile::TempDir;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::{Tokens, with};

/// The `iss` of the tokens that the servers accept.
pub(crate) const ISSUER: &str = "https://login.example.com";

/// Both servers. Neither follows the other: the alerter has a server of its own, to which it brings
/// no token.
pub(crate) struct Guarded {
    houses: [House; 2],
    pub(crate) issuer: Issuer,
    authority: Authority,
    pub(crate) connected: Connected,
    _dir: TempDir,
}

/// How many connections to each server share the requests of a table. A server closes a connection
/// after 256 requests that it refused while their messages were still on the way.
const CONNECTIONS: usize = 16;

/// Connections to each server.
pub(crate) struct Connected {
    workflow: Vec<Channel>,
    alerter: Vec<Channel>,
    asked: AtomicUsize,
}

impl Guarded {
    /// Starts both with these tokens, which must be made before.
    pub(crate) async fn start(tokens: &Tokens) -> Self {
        let (dir, authority) = (tempfile::tempdir().expect("a folder"), Authority::create());
        let issuer = Issuer::create(ISSUER);
        let access = dir.path().join("access.toml");
        let certificates = Role::ALL.map(|role| {
            let name = role.name();
            format!(
                "[[certificate]]\ncommon_name = {name:?}\nname = {name:?}\nroles = [{name:?}]\n"
            )
        });
        let text = issuer.entry(dir.path()) + &certificates.concat();
        fs::write(&access, text).expect("written");
        let client_ca = dir.path().join("ca.pem");
        fs::write(&client_ca, authority.pem()).expect("written");
        let own = authority.server().write(dir.path());

        let protect = |house: &mut House| {
            house.guard_workflow(&tokens.path);
            house.guard_alerter(&tokens.path);
            house.trust_issuers(&access);
            house.serve_tls(&own.0, &own.1, &client_ca);
        };
        let mut of_alerter = House::start_without_alerter().await;
        protect(&mut of_alerter);
        of_alerter.start_alerter().await;
        let mut of_workflow = House::start_without_alerter().await;
        of_workflow.stop_workflow().await;
        protect(&mut of_workflow);
        of_workflow.start_workflow().await;
        let houses = [of_workflow, of_alerter];
        Self {
            connected: Connected::open(&houses, &authority, None, CONNECTIONS).await,
            houses,
            issuer,
            authority,
            _dir: dir,
        }
    }

    /// A connection to each with a client certificate of this common name.
    pub(crate) async fn connect_as(&self, name: &str) -> Connected {
        let own = self.authority.client(name);
        Connected::open(&self.houses, &self.authority, Some(own), 1).await
    }

    /// A connection to each without a certificate.
    pub(crate) async fn connect(&self) -> Connected {
        Connected::open(&self.houses, &self.authority, None, 1).await
    }

    pub(crate) async fn ask(&self, rpc: Rpc, header: Option<&str>) -> Status {
        self.connected.ask(rpc, header).await
    }

    /// The CA of the servers and of their clients.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where both listen.
    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        let [workflow, alerter] = &self.houses;
        [workflow.workflow_address(), alerter.alerter_address()]
    }
}

/// An RPC at a server that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rpc {
    pub(crate) rule: &'static Rule,
    is_at_alerter: bool,
}

/// Every RPC at each server that has it.
pub(crate) fn rpcs() -> Vec<Rpc> {
    let at_each = RULES.iter().flat_map(|rule| {
        let is_of_alerter = rule.path.starts_with("/aftercall.alert.");
        let is_of_both = rule.path.starts_with("/aftercall.access.");
        let servers = [
            (false, is_of_both || !is_of_alerter),
            (true, is_of_both || is_of_alerter),
        ];
        let having = servers.into_iter().filter(|(_, has_it)| *has_it);
        having.map(move |(is_at_alerter, _)| Rpc {
            rule,
            is_at_alerter,
        })
    });
    at_each.collect()
}

impl Connected {
    async fn open(
        houses: &[House; 2],
        authority: &Authority,
        own: Option<Pair>,
        count: usize,
    ) -> Self {
        let channels = async |address: SocketAddr| {
            let endpoint = endpoint(address, authority, own.as_ref());
            let connecting = (0..count).map(|_| endpoint.connect());
            try_join_all(connecting).await.expect("it listens")
        };
        let [workflow, alerter] = houses;
        Self {
            workflow: channels(workflow.workflow_address()).await,
            alerter: channels(alerter.alerter_address()).await,
            asked: AtomicUsize::new(0),
        }
    }

    /// Sends an empty request of an RPC to its server.
    pub(crate) async fn ask(&self, rpc: Rpc, header: Option<&str>) -> Status {
        let Rpc { rule, .. } = rpc;
        ask(self.server(rpc), rule.path, rule.is_stream, header).await
    }

    /// A connection to the server of the RPC.
    pub(crate) fn server(&self, rpc: Rpc) -> &Channel {
        let channels = match rpc.is_at_alerter {
            true => &self.alerter,
            false => &self.workflow,
        };
        &channels[self.asked.fetch_add(1, Ordering::Relaxed) % channels.len()]
    }

    /// A connection to each server.
    pub(crate) fn each(&self) -> [&Channel; 2] {
        [&self.workflow[0], &self.alerter[0]]
    }
}

/// A server with a certificate of this authority, for a client with a certificate of its own.
fn endpoint(address: SocketAddr, authority: &Authority, own: Option<&Pair>) -> Endpoint {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.pem()))
        .domain_name("localhost");
    let tls = match own {
        Some(own) => tls.identity(Identity::from_pem(&own.certificate, &own.key)),
        None => tls,
    };
    let endpoint = Endpoint::from_shared(format!("https://{address}")).expect("a URL");
    endpoint.tls_config(tls).expect("it is valid")
}

/// A connection to this server.
pub(crate) async fn connect(
    address: SocketAddr,
    authority: &Authority,
    own: Option<Pair>,
) -> Channel {
    let connecting = try_connect(address, authority, own).await;
    connecting.expect("it listens")
}

/// The same, which the server may refuse.
pub(crate) async fn try_connect(
    address: SocketAddr,
    authority: &Authority,
    own: Option<Pair>,
) -> Result<Channel, Error> {
    endpoint(address, authority, own.as_ref()).connect().await
}

/// Sends an empty request to a path; a stream counts as answered when it has begun.
pub(crate) async fn ask(
    channel: &Channel,
    path: &str,
    is_stream: bool,
    header: Option<&str>,
) -> Status {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.expect("it is connected");
    let path = PathAndQuery::try_from(path).expect("a path");
    let request = match header {
        Some(header) => with(header, ()),
        None => Request::new(()),
    };
    let codec = ProstCodec::<(), ()>::default();
    let answered = if is_stream {
        client
            .server_streaming(request, path, codec)
            .await
            .map(drop)
    } else {
        client.unary(request, path, codec).await.map(drop)
    };
    answered.err().unwrap_or_else(|| Status::ok(""))
}
