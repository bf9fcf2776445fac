//! What is taken away ends the streams of those who had it, and of nobody else.

use std::fs;
use std::time::{Duration, SystemTime};

use aftercall_identity::token_file::revoke;
use aftercall_proto::access::v1::Role;
use aftercall_proto::feed::v1::change_feed_service_client::ChangeFeedServiceClient;
use aftercall_proto::feed::v1::{TailRequest, TailResponse};
use aftercall_tests::{Authority, House, Issuer};
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::guarded::{connect, try_connect};
use crate::streams::{add_team, ended, next_change};
use crate::{Tokens, channel, reason, with};

/// A workflow-server over TLS that accepts every proof, and its files.
struct Server {
    house: House,
    authority: Authority,
    dir: TempDir,
}

/// A stream of the feed, and the connection that it has alone.
struct Feed {
    stream: Streaming<TailResponse>,
    client: ChangeFeedServiceClient<Channel>,
}

impl Server {
    /// Trusts these issuers, the certificates of these names, and further CAs.
    async fn start(
        tokens: &Tokens,
        issuers: &[&Issuer],
        names: &[&str],
        cas: &[&Authority],
    ) -> Self {
        let (dir, authority) = (tempfile::tempdir().expect("a folder"), Authority::create());
        let mut house = House::start_without_alerter().await;
        house.stop_workflow().await;
        let own = authority.server().write(dir.path());
        let mut server = Self {
            house,
            authority,
            dir,
        };
        server.write_access(issuers, names);
        server.write_cas(cas);
        let [access, cas] = ["access.toml", "ca.pem"].map(|name| server.dir.path().join(name));
        let house = &mut server.house;
        house.guard_workflow(&tokens.path);
        house.trust_issuers(&access);
        house.serve_tls(&own.0, &own.1, &cas);
        house.start_workflow().await;
        server
    }

    /// Writes the access file. The first issuer has its keys in the folder `0`, and so on.
    fn write_access(&self, issuers: &[&Issuer], names: &[&str]) {
        let mut text = String::new();
        for (at, issuer) in issuers.iter().enumerate() {
            let folder = self.dir.path().join(at.to_string());
            fs::create_dir_all(&folder).expect("a folder");
            text += &issuer.entry(&folder);
        }
        for name in names {
            text += &format!(
                "[[certificate]]\ncommon_name = {name:?}\nname = {name:?}\nroles = [\"alerter\"]\n"
            );
        }
        self.replace("access.toml", &text);
    }

    /// Writes the file of the CAs: that of the server, and these.
    fn write_cas(&self, cas: &[&Authority]) {
        let pem: String = cas.iter().map(|authority| authority.pem()).collect();
        self.replace("ca.pem", &(self.authority.pem() + &pem));
    }

    /// Replaces a file as careful programs do: a reader sees the old content or the new.
    fn replace(&self, name: &str, content: &str) {
        let beside = self.dir.path().join("new");
        fs::write(&beside, content).expect("written");
        fs::rename(beside, self.dir.path().join(name)).expect("moved");
    }

    /// Makes a change, and waits until each of these feeds shows it.
    async fn all_continue(&self, author: &str, feeds: &mut [Feed]) {
        let channel = connect(self.house.workflow_address(), &self.authority, None).await;
        add_team(channel, author, "afterwards").await;
        for feed in feeds {
            next_change(&mut feed.stream).await;
        }
    }

    /// Opens the feed with a token, or with a certificate of this CA and name.
    async fn feed(&self, token: Option<&str>, of: Option<(&Authority, &str)>) -> Feed {
        let own = of.map(|(authority, name)| authority.client(name));
        let address = self.house.workflow_address();
        let channel = connect(address, &self.authority, own).await;
        let mut client = ChangeFeedServiceClient::new(channel);
        let stream = client.tail(tail(token)).await.expect("it is served");
        Feed {
            stream: stream.into_inner(),
            client,
        }
    }
}

/// New entries only.
fn tail(token: Option<&str>) -> Request<TailRequest> {
    let request = TailRequest {
        from_sequence: 1,
        ..TailRequest::default()
    };
    match token {
        Some(token) => with(token, request),
        None => Request::new(request),
    }
}

#[track_caller]
fn is_unauthenticated(status: &Status, expected: &str) {
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert_eq!(reason(status), expected, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_with_each_kind_of_proof() {
    let tokens = Tokens::new();
    let [revoked, kept] = ["revoked", "kept"].map(|name| tokens.add(name, &[Role::Alerter], None));
    let author = tokens.add("author", &[Role::Author], None);
    let issuers = ["removed", "withdrawn", "kept"]
        .map(|name| Issuer::create(&format!("https://{name}.example.com")));
    let [removed, withdrawn, other] = issuers.each_ref();
    let jwts = issuers.each_ref().map(|issuer| {
        let claims = issuer.claims("alerter", &["alerter"]);
        format!("Bearer {}", issuer.sign("key-1", &claims))
    });
    // The first folder keeps its issuer: the last one is removed.
    let server = Server::start(
        &tokens,
        &[other, withdrawn, removed],
        &["gone", "stays"],
        &[],
    )
    .await;
    let authority = &server.authority;
    let ends = [
        (server.feed(Some(&revoked), None).await, "TOKEN_REVOKED"),
        (server.feed(Some(&jwts[0]), None).await, "TOKEN_INVALID"),
        (server.feed(Some(&jwts[1]), None).await, "TOKEN_INVALID"),
        (
            server.feed(None, Some((authority, "gone"))).await,
            "CERTIFICATE_UNKNOWN",
        ),
    ];
    let mut stay = [
        server.feed(Some(&kept), None).await,
        server.feed(Some(&jwts[2]), None).await,
        server.feed(None, Some((authority, "stays"))).await,
    ];
    revoke(&tokens.path, "revoked").expect("revoked");
    let replaced = Issuer::create("https://withdrawn.example.com");
    server.write_access(&[other, &replaced], &["stays"]);
    for (feed, expected) in ends {
        is_unauthenticated(&ended(feed.stream).await, expected);
    }
    server.all_continue(&author, &mut stay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_when_its_ca_is_removed() {
    let tokens = Tokens::new();
    let token = tokens.add("alerter", &[Role::Alerter], None);
    let author = tokens.add("author", &[Role::Author], None);
    let [removed, kept] = [Authority::create(), Authority::create()];
    let server = Server::start(&tokens, &[], &["alerter"], &[&removed, &kept]).await;
    let of_removed = Some((&removed, "alerter"));
    let by_certificate = server.feed(None, of_removed).await;
    // The token is valid, but a new connection would be refused.
    let by_token = server.feed(Some(&token), of_removed).await;
    let mut stay = [
        server.feed(None, Some((&kept, "alerter"))).await,
        server.feed(Some(&token), None).await,
    ];
    let address = server.house.workflow_address();
    let connecting = try_connect(address, &server.authority, Some(removed.client("alerter")));
    connecting.await.expect("the control: it is trusted");
    server.write_cas(&[&kept]);
    for feed in [by_certificate, by_token] {
        let Feed { stream, mut client } = feed;
        is_unauthenticated(&ended(stream).await, "CERTIFICATE_UNTRUSTED");
        let again = client.tail(tail(Some(&token))).await;
        assert!(
            again.is_err(),
            "neither this connection nor a new one serves"
        );
    }
    server.all_continue(&author, &mut stay).await;
    for feed in &mut stay {
        let token = Some(token.as_str());
        feed.client.tail(tail(token)).await.expect("it is served");
    }
}

/// A stream of reflection, and what keeps its requests open.
async fn reflection(
    house: &House,
    token: &str,
) -> (
    Streaming<ServerReflectionResponse>,
    tokio::sync::mpsc::Sender<ServerReflectionRequest>,
) {
    let (asking, asked) = tokio::sync::mpsc::channel(4);
    asking.send(services()).await.expect("it is open");
    let requests = tokio_stream::wrappers::ReceiverStream::new(asked);
    let mut client = ServerReflectionClient::new(channel(house.workflow_address()).await);
    let answered = client.server_reflection_info(with(token, requests)).await;
    let mut stream = answered.expect("it is served").into_inner();
    let first = stream.message().await.expect("an answer");
    assert!(first.is_some(), "the control: it answers");
    (stream, asking)
}

fn services() -> ServerReflectionRequest {
    ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_ends_with_its_token() {
    let tokens = Tokens::new();
    let [gone, kept] = ["gone", "kept"].map(|name| tokens.add(name, &[Role::Display], None));
    let house = crate::guarded(&tokens).await;
    let (stream, _asking) = reflection(&house, &gone).await;
    let (mut other, asking) = reflection(&house, &kept).await;
    revoke(&tokens.path, "gone").expect("revoked");
    is_unauthenticated(&ended(stream).await, "TOKEN_REVOKED");
    asking.send(services()).await.expect("it is open");
    let answer = other.message().await.expect("it continues");
    assert!(answer.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_with_its_certificate() {
    let tokens = Tokens::new();
    let author = tokens.add("author", &[Role::Author], None);
    let server = Server::start(&tokens, &[], &["alerter"], &[]).await;
    let now = SystemTime::now();
    let (early, soon) = (now - Duration::from_secs(60), now + Duration::from_secs(8));
    let own = server.authority.client_between("alerter", (early, soon));
    let address = server.house.workflow_address();
    let channel = connect(address, &server.authority, Some(own)).await;
    let mut client = ChangeFeedServiceClient::new(channel);
    let stream = client
        .tail(tail(None))
        .await
        .expect("the control: it is valid");
    let other = server
        .feed(None, Some((&server.authority, "alerter")))
        .await;
    is_unauthenticated(&ended(stream.into_inner()).await, "TOKEN_EXPIRED");
    server.all_continue(&author, &mut [other]).await;
}
